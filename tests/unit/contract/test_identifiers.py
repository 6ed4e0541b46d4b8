"""Forms and check digits of national identifiers. Every number is fictitious, a test number, or a public example."""

import pytest

from pfcng.contract.identifiers import (
    employer,
    has_good_key_personne,
    has_good_key_structure,
    is_personne,
    is_structure,
)


@pytest.mark.parametrize(
    "id_nat",
    [
        "899700990015",
        "00B6087510",
        "0751000126",
        "3750099012/CDET0001",
        "30B0057881/CPET0002",
        "500000000028969/CPAT0002",
        "699700027180006/1",
        "1751000126AB/CPET0001",
    ],
)
def test_each_kind_of_person_has_its_form(id_nat: str) -> None:
    """RPPS, ADELI, and the employees of a FINESS, a SIRET, a RPPS-rang, an ADELI-rang (TRE_G07)."""
    assert is_personne(id_nat)


@pytest.mark.parametrize(
    "id_nat",
    [
        "",
        "8",
        "89970099001",
        "8997009900150",
        "89970099001A",
        "８99700990015",
        "3750099012",
        "3750099012/",
        "3750099012/AGENT 1",
        "999700990015",
        "3750099012/" + "9" * 60,
        "899700990015\n",
    ],
)
def test_other_forms_are_not_persons(id_nat: str) -> None:
    """Wrong length, a letter in an RPPS, no internal number, an ended type, more than 64 characters."""
    assert not is_personne(id_nat)


@pytest.mark.parametrize(
    "id_nat",
    ["1750099012", "10B0152872", "12A0000022", "2999000128", "399900034200017", "499700367909006", "0751000126AB"],
)
def test_each_kind_of_structure_has_its_form(id_nat: str) -> None:
    """FINESS, SIREN, SIRET, RPPS-rang, ADELI-rang (TRE_G08)."""
    assert is_structure(id_nat)


@pytest.mark.parametrize("id_nat", ["", "1", "175009901", "5750099012", "1750099012/1", "39990003420001X"])
def test_other_forms_are_not_structures(id_nat: str) -> None:
    """Wrong length, an ended type, a letter in a SIRET."""
    assert not is_structure(id_nat)


@pytest.mark.parametrize(
    ("id_nat", "structure"),
    [
        ("30B0057881/CPET0002", "10B0057881"),
        ("500000000028969/CPAT0002", "300000000028969"),
        ("699700027180006/1", "499700027180006"),
        ("1751000126AB/2", "0751000126AB"),
        ("899700990015", None),
        ("0751000126", None),
        ("", None),
    ],
)
def test_employee_names_the_structure_with_another_type_digit(id_nat: str, structure: str | None) -> None:
    """3 → 1 (FINESS), 5 → 3 (SIRET), 6 → 4 (RPPS-rang), 1 → 0 (ADELI-rang): the CN and the OU of real cards agree."""
    assert employer(id_nat) == structure


@pytest.mark.parametrize("id_nat", ["899700218896", "899700075064", "00B6087510", "30B0057881/CPET0002"])
def test_good_key_of_a_person(id_nat: str) -> None:
    """Luhn over RPPS and ADELI; of an employee, over the structure's number."""
    assert has_good_key_personne(id_nat)


@pytest.mark.parametrize("id_nat", ["899700218897", "00B6087511", "30B0057882/CPET0002", "810005678901"])
def test_wrong_key_of_a_person(id_nat: str) -> None:
    """One digit changed; an example of an official guide."""
    assert not has_good_key_personne(id_nat)


@pytest.mark.parametrize(
    "id_nat",
    ["1010000024", "1760021832", "12A0000022", "12B0000012", "10B0152872", "2187512751", "318751275100020",
     "499700367909006", "335600000000001", "0751000126AB"],
)  # fmt: skip
def test_good_key_of_a_structure(id_nat: str) -> None:
    """Luhn, with A as 1 and B as 2; La Poste and ADELI-rang are not held to it."""
    assert has_good_key_structure(id_nat)


@pytest.mark.parametrize("id_nat", ["1010000025", "12A0000023", "11B0073160", "318751275100021"])
def test_wrong_key_of_a_structure(id_nat: str) -> None:
    """One digit changed; a newer test number, which is why a wrong key refuses nothing."""
    assert not has_good_key_structure(id_nat)
