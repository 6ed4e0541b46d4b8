"""A worker in a process of its own, for tests that kill it: ``python -m support.worker_driver DSN PKI MAILDIR NOW``.

It says « prêt » when it has worked for a second, and lives until it is killed.
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import structlog

from pfcng.jobs.worker import Worker
from pfcng.store.database import Database
from support.platform import make_authority
from support.workers import QUICK, make_parts


def main(dsn: str, pki: str, maildir: str, now: str) -> None:
    """Work until killed, at that moment of the platform's clock."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    database = Database(dsn, max_connections=4)
    moment = datetime.fromisoformat(now)
    authority = make_authority(database, Path(pki))
    parts = make_parts(database, authority, transport=Path(maildir), clock=lambda: moment)
    asyncio.run(_work(Worker(dsn, parts, QUICK)))


async def _work(worker: Worker) -> None:
    """Say so once it has worked for long enough to have taken over what dead workers left."""

    async def announce() -> None:
        await asyncio.sleep(QUICK.silence.total_seconds() * 0.6)
        sys.stdout.write("prêt\n")
        sys.stdout.flush()

    await asyncio.gather(worker.run(), announce())


if __name__ == "__main__":
    main(*sys.argv[1:])
