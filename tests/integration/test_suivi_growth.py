"""What a suivi costs follows its answer, not the size of the tables (guide §18; issue « Growth »)."""

from collections.abc import Iterator
from typing import Any

import pytest

from pfcng.contract.catalogue import Usage
from pfcng.store.database import Database
from pfcng.store.suivi import MAX_RESULTATS, Search, parameters, statement
from support.activite import generate, searches
from support.databases import make_database
from support.plans import rows_read, scans

MAX_ROWS = (len(Usage) + 3) * (MAX_RESULTATS + 1)
"""Of each usage the newest numbers, then for each line its demande, its produit and a révocation."""


@pytest.fixture(scope="module", params=[10_000, 200_000])
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def platform(postgres: str, size: int) -> Iterator[Database]:
    """A platform with that many produits."""
    name = f"croissance_{size}"
    dsn = make_database(postgres, name)
    generate(dsn, size)
    database = Database(dsn)
    yield database
    database.close()


def read_by(database: Database, search: Search) -> list[dict[str, Any]]:
    """What a search reads."""
    with database.transaction() as connection:
        return scans(connection, statement(search), parameters(search))


def test_no_filter_of_table_19_reads_a_whole_table(platform: Database, size: int) -> None:
    """Every combination of filters, for the big and the small, goes by indexes at both sizes."""
    whole = [
        f"{name} : {node['Relation Name']}"
        for name, search in searches(size)
        for node in read_by(platform, search)
        if node["Node Type"] == "Seq Scan"
    ]
    assert whole == []


def test_rows_read_for_a_suivi_are_bounded_by_its_answer(platform: Database, size: int) -> None:
    """One bound for both sizes: twenty times the produits do not make one search read more than 500 lines take."""
    read = {name: sum(map(rows_read, read_by(platform, search))) for name, search in searches(size)}
    assert {name: rows for name, rows in read.items() if rows > MAX_ROWS} == {}
    assert max(read.values()) > MAX_RESULTATS, "the data has no search with a full answer"
