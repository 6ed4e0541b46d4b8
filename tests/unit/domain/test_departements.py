"""Labels of départements, as the ST of certificates carries them."""

import pytest

from pfcng.domain.departements import label


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("69", "Rhône (69)"),
        ("21", "Côte-d'Or (21)"),
        ("72", "Sarthe (72)"),
        ("75", "Paris (75)"),
        ("2A", "Corse-du-Sud (2A)"),
        ("2B", "Haute-Corse (2B)"),
        ("971", "Guadeloupe (971)"),
        ("974", "La Réunion (974)"),
        ("976", "Mayotte (976)"),
    ],
)
def test_label_is_that_of_certificates(code: str, expected: str) -> None:
    """Accents, hyphens and the straight apostrophe of the real certificates."""
    assert label(code) == expected


def test_every_departement_of_the_mainland_has_a_label() -> None:
    """01 to 95 but 20, which is 2A and 2B."""
    codes = [f"{number:02}" for number in range(1, 96) if number != 20]
    assert len({label(code) for code in codes}) == 94


@pytest.mark.parametrize("code", ["", "1", "20", "96", "2C", "0069", "Rhône"])
def test_unknown_code_is_told(code: str) -> None:
    """Nothing is guessed: a structure whose département is unknown has no DN."""
    with pytest.raises(KeyError):
        label(code)
