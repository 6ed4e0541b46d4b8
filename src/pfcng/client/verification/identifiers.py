"""Identifiers of structures and persons: their form, their check digit, and whether they go together.

All of it is doubt: the annuaire alone knows which identifiers exist, and test numbers often have a wrong check digit.
Source: guide §14.1 table 11 (idNat); TRE_G07, TRE_G08.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from pfcng.client.verification.remarks import Remark, doubt
from pfcng.contract.catalogue import Offre
from pfcng.contract.identifiers import (
    employer,
    has_good_key_personne,
    has_good_key_structure,
    is_personne,
    is_structure,
)
from pfcng.contract.messages import DemandeCertificat

_STRUCTURES: Final = (
    (re.compile("[0-9AB]{9}"), "1", "FINESS"),
    (re.compile("[0-9]{9}"), "2", "SIREN"),
    (re.compile("[0-9]{14}"), "3", "SIRET"),
    (re.compile("[0-9]{14}"), "4", "cabinet, RPPS-rang"),
    (re.compile("[0-9AB]{11}"), "0", "cabinet, ADELI-rang"),
)
_PERSONNES: Final = ((re.compile("[0-9]{11}"), "8", "RPPS"), (re.compile("[0-9AB]{9}"), "0", "ADELI"))


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
    yield doubt("idNatStruct", text + _suggestion(id_nat, _STRUCTURES, has_good_key_structure))


def _personne(element: str, id_nat: str) -> Iterator[Remark]:
    if is_personne(id_nat):
        if not has_good_key_personne(id_nat):
            yield doubt(element, f"La clé de {id_nat} est fausse : relisez ce numéro.")
        return
    text = f"« {id_nat} » n’a pas la forme d’un identifiant de personne : un chiffre de type, puis le numéro."
    yield doubt(element, text + _suggestion(id_nat, _PERSONNES, has_good_key_personne))


def _suggestion(
    number: str, registers: tuple[tuple[re.Pattern[str], str, str], ...], has_good_key: Callable[[str], bool]
) -> str:
    """The identifiers that the bare number of a register would be, those with a good check digit alone if there are."""
    bare = re.sub(r"[\s.-]", "", number).upper()
    found = [(digit + bare, register) for form, digit, register in registers if form.fullmatch(bare)]
    good = [one for one in found if has_good_key(one[0])] or found
    return f" Peut-être {' ou '.join(f'{id_nat} ({register})' for id_nat, register in good)}." if good else ""
