"""Count what those who watch want to know; one worker does, for all nodes."""

from datetime import datetime

from pfcng.store import mesures
from pfcng.store.database import Database


def compter(*, database: Database, now: datetime) -> bool:
    """Count, unless the last count is recent for what it cost; whether it was done."""
    with database.transaction() as connection:
        return mesures.compter(connection, now)
