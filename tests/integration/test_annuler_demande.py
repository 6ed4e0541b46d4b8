"""Cancellation: by the acteur, or since the time is over (guide §8 table 6, RMT_ERR_008)."""

from datetime import timedelta

import pytest

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.rules import Rules
from pfcng.operations.annuler_demande import annuler_demande, cancel_expired
from pfcng.operations.context import RequestContext
from pfcng.store.annuaire import load_annuaire
from support.platform import EDITEUR, NOW, make_context
from support.scenario import MEDECIN, PRODUCTION_EDITEUR, Scenario, at


def cancel(scenario: Scenario, numero: int, *, context: RequestContext | None = None) -> None:
    """The signer cancels a demande."""
    context = context or make_context()
    with scenario.database.transaction() as connection:
        annuaire = load_annuaire(connection, context.environment, personnes=[context.signataire])
    acteur = Acteur(personne=annuaire.personnes[context.signataire])
    annuler_demande(numero, acteur=acteur, database=scenario.database, context=context)


def test_demande_validee_becomes_non_traitee(scenario: Scenario) -> None:
    """« Demande validée » → « Demande non traitée », « Produit annulé » (RMT_ERR_008)."""
    cancel(scenario, scenario.order())
    assert scenario.states() == [("Demande non traitée", "Produit annulé")]
    [act] = scenario.rows("SELECT acte, resultat, acteur FROM journal ORDER BY id DESC LIMIT 1")
    assert tuple(act.values()) == ("annulerDemande", "annulé", EDITEUR)


def test_demande_transmise_becomes_annulee(scenario: Scenario) -> None:
    """« Demande transmise » → « Demande annulée » (RMT_ERR_008)."""
    numero = scenario.order()
    with scenario.database.transaction() as connection:
        connection.execute("UPDATE demande SET etat = 'Demande transmise'")
    cancel(scenario, numero)
    assert scenario.states() == [("Demande annulée", "Produit annulé")]


def test_withdrawn_demande_is_not_cancelled(scenario: Scenario) -> None:
    """Only what is « Produit à retirer » (table 6)."""
    numero = scenario.order()
    scenario.withdraw(numero)
    with pytest.raises(Refusal) as refused:
        cancel(scenario, numero)
    assert refused.value.code == codes.WSMG_11
    assert scenario.states() == [("Demande close", "Produit actif")]


def test_cancelled_demande_is_not_withdrawn(scenario: Scenario) -> None:
    """A retrait after the cancellation finds the produit annulé."""
    numero = scenario.order()
    cancel(scenario, numero)
    with pytest.raises(Refusal) as refused:
        scenario.withdraw(numero)
    assert refused.value.code == codes.WSMG_11


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (make_context(MEDECIN), codes.WSMG_30),
        (make_context(PRODUCTION_EDITEUR, environment=Environment.PRODUCTION), codes.WSMG_27),
    ],
)
def test_demande_of_somebody_else_is_not_cancelled(
    scenario: Scenario, context: RequestContext, code: codes.Code
) -> None:
    """Another acteur, another environment."""
    numero = scenario.order()
    with pytest.raises(Refusal) as refused:
        cancel(scenario, numero, context=context)
    assert refused.value.code == code


def test_demande_expires_after_its_delay_and_not_before(scenario: Scenario) -> None:
    """Thirty days unless set otherwise; what was withdrawn stays (RMT_ERR_008)."""
    scenario.issue()
    scenario.order()
    delay = Rules().retrait_delay

    def expire(moment: timedelta) -> int:
        return cancel_expired(database=scenario.database, rules=Rules(), arrival=at(NOW + moment))

    assert expire(delay) == 0
    assert expire(delay + timedelta(seconds=1)) == 1
    assert scenario.states() == [("Demande close", "Produit actif"), ("Demande non traitée", "Produit annulé")]
