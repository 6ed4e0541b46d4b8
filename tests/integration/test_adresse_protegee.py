"""The protected e-mail address: one holder in force (guide §7.2, RMT_ERR_002)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.contract.messages import DemandeCertificat, RequeteDemandeCertificats
from pfcng.domain.annuaire import Habilitation, Structure
from pfcng.domain.rules import Rules
from pfcng.operations.annuler_demande import cancel_expired
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.store.annuaire import save_habilitations, save_structures
from support.csrs import make_csr
from support.demandes import demande_for
from support.platform import EDITEUR, NOW, make_context
from support.scenario import INTERNE, MEDECIN, Scenario, at

SERV_SIGN, SERV_CONF = Product(Offre.SERV, Usage.SIGN), Product(Offre.SERV, Usage.CONF)
PRO_SIGN, PS_SIGN, PS_CONF = (
    Product(Offre.PRO, Usage.SIGN),
    Product(Offre.PS, Usage.SIGN),
    Product(Offre.PS, Usage.CONF),
)
ADDRESS = "partage@hopital.example"
OTHER_STRUCTURE = "1690099023"


def submit(
    scenario: Scenario, demandes: Sequence[DemandeCertificat], context: RequestContext | None = None
) -> list[tuple[str, str]]:
    """Status and message of each demande of a lot."""
    reply = demander_certificats(
        RequeteDemandeCertificats(demandes=tuple(demandes)),
        database=scenario.database,
        context=context or make_context(),
        rules=Rules(),
    )
    return [(demande.statut_demande, demande.message) for demande in reply.demandes]


def demande(product: Product, address: str = ADDRESS, **changes: object) -> DemandeCertificat:
    return demande_for(product, make_csr(), mail_sujet=address, **changes)


@pytest.fixture
def two_structures(scenario: Scenario) -> Scenario:
    """The administrateur technique has a second structure with the same mail domain."""
    with scenario.database.transaction() as connection:
        other = Structure(
            environment=Environment.TEST, id_nat=OTHER_STRUCTURE, raison_sociale="AUTRE", departement="69"
        )
        save_structures(connection, [other])
        held = Habilitation(acteur=EDITEUR, offre=Offre.SERV, id_nat_struct=OTHER_STRUCTURE, domaine="hopital.example")
        save_habilitations(connection, Environment.TEST, [held])
    return scenario


def test_address_of_another_structure_is_refused_with_its_produit(two_structures: Scenario) -> None:
    """The text of RMT_ERR_002 names the produit in force that holds it; case does not matter."""
    assert submit(two_structures, [demande(SERV_SIGN)])[0][0] == "OK"
    [produit] = two_structures.rows("SELECT numero FROM produit")
    [(statut, message)] = submit(two_structures, [demande(SERV_SIGN, ADDRESS.upper(), id_nat_struct=OTHER_STRUCTURE)])
    assert statut == "WSMG-00000010"
    assert f"déjà renseignée pour un autre produit {produit['numero']} en cours de validité" in message


def test_address_serves_every_produit_of_its_holder(two_structures: Scenario) -> None:
    """SIGN and CONF of one structure share it, in one lot or in two."""
    assert [statut for statut, _ in submit(two_structures, [demande(SERV_SIGN), demande(SERV_CONF)])] == ["OK", "OK"]
    assert submit(two_structures, [demande(SERV_CONF, nom_applicatif="autre")])[0][0] == "OK"


def test_persons_hold_an_address_by_their_dn(scenario: Scenario) -> None:
    """PS_SIGN and PS_CONF of one person have one DN; another person has another (§7.2)."""
    medecin, interne = make_context(MEDECIN), make_context(INTERNE)
    assert submit(scenario, [demande(PS_SIGN), demande(PS_CONF)], medecin)[1][0] == "OK"
    assert submit(scenario, [demande(PS_SIGN)], interne)[0][0] == "WSMG-00000010"


def test_address_is_held_across_offres(scenario: Scenario) -> None:
    """PS, PRO and SERV share one list (§7.2)."""
    assert submit(scenario, [demande(SERV_SIGN)])[0][0] == "OK"
    assert submit(scenario, [demande(PRO_SIGN)])[0][0] == "WSMG-00000010"


def test_two_holders_in_one_lot_are_not_both_accepted(two_structures: Scenario) -> None:
    """The first demande of the lot has the address."""
    lot = [demande(SERV_SIGN), demande(SERV_SIGN, id_nat_struct=OTHER_STRUCTURE)]
    assert [statut for statut, _ in submit(two_structures, lot)] == ["OK", "WSMG-00000010"]


def test_holder_is_served_in_a_lot_where_another_asks_first(two_structures: Scenario) -> None:
    """Each demande of a lot is refused or accepted for itself (§7.2, §14.2.2)."""
    assert submit(two_structures, [demande(SERV_SIGN)])[0][0] == "OK"
    lot = [demande(SERV_SIGN, id_nat_struct=OTHER_STRUCTURE), demande(SERV_CONF), demande(PRO_SIGN)]
    assert [statut for statut, _ in submit(two_structures, lot)] == ["WSMG-00000010", "OK", "WSMG-00000010"]


def test_address_of_a_cancelled_produit_is_free(two_structures: Scenario) -> None:
    """In force is à retirer, retiré or actif: what was annulé holds nothing."""
    submit(two_structures, [demande(SERV_SIGN)])
    later = at(NOW + timedelta(days=31))
    cancel_expired(database=two_structures.database, rules=Rules(), arrival=later)
    assert submit(two_structures, [demande(SERV_SIGN, id_nat_struct=OTHER_STRUCTURE)], later)[0][0] == "OK"


def test_address_of_an_expired_certificate_is_free(two_structures: Scenario) -> None:
    """Actif and past its end holds nothing."""
    certificate = two_structures.issue(SERV_SIGN, mail_sujet=ADDRESS)
    end = certificate.not_valid_after_utc
    last = submit(two_structures, [demande(SERV_SIGN, id_nat_struct=OTHER_STRUCTURE)], at(end))
    assert last[0][0] == "WSMG-00000010"
    after = at(end + timedelta(seconds=1))
    assert submit(two_structures, [demande(SERV_SIGN, id_nat_struct=OTHER_STRUCTURE)], after)[0][0] == "OK"


def test_refused_demande_takes_no_address(two_structures: Scenario) -> None:
    """A demande that stopped before holds nothing."""
    outside = demande(SERV_SIGN, "partage@ailleurs.example")
    assert submit(two_structures, [outside])[0][0] == "WSMG-00000010"
    assert two_structures.rows("TABLE adresse_protegee") == []


def test_two_lots_at_once_for_one_address_have_one_winner(two_structures: Scenario) -> None:
    """The address is locked by whoever asks first; the other sees what was made of it."""
    barrier = Barrier(2)

    def race(structure: str) -> str:
        lot = [demande(SERV_SIGN, id_nat_struct=structure)]
        barrier.wait()
        return submit(two_structures, lot)[0][0]

    for _ in range(3):
        with two_structures.database.transaction() as connection:
            connection.execute("UPDATE produit SET etat = 'Produit annulé'")
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(race, ["1750099012", OTHER_STRUCTURE])) == ["OK", "WSMG-00000010"]
