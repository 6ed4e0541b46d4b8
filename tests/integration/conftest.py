"""One fresh database a test, on the session's PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.pki.signers.keyring import Keyring
from pfcng.store.database import Database
from support.databases import make_database
from support.monotonic import Monotonic
from support.moody import MoodyAuthority
from support.platform import load_annuaire, make_authority
from support.scenario import Scenario


@pytest.fixture
def dsn(postgres: str, request: pytest.FixtureRequest) -> str:
    """The DSN of a database of this test's own."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    return make_database(postgres, name)


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    """That database, opened."""
    opened = Database(dsn, max_connections=8)
    yield opened
    opened.close()


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
def moody(annuaire: Database, pki: Path) -> MoodyAuthority:
    """The same in a mood."""
    return MoodyAuthority(annuaire, pki)


@pytest.fixture
def scenario(annuaire: Database, authority: EmbeddedAuthority) -> Scenario:
    """The demonstration annuaire with an authority, and the acts of its users."""
    return Scenario(database=annuaire, authority=authority)


@pytest.fixture
def monotonic() -> Monotonic:
    """The clock of ``keyring``."""
    return Monotonic()


@pytest.fixture
def keyring(monotonic: Monotonic) -> Iterator[Keyring]:
    """What leads to keys that are kept elsewhere."""
    with Keyring(monotonic) as opened:
        yield opened
