"""The one table of transitions."""

import pytest

from pfcng.domain.states import DemandeState, ProduitState, Transition

START = (DemandeState.ENREGISTREE, ProduitState.DEMANDE)


def reachable() -> set[tuple[DemandeState, ProduitState]]:
    """Every pair of states that transitions lead to from the start."""
    found = {START}
    while True:
        more = {
            (step.demande[1], step.produit[1])
            for step in (transition.value for transition in Transition)
            if (step.demande[0], step.produit[0]) in found
        }
        if more <= found:
            return found
        found |= more


def test_every_transition_can_happen() -> None:
    """Each one starts from a pair of states that others lead to."""
    pairs = reachable()
    assert all((t.value.demande[0], t.value.produit[0]) in pairs for t in Transition)


@pytest.mark.parametrize(
    "pair",
    [
        ("Demande validée", "Produit à retirer"),
        ("Demande rejetée", "Produit annulé"),
        ("Demande non traitée", "Produit annulé"),
        ("Demande transmise", "Produit à retirer"),
        ("Demande transmise", "Produit retiré"),
        ("Demande close", "Produit actif"),
        ("Demande close", "Produit révoqué"),
        ("Demande annulée", "Produit révoqué"),
        ("Demande annulée", "Produit annulé"),
    ],
)
def test_pair_of_states_of_the_guide_is_reached(pair: tuple[str, str]) -> None:
    """The pairs of §14.2, §15.2, §16.2 and RMT_ERR_001, 002, 003, 008, 009."""
    assert pair in {(str(demande), str(produit)) for demande, produit in reachable()}


def test_no_other_pair_is_reached() -> None:
    """Nine pairs and the start: a demande and its produit never disagree."""
    assert len(reachable()) == 10


def test_refused_demande_stays_refused() -> None:
    """No transition leaves « rejetée », « non traitée » or « annulée »."""
    ends = {DemandeState.REJETEE, DemandeState.NON_TRAITEE, DemandeState.ANNULEE}
    assert not [transition for transition in Transition if transition.value.demande[0] in ends]
