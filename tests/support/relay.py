# ruff: noqa: ARG002 - aiosmtpd gives its handlers more than they need
"""A real SMTP server in a thread (aiosmtpd), which a test may let refuse, hang, or cut the line."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from threading import Lock
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Inbox:
    """What a server does with its mails. Change the attributes to make trouble.

    Attributes:
        refusals: Recipient → reply to RCPT.
        data_reply: Reply to the message instead of 250.
        cuts: How many times the line is cut after the message was kept, before the answer.
        hangs: Whether RCPT is never answered.
        sessions: Connections that were made.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[str, EmailMessage]] = []
        self.refusals: dict[str, str] = {}
        self.data_reply: str | None = None
        self.cuts = 0
        self.hangs = False
        self.sessions = 0
        self.closing: set[Any] = set()
        self._lock = Lock()

    @property
    def identifiers(self) -> list[str]:
        """The Message-ID of everything that was kept, in its order."""
        with self._lock:
            return [message["Message-ID"] for _, message in self.kept]

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        self.closing.add(server)
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - idem
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hangs:
            await asyncio.sleep(3600)
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - idem
        if self.data_reply is not None:
            return self.data_reply
        assert isinstance(envelope.content, bytes)
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        with self._lock:
            self.kept += [(recipient, message) for recipient in envelope.rcpt_tos]
            cut = self.cuts > 0
            self.cuts -= cut
        if cut:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 kept"


@contextmanager
def relay(
    inbox: Inbox,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    account: tuple[str, str] | None = None,
    port: int = 0,
) -> Iterator[int]:
    """A server on a free port of this machine; gives the port."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _kind: str, told: Any) -> AuthResult:
        assert isinstance(told, LoginPassword)
        return AuthResult(success=(told.login.decode(), told.password.decode()) == account, handled=False)

    options: dict[str, Any] = {"tls_context": starttls, "require_starttls": starttls is not None}
    if account is not None:
        encrypted = starttls is not None
        options |= {"authenticator": check, "auth_required": encrypted, "auth_require_tls": encrypted}
    server = Controller(inbox, hostname="127.0.0.1", port=port or _free_port(), ssl_context=tls, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop(no_assert=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
