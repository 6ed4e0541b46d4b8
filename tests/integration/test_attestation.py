"""A database knows that it was restored, however it was, and says so until it was compared (docs/restore.md)."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from pfcng.igc.migrations import IGC
from pfcng.sandbox.database import take_over
from pfcng.store import attestation
from pfcng.store.attestation import Attestation, Objet, SuspectDatabase
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres, stop_server
from pfcng.store.migrations import migrate
from support.backups import base_backup, copy_folder, dump, give, restore
from support.folders import shared_folder

NUMBERS = ("indice_lot", "numero_demande", "numero_produit", "numero_revocation")


@pytest.fixture
def empty(postgres: str) -> str:
    """A database without a table."""
    name = f"vide_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_conninfo(postgres, dbname=name)


def fault_of(dsn: str) -> str | None:
    """What a process that starts finds."""
    with closing(Database(dsn)) as database:
        database.is_attested()
        return database.suspicion


def numbers(dsn: str) -> dict[str, int]:
    with psycopg.connect(dsn) as connection:
        found = {}
        for name in NUMBERS:
            row = connection.execute(sql.SQL("SELECT last_value FROM {}").format(sql.Identifier(name))).fetchone()
            assert row is not None
            found[name] = row[0]
        return found


def rows(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT objet FROM igc.attestation ORDER BY numero")]


def lift(dsn: str) -> None:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        attestation.attest(connection, Objet.RECONCILIATION, "")


@pytest.mark.parametrize("chain", ["platform", "igc"])
def test_new_database_is_attested(empty: str, chain: str) -> None:
    """The platform's and PFCNG-IGC's own, at once."""
    if chain == "igc":
        migrate(empty, IGC)
        with closing(Database(empty, role=None)) as database:
            assert database.is_attested()
    else:
        migrate(empty)
        assert fault_of(empty) is None
    assert rows(empty) == ["création"]


def test_database_without_the_table_is_suspect(empty: str) -> None:
    """Default to refusal; nothing is written in it."""
    assert "migrer" in (fault_of(empty) or "")


def test_maintenance_changes_nothing(dsn: str) -> None:
    """VACUUM, FULL or not, keeps the transaction of a row."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (FREEZE) igc.attestation")
        connection.execute("VACUUM (FULL, FREEZE) igc.attestation")
    assert fault_of(dsn) is None


def test_dump_restored_into_a_new_database_is_suspect(dsn: str, empty: str, tmp_path: Path) -> None:
    """The commonest restore; numbers of every kind go ahead, once, whoever looks."""
    dump(dsn, tmp_path / "sauvegarde")
    restore(tmp_path / "sauvegarde", empty)
    assert "copie d’une autre base" in (fault_of(empty) or "")
    assert set(numbers(empty).values()) == {2_000_000}
    assert fault_of(empty) is not None
    assert set(numbers(empty).values()) == {2_000_000}
    assert rows(empty)[-1:] == ["suspicion"]
    lift(empty)
    assert fault_of(empty) is None


@pytest.mark.parametrize(
    "options", [("--clean", "--if-exists"), ("--data-only", "--schema=igc", "--table=attestation")]
)
def test_dump_restored_into_the_same_database_is_suspect(dsn: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Server, timeline and database are the same; the rows are not."""
    dump(dsn, tmp_path / "sauvegarde")
    with closing(Database(dsn)) as living:
        assert living.is_attested()
    if "--data-only" in options:
        with psycopg.connect(dsn) as connection:
            connection.execute("TRUNCATE igc.attestation")
    restore(tmp_path / "sauvegarde", dsn, *options)
    assert "remplies depuis une sauvegarde" in (fault_of(dsn) or "")


def test_copy_of_a_suspect_database_is_a_new_suspicion(dsn: str, empty: str, tmp_path: Path) -> None:
    """Its numbers go ahead of those that the copied one gives meanwhile."""
    with closing(Database(dsn)) as database:
        database.suspect("pour l’essai")
    dump(dsn, tmp_path / "sauvegarde")
    restore(tmp_path / "sauvegarde", empty)
    assert fault_of(empty) is not None
    assert set(numbers(empty).values()) == {4_000_000}


def test_sandbox_takes_a_copied_database_as_it_is(dsn: str, empty: str, tmp_path: Path) -> None:
    """It says so once and goes on: nobody relies on what a sandbox certified."""
    dump(dsn, tmp_path / "sauvegarde")
    restore(tmp_path / "sauvegarde", empty)
    assert "copiée ou restaurée" in (take_over(empty) or "")
    assert fault_of(empty) is None
    assert set(numbers(empty).values()) == {2_000_000}
    assert take_over(empty) is None


def test_sandbox_of_an_older_version_has_nothing_to_tell(dsn: str) -> None:
    """Its database has no row yet, and its numbers go on."""
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM igc.attestation")
    assert take_over(dsn) is None
    assert fault_of(dsn) is None
    assert set(numbers(dsn).values()) == {1}


def test_living_process_sees_what_is_restored_under_it(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within some seconds on a connection that stays, and sees the lift at once."""
    with closing(Database(dsn)) as database:
        database.require_attested()
        dump(dsn, tmp_path / "sauvegarde")
        restore(tmp_path / "sauvegarde", dsn, "--clean", "--if-exists")
        monkeypatch.setattr(attestation, "FRESH", 0.0)
        with pytest.raises(SuspectDatabase, match="sauvegarde"):
            database.require_attested()
        lift(dsn)
        database.require_attested()


def test_threads_that_look_at_once_do_not_see_the_log_go_back(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who read it first may come to tell it last: that is no older state."""
    monkeypatch.setattr(attestation, "FRESH", 0.0)

    def work(database: Database, turns: int) -> bool:
        for _ in range(turns):
            with database.transaction() as connection:
                connection.execute("SELECT nextval('numero_demande'), pg_current_xact_id()")
            if not database.is_attested():
                return False
        return True

    with closing(Database(dsn, max_connections=8)) as database, ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: work(database, 40), range(8)))
    assert rows(dsn)[-1:] == ["création"]


def test_new_connection_is_looked_at_before_anybody_works_on_it(dsn: str) -> None:
    """A restored server has ended the old ones; how old the last look is plays no part."""
    with closing(Database(dsn, max_connections=1)) as database:
        assert database.is_attested()
        with closing(Database(dsn)) as other:
            other.suspect("pour l’essai")
        with database.transaction() as connection:
            [row] = connection.execute("SELECT pg_backend_pid() AS pid").fetchall()
        with psycopg.connect(dsn, autocommit=True) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 60000)", (row["pid"],))  # waits until it is gone
        with database.transaction():
            pass
        assert database.suspicion == "pour l’essai"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server over a data folder."""
    try:
        yield EmbeddedPostgres(folder).dsn
    finally:
        stop_server(folder)


def test_server_put_back_to_an_older_state_is_suspect() -> None:
    """A promoted copy by its timeline; a data folder put back whole by the log, to whoever saw it further."""
    with shared_folder() as folder:
        seen = Attestation()
        with served(folder / "pg") as dsn:
            migrate(dsn)
            base_backup(dsn, folder / "promue", recovered=True)
            base_backup(dsn, folder / "replique")
            (folder / "replique" / "standby.signal").touch()
            give(folder / "replique", like=folder / "pg")
        copy_folder(folder / "pg", folder / "ancienne")
        with served(folder / "replique") as dsn:
            assert "lecture seule" in (fault_of(dsn) or "")
        with served(folder / "promue") as dsn:
            assert "ligne de temps" in (fault_of(dsn) or "")
        with served(folder / "pg") as dsn:
            _give_numbers(dsn)
            look(seen, dsn)
            assert seen.fault is None
        with served(folder / "ancienne") as dsn:
            assert fault_of(dsn) is None  # it proves everything
            look(seen, dsn)
            assert "en deçà" in (seen.fault or "")
            assert fault_of(dsn) == seen.fault  # and now everybody knows
            assert set(numbers(dsn).values()) == {2_000_000}
            lift(dsn)
            look(seen, dsn)
            assert seen.fault is None


def look(seen: Attestation, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        seen.look(connection)


def _give_numbers(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT nextval('numero_demande') FROM generate_series(1, 100)")
        connection.execute("CREATE TABLE beaucoup AS SELECT generate_series(1, 10000)")
