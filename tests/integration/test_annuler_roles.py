"""Who may cancel: the last column of table 6 that the Web Service does not serve (guide §8)."""

import pytest

from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.domain.acteur import Acteur
from pfcng.operations.annuler_demande import annuler_demande
from pfcng.store.annuaire import load_annuaire
from support.platform import EDITEUR, make_context
from support.scenario import INTERNE, MEDECIN, ORG, Scenario

PS_AUTH = Product(Offre.PS, Usage.AUTH)


@pytest.mark.parametrize(
    ("role", "product"),
    [(MEDECIN, PS_AUTH), (INTERNE, PS_AUTH), (EDITEUR, ORG)],
    ids=["Demandeur PS", "Demandeur PF", "Administrateur technique"],
)
def test_role_may_cancel_its_own_demande(scenario: Scenario, role: str, product: Product) -> None:
    """Demandeurs for themselves and the administrateur technique: « Annuler » (table 6)."""
    context = make_context(role)
    numero = scenario.order(product, context=context)
    with scenario.database.transaction() as connection:
        annuaire = load_annuaire(connection, context.environment, personnes=[role])
    annuler_demande(
        numero, acteur=Acteur(personne=annuaire.personnes[role]), database=scenario.database, context=context
    )
    assert scenario.states() == [("Demande non traitée", "Produit annulé")]
