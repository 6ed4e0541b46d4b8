"""Mails to a relay by SMTP: STARTTLS, TLS, or nothing on this machine; one connection, kept and used again."""

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from pfcng.notifications.mail import MailDelayed, MailRefused

_IDLE: Final = 5.0
"""Seconds after which a kept connection is tried before it is trusted: relays close those that are silent."""
_OURS: Final = frozenset({530, 534, 535, 538})
"""5xx that speak of our account, not of the recipient: an operator can mend them while the mail waits."""


_SILENCES: Final[dict[type[Exception], str]] = {
    ssl.SSLCertVerificationError: "le certificat du relais n’est pas cru : {cause}",
    ssl.SSLError: "pas de TLS avec le relais : {cause}",
    socket.gaierror: "le nom du relais est inconnu",
    ConnectionRefusedError: "le relais refuse la connexion",
    TimeoutError: "le relais ne répond pas",
    SMTPConnectError: "la connexion au relais échoue",
    ConnectionError: "le relais a coupé la connexion",
}
"""Why a relay says nothing, in French, the more precise first: an operator reads it beside the mail that waits."""


class Security(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "aucune"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The server that takes our mails.

    Attributes:
        timeout: Seconds that it may take to answer each command.
        tls: What its certificate is checked with; the system's authorities when None.
    """

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str | None = None
    password: str | None = None
    timeout: float = 30.0
    tls: ssl.SSLContext | None = None


class Smtp:
    """A relay's transport. Mails go one after the other over one connection."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._lock = asyncio.Lock()
        self._connection: SMTP | None = None
        self._used = 0.0

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand the message to the relay.

        Raises:
            MailRefused: 5xx to the recipient or to the message.
            MailDelayed: Anything else that is not 250.
        """
        sender = message["From"].addresses[0].addr_spec
        async with self._lock:
            try:
                connection = await self._begin(sender)
                await connection.rcpt(recipient)
                await connection.data(message.as_bytes())
            except (SMTPRecipientRefused, SMTPDataError) as error:
                await self._forget_envelope()
                raise _judged(error) from error
            except asyncio.CancelledError:
                self._drop()  # nobody knows what the relay heard
                raise
            except (SMTPException, OSError) as error:  # time-outs and TLS among them
                self._drop()
                raise MailDelayed(_told(error)) from error
            except ValueError as error:
                self._drop()
                raise MailRefused("L’adresse ne peut pas être dite au serveur.") from error
            self._used = time.monotonic()

    async def close(self) -> None:
        """Say good-bye to the relay."""
        async with self._lock:
            if self._connection is not None and self._connection.is_connected:
                with suppress(SMTPException, OSError):  # it was leaving anyway
                    await self._connection.quit()
            self._drop()

    async def _begin(self, sender: str) -> SMTP:
        """A connection that has taken MAIL; one that the relay closed meanwhile is replaced: nothing was said yet."""
        if self._connection is not None and self._connection.is_connected:
            try:
                if time.monotonic() - self._used > _IDLE:
                    await self._connection.noop()
                await self._connection.mail(sender)
            except (SMTPServerDisconnected, SMTPResponseException, OSError):
                self._drop()
            else:
                return self._connection
        connection = self._connection = _client(self._relay)
        await connection.connect()
        await connection.mail(sender)
        return connection

    async def _forget_envelope(self) -> None:
        connection = self._connection
        try:
            if connection is not None:
                await connection.rset()
        except (SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _client(relay: Relay) -> SMTP:
    return SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.user,
        password=relay.password,
        timeout=relay.timeout,
        use_tls=relay.security is Security.TLS,
        start_tls=relay.security is Security.STARTTLS,
        tls_context=None if relay.security is Security.NONE else relay.tls or ssl.create_default_context(),
    )


def _judged(error: SMTPRecipientRefused | SMTPDataError) -> MailRefused | MailDelayed:
    """5xx is for good, 4xx is not (RFC 5321 §4.2.1)."""
    final = 500 <= error.code < 600 and error.code not in _OURS
    return MailRefused(_told(error)) if final else MailDelayed(_told(error))


def _told(error: Exception) -> str:
    """The relay's words, on one line and not too many; in ours, why there are none."""
    if isinstance(error, SMTPResponseException):
        return " ".join(f"{error.code} {error.message}".split())[:300]
    causes = [error.__cause__, error]
    for kind, words in _SILENCES.items():
        for cause in causes:
            if isinstance(cause, kind):
                return words.format(cause=getattr(cause, "verify_message", None) or getattr(cause, "reason", ""))
    missing = next((name for name in ("STARTTLS", "AUTH") if f"{name} extension" in str(error)), None)
    return f"le relais n’offre pas {missing}" if missing else f"le relais : {type(error).__name__}"
