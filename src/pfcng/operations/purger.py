"""What nobody asks about any more is removed: old mails, old jobs (docs/later.md)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pfcng.store import courrier, jobs
from pfcng.store.database import Database, DbConnection

MAIL_AGE: Final = timedelta(days=90)
JOB_AGE: Final = timedelta(days=7)
_BATCH: Final = 1000


def purger(*, database: Database, now: datetime) -> int:
    """Remove mails that ended 90 days ago and jobs that ended 7 days ago; how many rows. No transaction is long."""
    removed = _all(database, lambda connection: courrier.purge(connection, now - MAIL_AGE, _BATCH))
    return removed + _all(database, lambda connection: jobs.purge(connection, JOB_AGE, _BATCH))


def _all(database: Database, remove: Callable[[DbConnection], int]) -> int:
    total = 0
    while True:
        with database.transaction() as connection:
            removed = remove(connection)
        total += removed
        if removed < _BATCH:
            return total
