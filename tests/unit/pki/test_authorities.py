"""The hierarchy as data. Source: guide §10, §11."""

import pytest

from pfcng.contract.catalogue import Environment
from pfcng.pki import names
from pfcng.pki.authorities import (
    AUTHORITIES,
    EMULATEUR,
    PERSONNES_AUTHORITIES,
    ROOTS,
    SERVER_AUTHORITIES,
    Gamme,
    Population,
    by_common_name,
    find,
)


def test_accepted_cards_are_those_of_the_guide() -> None:
    """§10 and §11 list six authorities for cards."""
    assert {name.common_name for name in PERSONNES_AUTHORITIES} == {
        "AC IGC-SANTE ELEMENTAIRE PERSONNES",
        "AC IGC-SANTE STANDARD PERSONNES",
        "AC IGC-SANTE FORT PERSONNES",
        "TEST AC IGC-SANTE ELEMENTAIRE PERSONNES",
        "TEST AC IGC-SANTE STANDARD PERSONNES",
        "TEST AC IGC-SANTE FORT PERSONNES",
    }


def test_accepted_servers_are_those_of_the_guide() -> None:
    """§10 lists two authorities for servers."""
    assert {name.common_name for name in SERVER_AUTHORITIES} == {
        "AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
        "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
    }


@pytest.mark.parametrize(
    ("common_name", "stem"),
    [
        ("AC IGC-SANTE ELEMENTAIRE ORGANISATIONS", "ACI-EL-ORG"),
        ("TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS", "ACI-EL-ORG-TEST"),
        ("AC IGC-SANTE STANDARD PERSONNES", "ACI-ST-PP"),
        ("TEST AC IGC-SANTE FORT PERSONNES", "ACI-FO-PP-TEST"),
        ("AC RACINE IGC-SANTE ELEMENTAIRE", "ACR-EL"),
        ("TEST AC RACINE IGC-SANTE FORT", "ACR-FO-TEST"),
    ],
)
def test_files_bear_the_published_names(common_name: str, stem: str) -> None:
    """As the CRL and authority URLs of real certificates."""
    assert by_common_name(common_name).file_stem == stem


def test_standard_organisations_exists_in_production_alone() -> None:
    """No TEST twin was ever published."""
    assert find(Environment.PRODUCTION, Gamme.STANDARD, Population.ORGANISATIONS) in AUTHORITIES
    with pytest.raises(KeyError):
        find(Environment.TEST, Gamme.STANDARD, Population.ORGANISATIONS)


def test_every_authority_is_below_the_root_of_its_gamme() -> None:
    """Three roots an environment, and each authority's is one of them."""
    assert len(ROOTS) == 6
    assert all(name.root in ROOTS and name.root.gamme is name.gamme for name in AUTHORITIES)


def test_emulator_adds_a_unit_before_the_common_name() -> None:
    """Nobody can take the sandbox's authorities for the real ones."""
    name = by_common_name("TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS")
    real = "CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,{}OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR"
    assert names.rfc4514(name.distinguished_name()) == real.format("")
    assert names.rfc4514(name.distinguished_name(EMULATEUR)) == real.format("OU=EMULATEUR,")


def test_unknown_authority_has_no_name() -> None:
    """A look-alike is not found."""
    for unknown in ("", "AC IGC-SANTE", "ac igc-sante fort personnes", "AC-CLASSE-4-TEST"):
        with pytest.raises(KeyError):
            by_common_name(unknown)
