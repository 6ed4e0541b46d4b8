"""The database is brought to the newest revision once, whoever starts first."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from typer.testing import CliRunner

from pfcng.cli.habilitation import habilitation
from pfcng.domain.states import DemandeState, ProduitState
from pfcng.igc.migrations import IGC
from pfcng.store.database import Database
from pfcng.store.migrations import PLATFORM, Chain, migrate


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
