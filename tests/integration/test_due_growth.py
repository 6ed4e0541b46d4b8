"""What workers ask each minute costs what falls due, whatever the number of demandes that wait (docs/later.md)."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pfcng.contract.paris import paris_day
from pfcng.domain.rules import Rules
from pfcng.store import demandes, echeances, revocations
from pfcng.store.database import Database
from support.activite import generate
from support.databases import make_database
from support.plans import Explained, rows_read

BEFORE_ALL = datetime(2023, 1, 2, tzinfo=UTC)
"""Nothing of what is generated is due yet, though thousands wait."""
RULES = Rules()


@pytest.fixture(scope="module")
def platform(postgres: str) -> Iterator[Database]:
    """Thousands of demandes to be withdrawn, of produits actifs and of révocations."""
    dsn = make_database(postgres, "croissance_echeances")
    generate(dsn, 20_000)
    with closing(Database(dsn)) as database:
        yield database


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: demandes.find_expired(connection, BEFORE_ALL - RULES.retrait_delay),
        lambda connection: echeances.find_undelivered(connection, BEFORE_ALL - RULES.remise_delay, BEFORE_ALL),
        lambda connection: echeances.find_expiring(
            connection, BEFORE_ALL, RULES.rappels, after=(BEFORE_ALL, 0), limit=500
        ),
        lambda connection: revocations.find_due(
            connection, paris_day(BEFORE_ALL), BEFORE_ALL, longest=timedelta(days=36500)
        ),
        lambda connection: revocations.find_next_attempt(connection, BEFORE_ALL),
    ],
    ids=["annulations", "revocations_automatiques", "rappels", "revocations", "prochaine_tentative"],
)
def test_what_is_not_due_is_not_read(platform: Database, ask: Callable[[Any], object]) -> None:
    """By an index of what is due: no row of what is not."""
    with platform.transaction() as connection:
        explained = Explained(connection)
        assert not ask(explained)
    assert sum(map(rows_read, explained.scans)) == 0


def test_what_is_due_is_found_by_its_age(platform: Database) -> None:
    """A month later some are due: those are read, and not the others."""
    before = BEFORE_ALL + timedelta(days=9)
    with platform.transaction() as connection:
        explained = Explained(connection)
        found = len(demandes.find_expired(explained, before))  # type: ignore[arg-type]  # a connection for what it asks
    assert found > 0
    assert sum(map(rows_read, explained.scans)) <= 3 * found
