"""A journal to tamper with: entries, seals, and somebody who owns the database."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pfcng.store import journal
from pfcng.store.database import Database
from pfcng.store.journal import JournalEntry
from pfcng.store.sealing import seal_pending
from pfcng.store.verification import Fault, Report, verify
from support.platform import NOW


def make_entry(detail: str = "", **changes: object) -> JournalEntry:
    """An entry of an act that has no demande."""
    told = {"le": NOW, "incident": "0123456789abcdef", "acte": "retirerCertificat", "resultat": "refusé"}
    return JournalEntry(**{**told, "detail": detail or None, **changes})  # type: ignore[arg-type]  # the caller names fields


def append(database: Database, count: int = 1, **changes: object) -> None:
    """That many entries, each in a transaction of its own."""
    for number in range(count):
        with database.transaction() as connection:
            journal.write(connection, [make_entry(f"entrée {number}", **changes)])


def seal(database: Database, count: int) -> None:
    """That many entries, sealed."""
    append(database, count)
    assert seal_pending(database) == count


def check(database: Database, anchors: dict[int, bytes] | None = None) -> Report:
    """What a verification finds."""
    with database.transaction() as connection:
        return verify(connection, anchors)


def fault_of(database: Database, anchors: dict[int, bytes] | None = None) -> Fault:
    """The fault that a verification finds."""
    fault = check(database, anchors).fault
    assert fault is not None
    return fault


@contextmanager
def owner(dsn: str) -> Iterator[psycopg.Connection]:
    """The owner of the database, whom no trigger stops any more and who leaves the database as it was otherwise."""
    tables = ("journal", "journal_sceau", "journal_attente")
    with psycopg.connect(dsn) as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        yield connection
        for table in tables:
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
