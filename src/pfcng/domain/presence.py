"""The presence rules of a demande: table 11 with the codes of table 22."""

from pfcng.contract import codes
from pfcng.contract.catalogue import CONDITIONAL_ELEMENTS, TABLE_11, USAGES, Offre, Presence, Product, Usage
from pfcng.contract.codes import Code
from pfcng.contract.messages import DemandeCertificat
from pfcng.contract.refusal import Refusal

_MISSING: dict[str, Code] = {
    "idNatStruct": codes.WSMG_32,
    "idNatBeneficiaire": codes.WSMG_33,
    "FQDN": codes.WSMG_34,
    "nomApplicatif": codes.WSMG_35,
    "mailSujet": codes.WSMG_37,
}
_BEFORE_USAGE = ("idNatStruct", "idNatBeneficiaire")
"""The elements that table 11 lists before the usage and that depend on the offre alone."""


def check_presence(demande: DemandeCertificat) -> None:
    """Refuse a demande that lacks an element its product requires or carries one that it forbids.

    Raises:
        Refusal: WSMG-00000032 to 37, WSMG-00000005 for every other row; the first that fails in table order.

    Source: guide §14.1 table 11, §19 table 22.
    """
    given = _given(demande)
    for name in _BEFORE_USAGE:
        _check(name, given[name], Product(demande.offre, USAGES[demande.offre][0]))
    if demande.usage not in USAGES[demande.offre]:
        raise Refusal(codes.WSMG_05, "Usage")
    for name in CONDITIONAL_ELEMENTS[len(_BEFORE_USAGE) :]:
        _check(name, given[name], Product(demande.offre, demande.usage))


def _given(demande: DemandeCertificat) -> dict[str, bool]:
    """Which of the conditional elements the demande carries."""
    values = (
        demande.id_nat_struct,
        demande.id_nat_beneficiaire,
        demande.nom_applicatif,
        demande.fqdn,
        demande.upn,
        demande.mail_sujet,
    )
    return {name: bool(value) for name, value in zip(CONDITIONAL_ELEMENTS, values, strict=True)}


def _check(name: str, given: bool, product: Product) -> None:
    presence = TABLE_11[product][name]
    if presence is Presence.OBLIGATOIRE and not given:
        raise Refusal(_MISSING[name])
    if presence is Presence.INTERDIT and given:
        raise _forbidden(name, product)


def _forbidden(name: str, product: Product) -> Refusal:
    """Table 22 has a code of its own for some forbidden elements."""
    if name == "UPN":
        return Refusal(codes.WSMG_36)
    if name == "mailSujet" and product.usage is Usage.SSL_SERV:
        return Refusal(codes.WSMG_34)
    if name == "mailSujet" and product.offre is Offre.ORG:
        return Refusal(codes.WSMG_37)
    return Refusal(codes.WSMG_05, name[0].upper() + name[1:])
