"""The seals of the journal: chained in batches by one sealer at a time, beside the requests (docs/journal.md)."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from psycopg import Cursor
from psycopg.rows import tuple_row

from pfcng.store.database import Database, DbConnection, Receipt
from pfcng.store.journal import READING, digest_columns

log = structlog.get_logger()

BATCH: Final = 5_000
"""Entries that one transaction seals at most."""
GENESIS: Final = bytes(32)
"""What the first seal has in the place of the hash before it."""
ALARM: Final = "alarme"
"""``resultat`` of the entries by which the platform tells that its journal was tampered with."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the chain: the rank, hash and date of its last seal."""

    rang: int
    empreinte: bytes
    scelle_le: datetime


def seal_hash(precedent: bytes, rang: int, scelle_le: datetime, entry_digest: bytes) -> bytes:
    """The hash that a seal carries; the database computes the same (``journal_sceller``, revision 0004)."""
    micros = (scelle_le - _EPOCH) // _MICROSECOND
    content = precedent + rang.to_bytes(8, "big") + micros.to_bytes(8, "big", signed=True) + entry_digest
    return hashlib.sha256(content).digest()


def seal_pending(database: Database, *, batch: int = BATCH) -> int:
    """Seal the entries that were committed and wait (J2); how many this call sealed.

    Any number of processes may call it at any time: who finds another one sealing returns at once. With nothing to seal
    it costs one query on an empty table.
    """
    total = 0
    while True:
        with database.transaction() as connection:
            row = connection.execute("SELECT * FROM journal_sceller(%s)", (batch,)).fetchone()
        assert row is not None  # noqa: S101 - a function with OUT parameters gives one row
        if row["suspecte"] is not None:
            log.error("journal.suspect", entree=row["suspecte"], see="pfcng journal verifier")
        sealed = int(row["scellees"])
        total += sealed
        if sealed < batch:
            return total


def read_head(connection: DbConnection) -> Head | None:
    """The last seal, or None when nothing was ever sealed."""
    row = connection.execute(
        "SELECT rang, empreinte, scelle_le FROM journal_sceau ORDER BY rang DESC LIMIT 1"
    ).fetchone()
    return None if row is None else Head(**row)


def is_sealed_as(connection: DbConnection, head: Head) -> bool:
    """Whether the chain has a seal of that rank and hash."""
    row = connection.execute(
        "SELECT 1 FROM journal_sceau WHERE rang = %s AND empreinte = %s", (head.rang, head.empreinte)
    ).fetchone()
    return row is not None


def find_lost(connection: DbConnection, receipts: Collection[Receipt]) -> list[int]:
    """Those of the committed entries that are not there any more as they were written, sealed or waiting."""
    cursor: Cursor[tuple[Any, ...]] = connection.cursor(row_factory=tuple_row)
    found = cursor.execute(_FOLLOWED, ([receipt.entree for receipt in receipts],))
    intact = {Receipt(numero, digest_columns(numero, columns)) for numero, *columns in found}
    return sorted(receipt.entree for receipt in set(receipts) - intact)


_FOLLOWED: Final = f"""
SELECT id, {READING} FROM journal j WHERE id = ANY(%s)
    AND (EXISTS (SELECT FROM journal_sceau s WHERE s.entree = j.id)
         OR EXISTS (SELECT FROM journal_attente a WHERE a.entree = j.id))
"""  # noqa: S608 - the columns are the journal's own
