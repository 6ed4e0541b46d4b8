"""One database a module: each example begins by emptying it."""

from collections.abc import Iterator

import pytest

from pfcng.store.database import Database
from support.databases import make_database


@pytest.fixture(scope="module")
def dsn(postgres: str, request: pytest.FixtureRequest) -> str:
    """The DSN of a database of this module's own, with every table."""
    return make_database(postgres, f"m{abs(hash(request.node.nodeid)):x}")


@pytest.fixture(scope="module")
def database(dsn: str) -> Iterator[Database]:
    """That database, opened."""
    opened = Database(dsn, max_connections=8)
    yield opened
    opened.close()
