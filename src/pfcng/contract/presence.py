"""The presence rules of a demande: table 11 with the codes of table 22. Source: guide §14.1 table 11, §19 table 22."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pfcng.contract import codes
from pfcng.contract.catalogue import CONDITIONAL_ELEMENTS, TABLE_11, USAGES, Offre, Presence, Product, Usage
from pfcng.contract.codes import Code
from pfcng.contract.messages import DemandeCertificat

_MISSING: Final[dict[str, Code]] = {
    "idNatStruct": codes.WSMG_32,
    "idNatBeneficiaire": codes.WSMG_33,
    "FQDN": codes.WSMG_34,
    "nomApplicatif": codes.WSMG_35,
    "mailSujet": codes.WSMG_37,
}
_BEFORE_USAGE: Final = ("idNatStruct", "idNatBeneficiaire")
"""The elements that table 11 lists before the usage and that depend on the offre alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceFault:
    """An element that its product requires and that is missing, or that it forbids and that is there.

    Attributes:
        element: Its name; ``usage`` for a usage that the offre does not have.
        presence: What table 11 says of it.
        code: What the platform answers.
        raison: What fills the code's text, where it has a variable part.
    """

    element: str
    presence: Presence
    code: Code
    raison: str = ""


def presence_faults(demande: DemandeCertificat) -> Iterator[PresenceFault]:
    """Every fault of a demande, in table order; the rows of a usage that its offre does not have are unknown."""
    given = given_elements(demande)
    for name in _BEFORE_USAGE:
        yield from _fault(name, given=given[name], product=Product(demande.offre, USAGES[demande.offre][0]))
    if demande.usage not in USAGES[demande.offre]:
        yield PresenceFault(element="usage", presence=Presence.OBLIGATOIRE, code=codes.WSMG_05, raison="Usage")
        return
    for name in CONDITIONAL_ELEMENTS[len(_BEFORE_USAGE) :]:
        yield from _fault(name, given=given[name], product=Product(demande.offre, demande.usage))


def given_elements(demande: DemandeCertificat) -> dict[str, bool]:
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


def _fault(name: str, *, given: bool, product: Product) -> Iterator[PresenceFault]:
    presence = TABLE_11[product][name]
    if presence is Presence.OBLIGATOIRE and not given:
        yield PresenceFault(element=name, presence=presence, code=_MISSING[name])
    elif presence is Presence.INTERDIT and given:
        code, raison = _forbidden(name, product)
        yield PresenceFault(element=name, presence=presence, code=code, raison=raison)


def _forbidden(name: str, product: Product) -> tuple[Code, str]:
    """Table 22 has a code of its own for some forbidden elements."""
    if name == "UPN":
        return codes.WSMG_36, ""
    if name == "mailSujet" and product.usage is Usage.SSL_SERV:
        return codes.WSMG_34, ""
    if name == "mailSujet" and product.offre is Offre.ORG:
        return codes.WSMG_37, ""
    return codes.WSMG_05, name[0].upper() + name[1:]
