"""A real PostgreSQL for the tests: one embedded server a session, one fresh database a test."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import migrate
from psycopg import sql
from psycopg.conninfo import make_conninfo


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DSN of a server whose database ``modele`` has every table."""
    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("postgres")) / "data")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE modele")
    migrate(make_conninfo(server.dsn, dbname="modele"))
    yield server.dsn
    server.stop()


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
