"""The generated pages of ``docs/`` say what the code says, and no row of the guide is without its test."""

from pathlib import Path

import pytest

from support.couverture import EXPECTED, missing, tables
from support.pages import PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_is_up_to_date(path: Path) -> None:
    """``make docs`` writes it again."""
    assert path.read_text("utf-8") == PAGES[path]()


@pytest.mark.parametrize("number", EXPECTED)
def test_every_row_of_the_guide_is_listed(number: str) -> None:
    """Tables 5 to 7, 11 to 22 and chapter 20, row by row in their order; the mails of later chapters too."""
    [table] = [table for table in tables() if table.number == number]
    assert tuple(row.name for row in table.rows) == EXPECTED[number]


def test_every_row_has_tests_or_says_why_not() -> None:
    """A row without test names the reason in a sentence."""
    for table in tables():
        for row in table.rows:
            assert row.tests or row.reason.endswith("."), (table.number, row.name)


def test_every_test_that_is_named_exists() -> None:
    """A test that was renamed or removed leaves its row."""
    assert missing({test for table in tables() for row in table.rows for test in row.tests}) == set()
