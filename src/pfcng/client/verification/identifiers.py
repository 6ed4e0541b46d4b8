"""Identifiers of structures and persons: their form, their check digit, and whether they go together.

All of it is doubt: the annuaire alone knows which identifiers exist, and test numbers often have a wrong check digit.
Source: guide §14.1 table 11 (idNat); TRE_G07, TRE_G08.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from pfcng.client.verification.remarks import Remark, doubt
from pfcng.contract.catalogue import Offre
from pfcng.contract.identifiers import (
    PERSON_REGISTERS,
    STRUCTURE_REGISTERS,
    employer,
    has_good_key_personne,
    has_good_key_structure,
    is_personne,
    is_structure,
)
from pfcng.contract.messages import DemandeCertificat


def remarks(demande: DemandeCertificat) -> Iterator[Remark]:
    """What is odd in the identifiers that a demande carries."""
    struct, beneficiaire = demande.id_nat_struct, demande.id_nat_beneficiaire
    if struct:
        yield from _structure(struct)
    for element, person in (("idNatBeneficiaire", beneficiaire), ("idNatTiers", demande.id_nat_tiers)):
        if person:
            yield from _personne(element, person)
    if demande.offre is Offre.PRO and struct and beneficiaire and is_personne(beneficiaire):
        works_for = employer(beneficiaire)
        if works_for not in {None, struct}:
            yield doubt(
                "idNatBeneficiaire",
                f"{beneficiaire} est un salarié de la structure {works_for} : l’annuaire doit le rattacher à {struct}.",
            )


def _structure(id_nat: str) -> Iterator[Remark]:
    if is_structure(id_nat):
        if not has_good_key_structure(id_nat):
            yield doubt("idNatStruct", f"La clé de {id_nat} est fausse : relisez ce numéro.")
        return
    text = f"« {id_nat} » n’a pas la forme d’un identifiant de structure : un chiffre de type, puis le numéro."
    works_for = employer(id_nat) if is_personne(id_nat) else None
    if works_for:
        text += f" C’est l’identifiant d’un salarié ; celui de sa structure est {works_for}."
    yield doubt("idNatStruct", text + _suggestion(id_nat, STRUCTURE_REGISTERS, is_structure, has_good_key_structure))


def _personne(element: str, id_nat: str) -> Iterator[Remark]:
    if is_personne(id_nat):
        if not has_good_key_personne(id_nat):
            yield doubt(element, f"La clé de {id_nat} est fausse : relisez ce numéro.")
        return
    text = f"« {id_nat} » n’a pas la forme d’un identifiant de personne : un chiffre de type, puis le numéro."
    yield doubt(element, text + _suggestion(id_nat, PERSON_REGISTERS, is_personne, has_good_key_personne))


def _suggestion(
    number: str, registers: Mapping[str, str], is_one: Callable[[str], bool], has_good_key: Callable[[str], bool]
) -> str:
    """The identifiers that the bare number of a register would be, those with a good check digit alone if there are."""
    bare = re.sub(r"[\s.-]", "", number).upper()
    found = [(digit + bare, register) for digit, register in registers.items() if is_one(digit + bare)]
    good = [one for one in found if has_good_key(one[0])] or found
    return f" Peut-être {' ou '.join(f'{id_nat} ({register})' for id_nat, register in good)}." if good else ""
