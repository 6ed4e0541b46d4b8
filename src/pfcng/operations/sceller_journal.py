"""The sealer of the journal: what a serving process does every second, beside its requests (docs/journal.md)."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Final

import psycopg
import structlog

from pfcng.operations.ancre_journal import Anchor
from pfcng.store import journal
from pfcng.store.database import Database, DbConnection
from pfcng.store.defects import describe
from pfcng.store.journal import JournalEntry
from pfcng.store.sealing import ALARM, Head, find_lost, is_sealed_as, read_head, seal_pending

log = structlog.get_logger()

ACTE: Final = "sceller"
INTERVAL: Final = 1.0
"""Seconds between two turns: the age that the unsealed tail reaches."""
_ANCHOR_LOCK: Final = 0x6A6F75726E616C61
"""Key of the advisory lock under which one process at a time writes an anchor: "journala"."""


class Sealer:
    """One process's part in the seals; it remembers what the process committed and where the chain had come to.

    Args:
        database: The one whose transactions are the process's requests.
        clock: The present, aware.
        anchor: Where the head is kept outside; None to keep it in the log alone.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime], anchor: Anchor | None = None) -> None:
        self._database = database
        self._clock = clock
        self._anchor = anchor
        self._head: Head | None = None
        self._disowned: Head | None = None

    def turn(self) -> int:
        """Seal what waits (J2), look whether anything that was committed is gone, anchor the head (J3).

        Returns:
            How many entries this turn sealed.

        Raises:
            psycopg.Error: The database does not answer; nothing is lost, the next turn does it.
            OSError: The anchor cannot be written; idem.
        """
        sealed = seal_pending(self._database)
        self._check_receipts()
        self._check_head()
        if self._anchor is not None:
            self._keep_anchor(self._anchor)
        return sealed

    def _check_receipts(self) -> None:
        """Every entry that this process committed is there, sealed or waiting, as it was written."""
        receipts = self._database.take_receipts()
        if not receipts:
            return
        try:
            with self._database.transaction() as connection:
                for entree in find_lost(connection, receipts):
                    self._alarm(connection, f"L’entrée {entree} a été retirée ou changée avant d’être scellée.")
        except psycopg.Error:
            self._database.put_back(receipts)
            raise

    def _check_head(self) -> None:
        """The chain still has the seal it ended with at the last turn."""
        known = self._head
        with self._database.transaction() as connection:
            if known is not None and not is_sealed_as(connection, known):
                self._alarm(
                    connection, f"Le sceau de rang {known.rang} ({known.empreinte.hex()}) a été retiré ou changé."
                )
            head = read_head(connection)
        self._head = head

    def _keep_anchor(self, anchor: Anchor) -> None:
        """Add a line when the chain is far enough from the last one; none to a file that tells another chain."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS held", (_ANCHOR_LOCK,)).fetchone()
            head = read_head(connection)
            if head is None or row is None or not row["held"]:
                return
            last = anchor.last()
            if last is not None and not is_sealed_as(connection, last):
                if last != self._disowned:
                    self._alarm(
                        connection, f"L’ancre a le rang {last.rang} ({last.empreinte.hex()}), la chaîne ne l’a pas."
                    )
                self._disowned = last
            elif head.rang >= (last.rang if last else 0) + anchor.every:
                anchor.append(head)
                log.info("journal.anchored", rang=head.rang, empreinte=head.empreinte.hex())

    def _alarm(self, connection: DbConnection, detail: str) -> None:
        """Tell it in the log and in the journal itself, where the verification finds it."""
        log.error("journal.tampered", detail=detail, see="docs/journal-exploitation.md")
        told = JournalEntry(le=self._clock(), incident=secrets.token_hex(8), acte=ACTE, resultat=ALARM, detail=detail)
        journal.write(connection, [told])


@contextmanager
def keep_sealed(
    database: Database, *, clock: Callable[[], datetime], anchor: Anchor | None = None, interval: float = INTERVAL
) -> Iterator[None]:
    """Seal every ``interval`` seconds in a thread of its own, and once more at the end of the block."""
    stopped = Event()
    sealer = Sealer(database, clock=clock, anchor=anchor)
    thread = Thread(target=_run, args=(sealer, stopped, interval), name="pfcng-sealer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _run(sealer: Sealer, stopped: Event, interval: float) -> None:
    """Turn until stopped, and then once more; what fails is logged, once while it lasts, and done by the next turn."""
    last, told = False, None
    while not last:
        last = stopped.wait(interval)
        try:
            sealer.turn()
        except Exception as error:  # noqa: BLE001 - the edge of a job
            failure = describe(error)
            if failure != told:
                log.error("journal.turn_failed", **failure)  # noqa: TRY400 - it would quote rows
            told = failure
        else:
            told = None
