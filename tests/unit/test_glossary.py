"""docs/glossary.md says what the code says."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Final

import pytest

from pfcng.contract import messages
from pfcng.contract.messages import XML_NAME
from pfcng.contract.operations import Operation

GLOSSARY: Final = Path(__file__).parents[2] / "docs" / "glossary.md"
NONE: Final = "–"
HEADER: Final = ("Term", "XSD", "Identifier", "Gloss", "Section")


def table() -> list[tuple[str, ...]]:
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("|")]
    assert rows[0] == HEADER
    return rows[2:]


def pairs_of_the_code() -> set[tuple[str, str]]:
    """Element → identifier: the fields of the messages, and the roots."""
    dataclasses = [value for value in vars(messages).values() if is_dataclass(value)]
    pairs = {(field.metadata[XML_NAME], field.name) for dataclass in dataclasses for field in fields(dataclass)}
    for operation in Operation:
        pairs.add((operation.request_element, operation.request_type.__name__))
        pairs.add((operation.response_element, operation.response_type.__name__))
    return pairs


def test_glossary_has_every_element_with_its_identifier_and_no_other() -> None:
    """One row for each distinct pair of contract/messages.py."""
    rows = [(xsd.strip("`"), identifier.strip("`")) for _, xsd, identifier, _, _ in table() if xsd != NONE]
    assert len(rows) == len(set(rows))
    assert set(rows) == pairs_of_the_code()


@pytest.mark.parametrize("noun", ["Lot", "Demande", "Produit", "Habilitation", "Acteur", "Retrait"])
def test_glossary_has_the_nouns_that_no_element_carries(noun: str) -> None:
    """What the guide speaks of throughout."""
    assert (noun, NONE, NONE) in {row[:3] for row in table()}


def test_every_row_is_filled() -> None:
    """A gloss and a section of the guide."""
    for row in table():
        assert len(row) == len(HEADER)
        assert all(row)
        assert row[4].startswith("§")
