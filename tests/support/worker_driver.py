"""A worker in a process of its own, for tests that kill it: ``python -m support.worker_driver DSN PKI MAILDIR NOW``.

It says « prêt » when it has worked, and lives until it is killed.
"""

import asyncio
import sys
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import structlog

from pfcng.jobs.worker import Worker
from pfcng.notifications.maildir import Maildir
from pfcng.store.database import Database
from support.platform import make_authority
from support.workers import QUICK, make_parts


def main(dsn: str, pki: str, maildir: str, now: str) -> None:
    """Work until killed, at that moment of the platform's clock."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    database = Database(dsn, max_connections=4)
    moment = datetime.fromisoformat(now)
    authority = make_authority(database, Path(pki))
    transport = Counting(Path(maildir))
    parts = make_parts(database, authority, transport=transport, clock=lambda: moment)
    asyncio.run(_work(Worker(dsn, parts, QUICK), transport))


class Counting(Maildir):
    """A maildir that says when some mails were delivered."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._left = 40
        self.some = asyncio.Event()

    async def send(self, message: EmailMessage, recipient: str) -> None:
        await super().send(message, recipient)
        self._left -= 1
        if self._left <= 0:
            self.some.set()


async def _work(worker: Worker, transport: Counting) -> None:
    """Say so once it has worked for long enough to have taken over what dead workers left, however busy the machine."""

    async def announce() -> None:
        await asyncio.sleep(QUICK.silence.total_seconds() * 0.6)
        with suppress(TimeoutError):  # nothing may be left to deliver
            await asyncio.wait_for(transport.some.wait(), 10)
        sys.stdout.write("prêt\n")
        sys.stdout.flush()

    await asyncio.gather(worker.run(), announce())


if __name__ == "__main__":
    main(*sys.argv[1:])
