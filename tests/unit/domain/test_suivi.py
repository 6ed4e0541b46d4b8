"""Every row of table 19 as a rule of presence, the roles of tables 5 and 6 for « Suivre », the crosses of table 21."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date

import pytest

from pfcng.contract.catalogue import USAGES, Environment, Offre, TypeDemande, Usage
from pfcng.contract.messages import XML_NAME, RequeteSuiviActivite, Resultat
from pfcng.contract.refusal import Refusal
from pfcng.domain.annuaire import Genre, Habilitation, Personne
from pfcng.domain.suivi import TABLE_21, Perimetre, check_presence, find_perimetre

DAY = date(2026, 3, 2)
HOPITAL = "1750099012"
ACTEUR = "899700990015"
DEMANDES, PRODUITS, REVOCATIONS = TypeDemande

OBLIGATOIRE, FACULTATIF, INTERDIT = (False, True), (True, True), (True, False)
"""Whether a request is accepted without the element, and with it."""

Rule = Callable[[TypeDemande, Offre], tuple[bool, bool]]
TABLE_19: dict[str, tuple[Rule, dict[str, object]]] = {
    "idNatTiers": (lambda _kind, _offre: FACULTATIF, {"id_nat_tiers": "899700990023"}),
    "indiceLot": (lambda kind, _offre: FACULTATIF if kind is DEMANDES else INTERDIT, {"indice_lot": "59"}),
    "dateCreationDemande": (lambda _kind, _offre: FACULTATIF, {"date_creation_demande": DAY}),
    "idNatBeneficiaire": (
        lambda _kind, offre: FACULTATIF if offre in {Offre.PS, Offre.PRO} else INTERDIT,
        {"id_nat_beneficiaire": ACTEUR},
    ),
    "idNatStruct": (lambda _kind, offre: INTERDIT if offre is Offre.PS else OBLIGATOIRE, {"id_nat_struct": HOPITAL}),
    "idNatActeur": (lambda _kind, _offre: FACULTATIF, {"id_nat_acteur": ACTEUR}),
}


def request(kind: TypeDemande, offre: Offre, **changes: object) -> RequeteSuiviActivite:
    """A request with what its offre obliges it to have, and these changes."""
    base = RequeteSuiviActivite(type_demande=kind, offre=offre, id_nat_struct=None if offre is Offre.PS else HOPITAL)
    return replace(base, **changes)  # type: ignore[arg-type]  # the caller names fields


def refused_element(requete: RequeteSuiviActivite) -> str | None:
    """The element that WSMG-00000005 names, or None."""
    try:
        check_presence(requete)
    except Refusal as refusal:
        return refusal.raison if refusal.code.value == "WSMG-00000005" else refusal.code.value
    return None


@pytest.mark.parametrize("offre", Offre)
@pytest.mark.parametrize("kind", TypeDemande)
@pytest.mark.parametrize("element", TABLE_19)
def test_row_of_table_19_is_held(element: str, kind: TypeDemande, offre: Offre) -> None:
    """Obligatoire refuses absence, interdit presence, facultatif neither; WSMG-00000005 names it (§18.1 table 19)."""
    rule, given = TABLE_19[element]
    name = element[0].upper() + element[1:]
    absent = dict.fromkeys(given)
    without, with_it = rule(kind, offre)
    assert refused_element(request(kind, offre, **absent)) == (None if without else name)
    assert refused_element(request(kind, offre, **given)) == (None if with_it else name)


@pytest.mark.parametrize("offre", Offre)
@pytest.mark.parametrize("usage", Usage)
def test_row_usage_of_table_19_is_held(usage: Usage, offre: Offre) -> None:
    """The usage is facultatif, and one of its offre's (§18.1 table 19, §8 table 7)."""
    assert refused_element(request(PRODUITS, offre)) is None
    expected = None if usage in USAGES[offre] else "Usage"
    assert refused_element(request(PRODUITS, offre, usage=usage)) == expected


def test_first_failing_element_in_the_order_of_table_19_is_named() -> None:
    """One complement a refusal: the first in table order (§18.1)."""
    faults: dict[str, object] = {
        "indice_lot": "59",
        "usage": Usage.SSL_SERV,
        "id_nat_beneficiaire": ACTEUR,
        "id_nat_struct": None,
    }
    named = []
    for field in list(faults):
        named.append(refused_element(request(PRODUITS, Offre.ORG, **faults)))
        del faults[field]
    assert named == ["IndiceLot", "Usage", "IdNatBeneficiaire", "IdNatStruct"]


def person(genre: Genre = Genre.PA) -> Personne:
    return Personne(environment=Environment.TEST, id_nat=ACTEUR, genre=genre, nom="N", prenom="P", titre="T")


def habilitation(offre: Offre, **changes: object) -> Habilitation:
    domaine = None if offre is Offre.ORG else "hopital.example"
    base = Habilitation(acteur=ACTEUR, offre=offre, id_nat_struct=HOPITAL, domaine=domaine)
    return replace(base, **changes)  # type: ignore[arg-type]  # the caller names fields


def outcome(requete: RequeteSuiviActivite, acteur: Personne, *held: Habilitation) -> Perimetre | str:
    """The perimeter, or the reason of WSMG-00000043."""
    try:
        return find_perimetre(requete, acteur, held, DAY)
    except Refusal as refusal:
        return refusal.raison if refusal.code.value == "WSMG-00000043" else refusal.code.value


WHOLE, OWN = Perimetre(), Perimetre(porteur=ACTEUR)
HORS_PERIMETRE = "L’acteur n’est pas habilité sur le périmètre de la structure."
HORS_OFFRE = "Le bénéficiaire n’est pas habilité pour l’offre demandée."


@pytest.mark.parametrize("kind", [PRODUITS, REVOCATIONS])
@pytest.mark.parametrize(
    ("offre", "held", "expected"),
    [
        (Offre.PRO, [Offre.PRO], WHOLE),
        (Offre.ORG, [Offre.ORG], WHOLE),
        (Offre.SERV, [Offre.SERV], WHOLE),
        (Offre.ORG, [Offre.SERV], WHOLE),
        (Offre.SERV, [Offre.ORG], HORS_PERIMETRE),
        (Offre.ORG, [Offre.PRO], HORS_PERIMETRE),
        (Offre.ORG, [], HORS_PERIMETRE),
        (Offre.SERV, [], HORS_PERIMETRE),
        (Offre.PRO, [Offre.ORG, Offre.SERV], OWN),
        (Offre.PRO, [], OWN),
    ],
)
def test_administrateur_sees_the_structure_and_porteur_their_own(
    kind: TypeDemande, offre: Offre, held: list[Offre], expected: Perimetre | str
) -> None:
    """Explicit habilitation for the offre, SERV granting ORG; PRO has porteurs (§8 tables 5 and 6, §18)."""
    assert outcome(request(kind, offre), person(), *map(habilitation, held)) == expected


@pytest.mark.parametrize("kind", [PRODUITS, REVOCATIONS])
@pytest.mark.parametrize(
    ("genre", "expected"),
    [(Genre.PS, OWN), (Genre.PF, OWN), (Genre.PE, HORS_OFFRE), (Genre.PA, HORS_OFFRE)],
)
def test_offre_ps_is_followed_by_professionals_for_themselves(
    kind: TypeDemande, genre: Genre, expected: Perimetre | str
) -> None:
    """Demandeur PS or PF à titre personnel (§8 table 6)."""
    assert outcome(request(kind, Offre.PS), person(genre)) == expected


@pytest.mark.parametrize("offre", Offre)
def test_demandes_are_followed_by_who_made_them_without_habilitation(offre: Offre) -> None:
    """« Le suivi des demandes est possible par l’acteur de la demande » (§18)."""
    porteur = ACTEUR if offre is Offre.PS else None
    assert outcome(request(DEMANDES, offre), person()) == Perimetre(acteur=ACTEUR, porteur=porteur)


@pytest.mark.parametrize(
    "changes",
    [
        {"id_nat_struct": "1690099023"},
        {"debut": date(2026, 3, 3)},
        {"fin": date(2026, 3, 1)},
    ],
)
def test_habilitation_elsewhere_or_not_in_force_gives_nothing(changes: dict[str, object]) -> None:
    """Its structure and its days count (§8)."""
    assert outcome(request(PRODUITS, Offre.ORG), person(), habilitation(Offre.ORG, **changes)) == HORS_PERIMETRE


@pytest.mark.parametrize("kind", TypeDemande)
def test_another_acteur_is_refused(kind: TypeDemande) -> None:
    """WSMG-00000043 with the text of §18.3, before any other right is looked at."""
    requete = request(kind, Offre.ORG, id_nat_acteur="899700990023")
    assert outcome(requete, person(), habilitation(Offre.ORG)) == HORS_OFFRE


def test_table_21_has_every_element_of_a_resultat() -> None:
    """What is told is decided for each element of the contract but ``erreur`` (§18.2)."""
    assert [field.name for field in fields(Resultat) if field.metadata[XML_NAME] != "erreur"] == list(TABLE_21)
