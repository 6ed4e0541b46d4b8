"""What the schema asks of an element, told from the schema."""

import pytest

from pfcng.contract.messages import XML_NAME, DemandeCertificat
from pfcng.xml.limits import describe_limits


@pytest.mark.parametrize(
    ("element", "limit"),
    [
        ("UPN", "150 caractères au plus"),
        ("nomApplicatif", "63 caractères au plus"),
        ("codeRevocation", "code de révocation, 64 caractères au plus"),
        ("motif", "une de ces valeurs : VOL, PERTE, FIN_DACTIVITE, AUTRE"),
        ("dateEffet", "AAAA-MM-JJ"),
    ],
)
def test_the_limit_is_told(element: str, limit: str) -> None:
    """The schema's own documentation and lengths (tables 11 to 19), each once."""
    assert limit in describe_limits(element)
    assert describe_limits(element).count("caractères au plus") <= 1


def test_every_element_of_a_demande_has_a_limit() -> None:
    """Table 11: none takes just anything."""
    names = [field.metadata[XML_NAME] for field in DemandeCertificat.__dataclass_fields__.values()]
    assert all(describe_limits(name) for name in names)


def test_an_unknown_element_has_none() -> None:
    """The sentence then names the element alone."""
    assert describe_limits("inconnu") == ""
