"""TEST and PRODUCTION, and who acts for a tiers, on all five operations at once (guide §8, §13)."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from pfcng.contract.catalogue import Environment, Motif, Offre, TypeDemande
from pfcng.contract.codes import Raison
from pfcng.contract.messages import (
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
)
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.operations.renouveler_certificat import renouveler_certificat
from pfcng.operations.retirer_certificat import retirer_certificat
from pfcng.operations.revoquer_certificat import revoquer_certificat
from pfcng.operations.suivre_activite import suivre_activite
from support.csrs import make_csr
from support.demandes import demande_for
from support.platform import EDITEUR, make_context
from support.scenario import ADMIN, MEDECIN, ORG, PRODUCTION_EDITEUR, Scenario, aki_of, serial_of

HOPITAL: Final = "1750099012"
MAILS: Final[dict[str, Any]] = {"mail_demandeur": "d@hopital.example", "mail_personne_a_informer": "i@hopital.example"}
PRODUCTION: Final = Environment.PRODUCTION
Act = Callable[[Scenario, "Theirs", RequestContext, str | None], str]
"""A request about what is there, signed so, for that tiers: the platform's text, empty when it is accepted."""


class Theirs:
    """What the éditeur of TEST has: a demande to withdraw, and an active certificate."""

    def __init__(self, scenario: Scenario, context: RequestContext) -> None:
        self.indice = str(scenario.order(context=context))
        self.certificate = scenario.issue(context=context)


def demander(scenario: Scenario, _: Theirs, context: RequestContext, tiers: str | None) -> str:
    requete = RequeteDemandeCertificats(demandes=(demande_for(ORG, make_csr(), id_nat_tiers=tiers),))
    return demander_certificats(requete, database=scenario.database, context=context, rules=Rules()).message


def retirer(scenario: Scenario, theirs: Theirs, context: RequestContext, tiers: str | None) -> str:
    requete = RequeteRetraitCertificat(indice_retrait=theirs.indice, code_revocation="code", id_nat_tiers=tiers)
    retrait = retirer_certificat(requete, database=scenario.database, authority=scenario.authority, context=context)
    return retrait.reponse.message


def revoquer(scenario: Scenario, theirs: Theirs, context: RequestContext, tiers: str | None) -> str:
    requete = RequeteRevocationCertificat(
        aki=aki_of(theirs.certificate),
        numero_serie=serial_of(theirs.certificate),
        gamme="EL",
        motif=Motif.FIN_DACTIVITE,
        id_nat_tiers=tiers,
        **MAILS,
    )
    database, authority = scenario.database, scenario.authority
    return revoquer_certificat(requete, database=database, authority=authority, context=context, rules=Rules()).message


def renouveler(scenario: Scenario, theirs: Theirs, context: RequestContext, tiers: str | None) -> str:
    requete = RequeteRenouvellementCertificat(
        aki=aki_of(theirs.certificate),
        numero_serie=serial_of(theirs.certificate),
        csr=make_csr(),
        id_nat_tiers=tiers,
        **MAILS,
    )
    return renouveler_certificat(requete, database=scenario.database, context=context, rules=Rules()).message


def suivre(scenario: Scenario, _: Theirs, context: RequestContext, tiers: str | None) -> str:
    requete = RequeteSuiviActivite(
        type_demande=TypeDemande.PRODUITS, offre=Offre.ORG, id_nat_struct=HOPITAL, id_nat_tiers=tiers
    )
    reply = suivre_activite(requete, database=scenario.database, context=context, rules=Rules())
    return "" if reply.resultats else "rien"


ACTS: Final[tuple[Act, ...]] = (demander, retirer, revoquer, renouveler, suivre)


def told(act: Act, scenario: Scenario, theirs: Theirs, context: RequestContext, tiers: str | None = None) -> str:
    """The platform's text, whichever way the operation gives it."""
    try:
        return act(scenario, theirs, context, tiers)
    except Refusal as refusal:
        return refusal.message


@pytest.fixture
def theirs(scenario: Scenario) -> Theirs:
    """Made by the éditeur himself."""
    return Theirs(scenario, make_context())


@pytest.mark.parametrize("act", ACTS)
def test_person_of_the_other_environment_is_nobody(scenario: Scenario, theirs: Theirs, act: Act) -> None:
    """The same identifier, signed by an authority of the other environment, has no rights there, AdminASIP or not."""
    before = scenario.states()
    for signataire, environment in (
        (EDITEUR, PRODUCTION),
        (ADMIN, PRODUCTION),
        (PRODUCTION_EDITEUR, Environment.TEST),
    ):
        assert Raison.ACTEUR_INCONNU in told(act, scenario, theirs, make_context(signataire, environment=environment))
    assert Raison.ACTEUR_INCONNU in told(
        act, scenario, theirs, make_context(ADMIN, environment=PRODUCTION), PRODUCTION_EDITEUR
    )
    assert scenario.states()[: len(before)] == before


@pytest.mark.parametrize("act", ACTS)
def test_admin_asip_learns_nothing_of_the_other_environment(scenario: Scenario, theirs: Theirs, act: Act) -> None:
    """A tiers who is only in PRODUCTION is told as one who is nowhere."""
    admin = make_context(ADMIN)
    known = told(act, scenario, theirs, admin, PRODUCTION_EDITEUR)
    assert known == told(act, scenario, theirs, admin, "599999999999999/NULLE-PART")
    assert Raison.ACTEUR_INCONNU in known


@pytest.mark.parametrize("act", ACTS[1:])
def test_what_is_in_the_other_environment_is_told_as_what_is_nowhere(
    scenario: Scenario, theirs: Theirs, act: Act
) -> None:
    """An index and a certificate of TEST, asked for from PRODUCTION by somebody who is known there."""
    production = make_context(PRODUCTION_EDITEUR, environment=PRODUCTION)
    foreign = told(act, scenario, theirs, production)
    assert foreign
    scenario.rows("UPDATE produit SET numero_serie = 'AB' || numero WHERE numero_serie IS NOT NULL RETURNING numero")
    theirs.indice = "999999"
    assert told(act, scenario, theirs, production) == foreign


@pytest.mark.parametrize("act", ACTS)
def test_only_admin_asip_acts_for_a_tiers(scenario: Scenario, theirs: Theirs, act: Act) -> None:
    """Anybody else who names one is refused, their own identifier included, whether the tiers exists or not (§8)."""
    texts = {
        told(act, scenario, theirs, make_context(signataire), tiers)
        for signataire in (MEDECIN, EDITEUR)
        for tiers in (EDITEUR, ADMIN, PRODUCTION_EDITEUR, "599999999999999/NULLE-PART")
    }
    assert len(texts) == 1
    assert Raison.HORS_PERIMETRE in texts.pop()


@pytest.mark.parametrize("act", ACTS)
def test_admin_asip_has_the_rights_of_the_tiers_and_no_others(scenario: Scenario, act: Act) -> None:
    """For the éditeur he does what the éditeur may; for the doctor, or for himself, nothing of the hospital's."""
    admin = make_context(ADMIN)
    indice = scenario.order(context=admin, id_nat_tiers=EDITEUR)
    theirs = Theirs(scenario, make_context())
    theirs.indice = str(indice)
    for tiers in (MEDECIN, ADMIN, None):
        assert told(act, scenario, theirs, admin, tiers)
    assert told(act, scenario, theirs, admin, EDITEUR) == ""
