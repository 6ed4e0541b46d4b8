"""The database is brought to the newest revision once, whoever starts first."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import DuplicateTable, InsufficientPrivilege
from structlog.testing import capture_logs
from typer.testing import CliRunner

from pfcng.cli.habilitation import habilitation
from pfcng.domain.states import DemandeState, ProduitState
from pfcng.igc.migrations import IGC
from pfcng.node.faults import StartFault, faults_told
from pfcng.store import migrations
from pfcng.store.database import Database
from pfcng.store.migrations import PLATFORM, Chain, UnsuitableDatabase, check_schema, migrate
from support.databases import next_version
from support.workers import wait_until


def test_processes_that_start_together_migrate_once(postgres: str) -> None:
    """Each one waits for the one that holds the lock, then finds nothing to do."""
    dsn = _new_database(postgres, "ensemble")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [dsn] * 4))
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(PLATFORM.head,)]


OLD_REVOCATION = """
INSERT INTO igc.certificat (numero, requete, enregistre_le, emetteur, numero_serie, debut_validite, adresses)
VALUES (1, '{}', now(), decode(repeat('ab', 20), 'hex'), decode(repeat('01', 16), 'hex'), '2026-03-01', '{}');
INSERT INTO igc.revocation (numero, raison, revoque_le) VALUES (1, NULL, now());
"""


@pytest.mark.parametrize("chains", [(PLATFORM, IGC), (IGC, PLATFORM)])
def test_schemas_share_a_database_whichever_is_first(postgres: str, chains: tuple[Chain, Chain]) -> None:
    """PFCNG-IGC may have a database of its own or the platform's; a revocation of before the chain is taken over."""
    dsn = _new_database(postgres, f"partage_{chains[0].schema}")
    migrate(dsn, chains[0])
    if chains[0] is PLATFORM:
        with psycopg.connect(dsn) as connection:
            connection.execute(OLD_REVOCATION)
    migrate(dsn, chains[1])
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT encode(numero_serie, 'hex'), fin_validite::text FROM igc.revocation")
        assert found.fetchall() == ([("01" * 16, "2029-03-01 00:00:00+00")] if chains[0] is PLATFORM else [])


def _new_database(postgres: str, name: str) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_conninfo(postgres, dbname=name, options="-c timezone=UTC")


def test_account_without_rights_is_refused_in_one_sentence(postgres: str) -> None:
    """The refusal of the database itself, not of a library above it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE ROLE passante LOGIN")
        connection.execute("CREATE DATABASE fermee")
        connection.execute("REVOKE ALL ON DATABASE fermee FROM PUBLIC; GRANT CONNECT ON DATABASE fermee TO passante")
    dsn = make_conninfo(postgres, dbname="fermee", user="passante")
    with pytest.raises(InsufficientPrivilege):
        migrate(dsn)


def test_command_leaves_a_database_of_another_revision_as_it_is(postgres: str) -> None:
    """Only ``pfcng migrer`` changes tables, outside the sandbox."""
    dsn = _new_database(postgres, "sans_tables")
    result = CliRunner().invoke(habilitation, ["lister", "--base", dsn])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lancez « pfcng migrer »" in result.stderr
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_database_admits_exactly_the_states_of_the_table(database: Database) -> None:
    """The checks of the columns and ``domain/states.py`` name the same states."""
    for table, states in (("demande", DemandeState), ("produit", ProduitState)):
        with database.transaction() as connection:
            rows = connection.execute(
                """
                SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint
                WHERE conrelid = %s::regclass AND conname = %s
                """,
                (table, f"{table}_etat_check"),
            ).fetchall()
        [row] = rows
        admitted = {part.split("'")[0] for part in row["definition"].split("'")[1::2]}
        assert admitted == set(states)


@pytest.fixture
def newer(tmp_path: Path) -> Chain:
    """The platform's revisions of the next version, which adds a table."""
    return next_version(tmp_path / "suivante", "CREATE TABLE de_la_suite ()")


def test_database_of_the_next_version_serves_both(postgres: str, newer: Chain) -> None:
    """It is brought there before the nodes are: those of the former version go on, and start; nothing goes back."""
    dsn = _new_database(postgres, "suivante")
    migrate(dsn)
    migrate(dsn, newer)
    with capture_logs() as log:
        check_schema(dsn, PLATFORM)
    assert [(line["event"], line["revision"]) for line in log] == [("database.newer", "9000")]
    migrate(dsn)
    check_schema(dsn, newer)


def test_database_that_took_something_away_refuses_the_former_version(postgres: str, newer: Chain) -> None:
    """The newer program tells it; so does a database of which no program told anything."""
    dsn = _new_database(postgres, "contractee")
    migrate(dsn)
    migrate(dsn, replace(newer, oldest="9000"))
    for act in (check_schema, migrate):
        with pytest.raises(UnsuitableDatabase, match="version plus récente de pfcng \\(révision 9000\\)"):
            act(dsn, PLATFORM)
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE alembic_version DROP COLUMN admise")
    with pytest.raises(UnsuitableDatabase, match="version plus récente"):
        check_schema(dsn, PLATFORM)


def test_upgrade_that_fails_changes_nothing_of_what_is_admitted(postgres: str, newer: Chain) -> None:
    """Tables, revision and what is said of older programs change together."""
    dsn = _new_database(postgres, "inachevee")
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE de_la_suite ()")
    with pytest.raises(DuplicateTable):
        migrate(dsn, replace(newer, oldest="9000"))
    check_schema(dsn, PLATFORM)


def test_migration_that_waits_for_a_table_keeps_nobody_waiting(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump holds the table for as long as it lasts; requests go on, and the migration is made after it."""
    monkeypatch.setattr(migrations, "_PAUSE", 0.1)
    dsn = _new_database(postgres, "occupee")
    migrate(dsn)
    newer = next_version(tmp_path / "suivante", "ALTER TABLE demande ADD COLUMN de_la_suite text")
    reading = make_conninfo(dsn, options="-c statement_timeout=20s")
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(dsn) as dump,
        psycopg.connect(reading, autocommit=True) as reader,
        capture_logs() as log,
    ):
        dump.execute("SELECT count(*) FROM demande")
        migrating = pool.submit(migrate, dsn, newer)
        wait_until(lambda: len(log) >= 2 or migrating.done())
        assert reader.execute("SELECT count(*) FROM demande").fetchone() == (0,)
        assert not migrating.done()
        dump.rollback()
        migrating.result()
        assert reader.execute("SELECT count(de_la_suite) FROM demande").fetchone() == (0,)
    assert {line["event"] for line in log} == {"migration.waits"}


def test_migration_gives_a_table_up_that_is_held_for_too_long(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is changed; whoever migrates is told what to do."""
    monkeypatch.setattr(migrations, "_TRIES", 1)
    dsn = _new_database(postgres, "tenue")
    migrate(dsn)
    newer = next_version(tmp_path / "suivante", "ALTER TABLE demande ADD COLUMN de_la_suite text")
    with psycopg.connect(dsn) as dump:
        dump.execute("SELECT count(*) FROM demande")
        with pytest.raises(StartFault, match="une sauvegarde par exemple") as caught, faults_told():
            migrate(dsn, newer)
    assert caught.value.is_outage
    check_schema(dsn, PLATFORM)
