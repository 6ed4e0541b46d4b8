"""A real PostgreSQL for the tests: one embedded server a session, one fresh database a test."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.migrations import IGC
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import migrate
from support.folders import shared_folder
from support.platform import load_annuaire, make_authority, make_pki
from support.scenario import Scenario


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


@pytest.fixture
def dsn(postgres: str, request: pytest.FixtureRequest) -> str:
    """The DSN of a database of this test's own."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE modele").format(sql.Identifier(name)))
    return make_conninfo(postgres, dbname=name)


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    """That database, opened."""
    opened = Database(dsn, max_connections=8)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of issuing authorities."""
    directory = tmp_path_factory.mktemp("pki")
    make_pki(directory)
    return directory


@pytest.fixture
def annuaire(database: Database, tmp_path: Path) -> Database:
    """The database with the demonstration annuaire."""
    load_annuaire(database, tmp_path)
    return database


@pytest.fixture
def authority(annuaire: Database, pki: Path) -> EmbeddedAuthority:
    """PFCNG-IGC on the same database."""
    return make_authority(annuaire, pki)


@pytest.fixture
def scenario(annuaire: Database, authority: EmbeddedAuthority) -> Scenario:
    """The demonstration annuaire with an authority, and the acts of its users."""
    return Scenario(database=annuaire, authority=authority)
