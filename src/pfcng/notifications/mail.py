"""A mail to be sent, and what a transport can answer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Protocol

from pfcng.notifications.catalogue import Notification, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one recipient, as its row has it.

    Attributes:
        numero: Of the row.
        contenu: What the text needs.
        cree_le: When what it tells was committed.
    """

    numero: int
    notification: Notification
    role: Role
    destinataire: str
    contenu: Mapping[str, Any]
    cree_le: datetime

    def message_id(self, domain: str) -> str:
        """The same at every try, and no other mail's: it follows from the row alone."""
        told = (self.numero, self.notification.code, self.role, self.destinataire, self.cree_le.isoformat())
        return f"<{hashlib.sha256(repr(told).encode()).hexdigest()[:40]}@{domain}>"


def read_sender(text: str) -> Address:
    """The parts of a From header: an address, or ``Name <address>``.

    Raises:
        ValueError: It is no address.
    """
    name, spec = parseaddr(text)
    try:
        address = Address(display_name=name, addr_spec=spec)
    except (ValueError, MessageError, IndexError) as error:
        raise ValueError(f"ce n’est pas une adresse d’expéditeur : {text}") from error
    if not (address.username and address.domain and spec.isascii()):
        raise ValueError(f"ce n’est pas une adresse d’expéditeur : {text}")
    return address


class MailRefused(Exception):
    """Nobody will ever take this mail: the address is refused for good (5xx). The message is for the journal."""


class MailDelayed(Exception):
    """The mail may have left or not: an outage, a 4xx, a lost answer. To be tried again. The message is for the log."""


class Transport(Protocol):
    """A way in which mails leave. Sending the same message twice is allowed: its Message-ID is the same."""

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand the message over; it is delivered, or on its way, when this returns.

        Raises:
            MailRefused: for good.
            MailDelayed: try later.
        """

    async def close(self) -> None:
        """Let go of connections."""
