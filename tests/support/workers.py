"""Parts of a worker for tests, and transports that do as they are told."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority
from pfcng.jobs.acts import Parts
from pfcng.jobs.worker import Pace
from pfcng.notifications.mail import Transport
from pfcng.notifications.maildir import Maildir
from pfcng.store.database import Database
from support.mails import make_renderer

QUICK = Pace(
    heartbeat=timedelta(seconds=0.2),
    silence=timedelta(seconds=2),
    grace=timedelta(seconds=1),
    poll=timedelta(seconds=0.2),
)


@dataclass
class Scripted:
    """A transport that keeps what it is given, once the errors that it was told are used up."""

    errors: list[Exception] = field(default_factory=list)
    sent: list[EmailMessage] = field(default_factory=list)

    async def send(self, message: EmailMessage, recipient: str) -> None:
        assert message["To"] == recipient
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)

    async def close(self) -> None:
        """Nothing is held."""


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def make_parts(
    database: Database,
    authority: CertificateAuthority,
    *,
    transport: Transport | Path,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    rules: Rules | None = None,
) -> Parts:
    """A worker's parts; a path is that of a maildir."""
    return Parts(
        database=database,
        authority=authority,
        rules=rules or Rules(),
        clock=clock,
        transport=Maildir(transport) if isinstance(transport, Path) else transport,
        renderer=make_renderer(),
    )
