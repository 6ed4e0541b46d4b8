"""The catalogue against tables 7 and 11 of the guide, typed a second time from the guide's own words."""

from collections.abc import Callable

import pytest

from pfcng.contract.catalogue import (
    CONDITIONAL_ELEMENTS,
    PRODUCTS,
    TABLE_11,
    USAGES,
    Offre,
    Presence,
    Product,
    Usage,
)

# One row of table 7 each, in its columns' order.
TABLE_7 = [
    ("AUTH", {"PS", "PRO"}),
    ("AUTH_CLI", {"ORG"}),
    ("SIGN", {"PS", "PRO", "ORG", "SERV"}),
    ("S/MIME", {"SERV"}),
    ("SSL_SERV", {"SERV"}),
    ("CONF", {"PS", "PRO", "ORG", "SERV"}),
]

PERSONS, ORGANISATIONS = {Offre.PS, Offre.PRO}, {Offre.ORG, Offre.SERV}
SSL = Usage.SSL_SERV

# One row of table 11 each: products for which the element is obligatoire, then facultatif; interdit for the others.
Rule = Callable[[Product], bool]
ROWS_OF_TABLE_11: list[tuple[str, Rule, Rule]] = [
    ("idNatStruct", lambda p: p.offre is not Offre.PS, lambda _: False),
    ("idNatBeneficiaire", lambda p: p.offre is Offre.PRO, lambda _: False),
    ("nomApplicatif", lambda p: p.offre in ORGANISATIONS and p.usage is not SSL, lambda _: False),
    ("FQDN", lambda p: p.offre is Offre.SERV and p.usage is SSL, lambda _: False),
    ("UPN", lambda _: False, lambda p: p.offre in PERSONS and p.usage is Usage.AUTH),
    (
        "mailSujet",
        lambda p: p.offre is Offre.SERV and p.usage is not SSL,
        lambda p: p.offre in PERSONS and p.usage in {Usage.SIGN, Usage.CONF},
    ),
]


@pytest.mark.parametrize(("usage", "offres"), TABLE_7, ids=[row[0] for row in TABLE_7])
def test_usage_belongs_to_the_offres_of_table_7(usage: str, offres: set[str]) -> None:
    """§8 table 7, row by row."""
    assert {offre.value for offre, usages in USAGES.items() if Usage(usage) in usages} == offres


def test_there_are_thirteen_products() -> None:
    """ORG ×3, SERV ×4, PS ×3, PRO ×3 (§7.1)."""
    assert len(PRODUCTS) == len(set(PRODUCTS)) == 13
    assert Product(Offre.ORG, Usage.AUTH_CLI).label == "ORG_AUTH_CLI"


@pytest.mark.parametrize("row", ROWS_OF_TABLE_11, ids=[row[0] for row in ROWS_OF_TABLE_11])
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_presence_is_that_of_table_11(product: Product, row: tuple[str, Rule, Rule]) -> None:
    """§14.1 table 11, row by row."""
    name, obligatoire, facultatif = row
    expected = Presence.INTERDIT
    if obligatoire(product):
        expected = Presence.OBLIGATOIRE
    elif facultatif(product):
        expected = Presence.FACULTATIF
    assert TABLE_11[product][name] is expected


def test_table_11_has_a_row_a_product_and_a_column_a_conditional_element() -> None:
    """Nothing is left to a default."""
    assert set(TABLE_11) == set(PRODUCTS)
    assert all(tuple(row) == CONDITIONAL_ELEMENTS for row in TABLE_11.values())
