"""Every row of table 11, with the code that table 22 gives it."""

from dataclasses import replace

import pytest

from pfcng.contract.catalogue import PRODUCTS, TABLE_11, Offre, Presence, Product, Usage
from pfcng.contract.refusal import Refusal
from pfcng.domain.presence import check_presence
from support.demandes import demande_for

FIELDS = {
    "idNatStruct": ("id_nat_struct", None, "1750099012"),
    "idNatBeneficiaire": ("id_nat_beneficiaire", None, "899700990015"),
    "nomApplicatif": ("nom_applicatif", None, "application"),
    "FQDN": ("fqdn", (), ("www.hopital.example",)),
    "UPN": ("upn", None, "agent@hopital.example"),
    "mailSujet": ("mail_sujet", None, "sujet@hopital.example"),
}
MISSING = {
    "idNatStruct": "WSMG-00000032",
    "idNatBeneficiaire": "WSMG-00000033",
    "FQDN": "WSMG-00000034",
    "nomApplicatif": "WSMG-00000035",
    "mailSujet": "WSMG-00000037",
}
ROWS = [(product, element) for product in PRODUCTS for element in FIELDS]


def forbidden_code(product: Product, element: str) -> str:
    """Table 22: a code of its own for UPN and for mailSujet of ORG and SSL_SERV; WSMG-00000005 otherwise."""
    if element == "UPN":
        return "WSMG-00000036"
    if element == "mailSujet" and product.usage is Usage.SSL_SERV:
        return "WSMG-00000034"
    if element == "mailSujet" and product.offre is Offre.ORG:
        return "WSMG-00000037"
    return "WSMG-00000005"


@pytest.mark.parametrize(("product", "element"), ROWS, ids=[f"{p.label}-{e}" for p, e in ROWS])
def test_row_of_table_11_is_held(product: Product, element: str) -> None:
    """Obligatoire refuses its absence, interdit its presence, facultatif neither (§14.1 table 11, §19 table 22)."""
    field, absent, present = FIELDS[element]
    demande = demande_for(product, "csr")
    presence = TABLE_11[product][element]
    outcomes = []
    for value in (absent, present):
        try:
            check_presence(replace(demande, **{field: value}))  # type: ignore[arg-type]  # a field and its value
            outcomes.append("accepted")
        except Refusal as refusal:
            outcomes.append(refusal.code.value)
    expected = {
        Presence.OBLIGATOIRE: [MISSING.get(element), "accepted"],
        Presence.FACULTATIF: ["accepted", "accepted"],
        Presence.INTERDIT: ["accepted", forbidden_code(product, element)],
    }
    assert outcomes == expected[presence]


@pytest.mark.parametrize(
    ("offre", "usage"),
    [(offre, usage) for offre in Offre for usage in Usage if Product(offre, usage) not in PRODUCTS],
)
def test_usage_that_its_offre_has_not_is_refused(offre: Offre, usage: Usage) -> None:
    """WSMG-00000005 with the element's name (§8 table 7)."""
    demande = demande_for(next(product for product in PRODUCTS if product.offre is offre), "csr", usage=usage)
    with pytest.raises(Refusal) as refused:
        check_presence(demande)
    assert (refused.value.code.value, refused.value.raison) == ("WSMG-00000005", "Usage")


def test_first_failing_element_in_table_order_gives_the_code() -> None:
    """One code a demande: the structure comes before the service and the address (§14.1 table 11)."""
    demande = demande_for(
        Product(Offre.SERV, Usage.SIGN), "csr", id_nat_struct=None, nom_applicatif=None, mail_sujet=None
    )
    with pytest.raises(Refusal) as refused:
        check_presence(demande)
    assert refused.value.code.value == "WSMG-00000032"
