"""Turns in a thread, brought about by notices (`store/listening.py`)."""

import os
import resource
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Lock

import psycopg
import pytest

from pfcng.store import listening
from pfcng.store.database import Database
from pfcng.store.listening import APART, keep_turning
from support.workers import wait_until

CHANNEL = "essai"


class Turns:
    """Counts its turns, and what had been told when each began."""

    def __init__(self, database: Database) -> None:
        self.taken = 0
        self.seen = 0
        self.told = 0
        self._lock = Lock()
        self._database = database
        self.first = Event()

    def turn(self) -> float:
        with self._lock:
            self.taken += 1
            self.seen = self.told
        self.first.set()
        return 600

    def tell(self) -> None:
        with self._lock:
            self.told += 1
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))


@pytest.fixture
def turns(database: Database) -> Turns:
    return Turns(database)


def test_notice_brings_a_turn_about_at_once(database: Database, turns: Turns) -> None:
    """Nobody waits ten minutes for what the database tells."""
    with keep_turning("essai", turns.turn, database=database, channels=(CHANNEL,)):
        assert turns.first.wait(10)
        turns.tell()
        wait_until(lambda: turns.taken == 2)


def test_many_notices_bring_few_turns_about(database: Database, turns: Turns) -> None:
    """A hundred revocations are not a hundred looks at everything, in every process; and none is missed."""
    with keep_turning("essai", turns.turn, database=database, channels=(CHANNEL,)):
        assert turns.first.wait(10)
        began = time.monotonic()
        for _ in range(100):
            turns.tell()
        wait_until(lambda: turns.seen == 100)
        most = 2 + (time.monotonic() - began) / APART  # however slow the machine is
        assert turns.taken <= most


def test_turns_go_on_whatever_the_database_says(
    database: Database, dsn: str, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers with an error, as one that is being restored or migrated, is one that is away."""
    monkeypatch.setattr(listening, "_RETRY", 0.1)
    with (
        psycopg.connect(dsn, autocommit=True) as owner,
        keep_turning("essai", turns.turn, database=database, channels=(CHANNEL,)),
    ):
        assert turns.first.wait(10)
        owner.execute("ALTER FUNCTION igc.faits_de_la_base() RENAME TO faits")
        owner.execute(
            "CREATE FUNCTION igc.faits_de_la_base() RETURNS SETOF record LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'cache lookup failed' USING ERRCODE = 'XX000'; END $$"
        )
        owner.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        wait_until(lambda: turns.taken >= 3)
        owner.execute("DROP FUNCTION igc.faits_de_la_base()")
        owner.execute("ALTER FUNCTION igc.faits() RENAME TO faits_de_la_base")
        wait_until(
            lambda: bool(owner.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%essai%'").rowcount)
        )
        taken = turns.taken
        turns.tell()
        wait_until(lambda: turns.taken > taken)


def test_turns_outlive_a_failure_that_nobody_foresaw(database: Database, turns: Turns) -> None:
    """One that fails is taken again: CRLs are renewed, and revocations known, after that too."""

    def turn() -> float:
        turns.turn()
        if turns.taken == 1:
            raise ValueError("nobody foresaw it")
        return 600

    with keep_turning("essai", turn, database=database, channels=(CHANNEL,)):
        assert turns.first.wait(10)
        turns.tell()
        wait_until(lambda: turns.taken == 2)


def test_turns_outlive_a_lack_of_descriptors(
    dsn: str, database: Database, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that cannot be had for want of descriptors is sought again (EMFILE is no error of the database)."""
    monkeypatch.setattr(listening, "_RETRY", 0.1)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

    with (
        psycopg.connect(dsn, autocommit=True) as admin,
        keep_turning("essai", turns.turn, database=database, channels=(CHANNEL,)),
    ):
        wait_until(lambda: turns.taken == 1)
        with ExitStack() as taken:
            resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), limits[1]))
            taken.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
            with suppress(OSError):
                while True:
                    taken.enter_context(Path(os.devnull).open("rb"))
            admin.execute(f"SELECT pg_terminate_backend(pid) {listeners}")
            wait_until(lambda: turns.taken > 2)  # as the session ends, and when none can be had
        wait_until(lambda: bool(admin.execute(f"SELECT {listeners}").rowcount))
        before = turns.taken
        turns.tell()
        wait_until(lambda: turns.taken > before)
