"""A real PostgreSQL for the tests: one embedded server a session, with a database to copy."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pfcng.igc.migrations import IGC
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import PLATFORM, Chain, migrate
from support.folders import shared_folder
from support.platform import make_pki


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of a server whose database ``modele`` has every table."""
    with shared_folder() as folder:
        server = EmbeddedPostgres(folder / "data")
        try:
            yield _with_tables(server.dsn)
        finally:
            server.stop()


def _with_tables(dsn: str) -> str:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # processes are killed here, machines are not
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE modele")
    migrate(make_conninfo(dsn, dbname="modele"))
    migrate(make_conninfo(dsn, dbname="modele"), IGC)
    return dsn


def make_database(postgres: str, name: str) -> str:
    """The DSN of a new database with every table, empty."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE modele").format(sql.Identifier(name)))
    dsn = make_conninfo(postgres, dbname=name)
    accept_copy(dsn)
    return dsn


def next_version(folder: Path, statements: str, chain: Chain = PLATFORM) -> Chain:
    """The revisions of a version to come, which has one more."""
    shutil.copytree(chain.folder, folder, ignore=shutil.ignore_patterns("__pycache__", "env.py"))
    (folder / "versions/9000_suite.py").write_text(
        f'from alembic import op\nrevision = "9000"\ndown_revision = "{chain.head}"\n'
        f"def upgrade():\n    op.execute({statements!r})\n",
        "utf-8",
    )
    return replace(chain, folder=folder)


def accept_copy(dsn: str) -> None:
    """Have a database that was copied count as one of its own: a copy is suspect (docs/restore.md)."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT igc.attester('création', 'copie pour un essai')")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of issuing authorities."""
    directory = tmp_path_factory.mktemp("pki")
    make_pki(directory)
    return directory


def forget_activity(dsn: str) -> None:
    """Empty the tables of everything that was ordered; the annuaire and the journal stay."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE lot, demande, produit, revocation, historique, cle_presentee, cle_bannie, adresse_protegee, "
            "rappel, courrier, procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, "
            "igc.certificat, igc.revocation"
        )
