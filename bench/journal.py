"""What the journal costs a request, how fast it is sealed, and how long a verification takes with how much memory.

    make bench-journal ARGS=1000000

A million entries without an argument of the script itself, in a database of its own. Everything is fictitious.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

import psycopg

from pfcng.contract.catalogue import Environment
from pfcng.store import journal
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.journal import JournalEntry
from pfcng.store.migrations import migrate
from pfcng.store.sealing import seal_pending

ENTRIES: Final = 1_000_000
REQUESTS: Final = 2_000
WRITERS: Final = 4


def main(entries: int) -> None:
    """Write, seal, verify, print."""
    with TemporaryDirectory(prefix="pfcng-bench-") as folder:
        server = EmbeddedPostgres(Path(folder, "data"))
        try:
            migrate(server.dsn)
            database = Database(server.dsn, max_connections=WRITERS + 1)
            _requests(database, server.dsn)
            _sealing(database, server.dsn, entries)
            database.close()
            _verification(server.dsn)
        finally:
            server.stop()


def _requests(database: Database, dsn: str) -> None:
    """The cost of one entry in a transaction: bare, with its waiting digest, with a sealer at work."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE journal DISABLE TRIGGER attendre")
    bare = _write(database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE journal ENABLE TRIGGER attendre")
        connection.execute("INSERT INTO journal_attente SELECT j.id, journal_empreinte(j) FROM journal j")
    waiting = _write(database)
    stopped = Event()
    with ThreadPoolExecutor(1) as pool:
        sealing = pool.submit(_seal_until, database, stopped)
        sealed = _write(database)
        stopped.set()
        sealing.result()
    empty = time.perf_counter()
    seal_pending(database)
    empty = time.perf_counter() - empty
    print(f"une entrée et son commit : {bare:.3f} ms sans empreinte, {waiting:.3f} ms avec, {sealed:.3f} ms pendant")
    print(f"que l’on scelle sans relâche ; {WRITERS} à la fois : {WRITERS * 1000 / sealed:.0f} commits/s")
    print(f"sceller quand rien n’attend : {empty * 1000:.2f} ms")


def _seal_until(database: Database, stopped: Event) -> None:
    while not stopped.is_set():
        seal_pending(database)


def _write(database: Database) -> float:
    """Milliseconds of one transaction, several at once."""

    def write(_: int) -> None:
        with database.transaction() as connection:
            journal.write(connection, [_entry()])

    with ThreadPoolExecutor(WRITERS) as pool:
        start = time.perf_counter()
        list(pool.map(write, range(REQUESTS)))
        return (time.perf_counter() - start) * 1000 * WRITERS / REQUESTS


def _entry() -> JournalEntry:
    return JournalEntry(
        le=datetime.now(UTC),
        incident="0123456789abcdef",
        acte="demanderCertificats",
        resultat="accepté",
        environment=Environment.TEST,
        acteur="599900034200017/CPAT0001",
        signataire="CN=599900034200017/CPAT0001,GN=Alix+SN=FICTIF,OU=318751275100020,O=TEST,C=FR",
        titulaire_tls="CN=editeur.example,OU=318751275100020,O=EDITEUR FICTIF,L=Rhône (69),C=FR",
        adresse="192.0.2.17",
        lot=1,
    )


def _sealing(database: Database, dsn: str, entries: int) -> None:
    """A tail far longer than a second's, sealed by one sealer."""
    _fill(dsn, entries)
    start = time.perf_counter()
    sealed = seal_pending(database)
    seconds = time.perf_counter() - start
    print(f"{sealed} entrées scellées en {seconds:.1f} s : {sealed / seconds:.0f} par seconde")


def _fill(dsn: str, entries: int) -> None:
    columns = journal.COLUMNS
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            f"""
            INSERT INTO journal ({columns}) SELECT {columns} FROM
                (SELECT * FROM journal ORDER BY id LIMIT 1) AS model, generate_series(1, %s)
            """.encode(),  # noqa: S608 - the journal's own columns
            (entries,),
        )
        connection.execute("VACUUM ANALYZE")


def _verification(dsn: str) -> None:
    """Seconds and peak memory of the command, in a process of its own."""
    start = time.perf_counter()
    program = [sys.executable, "-m", "pfcng", "journal", "verifier", "--base", dsn]
    pid = os.posix_spawn(sys.executable, program, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit("la vérification a échoué")
    print(f"vérification : {time.perf_counter() - start:.1f} s, {usage.ru_maxrss / 1024:.0f} Mo")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)
