"""A révocation that PFCNG-IGC does not answer, or refuses later: attempts, times, end (RMT_ERR_012, 013)."""

from datetime import date, datetime, timedelta

import pytest
from cryptography import x509

from pfcng.contract import codes
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.igc.authority import AuthorityUnavailable, NotRegistered
from pfcng.operations.revoquer_certificat import apply_due_revocations, revoquer_certificat
from pfcng.store.database import Database
from support.moody import MoodyAuthority
from support.platform import EDITEUR, NOW, make_context
from support.revocations import revocation_of
from support.scenario import Scenario, at

REVOQUE = ("Demande close", "Produit révoqué")
ACTIF = ("Demande close", "Produit actif")
MINUTES = (1, 5, 15, 60, *([60] * 24))
"""Between two attempts: the decisions on the guide's chapter 20."""


@pytest.fixture
def scenario(annuaire: Database, moody: MoodyAuthority) -> Scenario:
    return Scenario(database=annuaire, authority=moody)


def revoke(scenario: Scenario, certificate: x509.Certificate, day: date | None = None) -> str:
    reply = revoquer_certificat(
        revocation_of(certificate, date_effet=day),
        database=scenario.database,
        authority=scenario.authority,
        context=make_context(),
        rules=Rules(),
    )
    return reply.statut


def turn(scenario: Scenario, moment: datetime) -> int:
    """What the platform does every minute."""
    return apply_due_revocations(
        database=scenario.database, authority=scenario.authority, arrival=at(moment), rules=Rules()
    )


def etats(scenario: Scenario) -> list[str]:
    return [row["etat"] for row in scenario.rows("SELECT etat FROM revocation ORDER BY numero")]


def test_revocation_is_tried_again_at_the_guide_s_times_and_given_up(scenario: Scenario, moody: MoodyAuthority) -> None:
    """After 1, 5, 15, 60 minutes, then hourly for a day: « Demande non traitée », the produit actif (RMT_ERR_012)."""
    certificate = scenario.issue()
    moody.error = AuthorityUnavailable("stopped")
    assert revoke(scenario, certificate) == "OK"
    moment, asked = NOW, len(moody.asked)
    for number, minutes in enumerate(MINUTES, 1):
        assert (etats(scenario), scenario.states()) == (["Demande enregistrée"], [ACTIF])
        moment += timedelta(minutes=minutes)
        turn(scenario, moment - timedelta(seconds=1))
        assert len(moody.asked) == asked + number - 1
        turn(scenario, moment)
        assert len(moody.asked) == asked + number
    assert (etats(scenario), scenario.states()) == (["Demande non traitée"], [ACTIF])
    turn(scenario, moment + timedelta(days=3))
    assert len(moody.asked) == asked + len(MINUTES)
    told = scenario.rows("SELECT * FROM journal WHERE code = 'RMT_ERR_012' ORDER BY id")
    assert [row["resultat"] for row in told] == ["en attente"] * len(MINUTES) + ["non traité"]
    assert {row["acteur"] for row in told} == {EDITEUR}
    assert reasons_told(scenario) == [codes.RMT_ERR_012.text] * 2


def test_attempt_that_a_clock_set_too_far_ahead_is_made(scenario: Scenario, moody: MoodyAuthority) -> None:
    """A worker was a year ahead while PFCNG-IGC did not answer: nobody waits for that year."""
    revoke(scenario, scenario.issue(), (NOW + timedelta(days=1)).date())
    moody.error = AuthorityUnavailable("stopped")
    turn(scenario, NOW + timedelta(days=365))
    moody.error = None
    assert turn(scenario, NOW + timedelta(days=2)) == 1
    assert etats(scenario) == ["Demande close"]


def test_revocation_given_up_may_be_asked_for_again(scenario: Scenario, moody: MoodyAuthority) -> None:
    """« L’utilisateur doit faire une nouvelle demande de révocation » (RMT_ERR_012)."""
    certificate = scenario.issue()
    moody.error = AuthorityUnavailable("stopped")
    revoke(scenario, certificate)
    for hours in range(30):
        turn(scenario, NOW + timedelta(hours=hours + 1))
    moody.error = None
    assert revoke(scenario, certificate) == "OK"
    assert (etats(scenario), scenario.states()) == (["Demande non traitée", "Demande close"], [REVOQUE])


def test_attempt_that_is_answered_ends_the_wait(scenario: Scenario, moody: MoodyAuthority) -> None:
    """« Demande close », « Produit révoqué », and the lost key is banned as at once (§16.2)."""
    certificate = scenario.issue()
    moody.error = AuthorityUnavailable("stopped")
    revoke(scenario, certificate)
    moody.error = None
    assert turn(scenario, NOW + timedelta(minutes=1)) == 1
    assert (etats(scenario), scenario.states()) == (["Demande close"], [REVOQUE])
    assert len(scenario.rows("TABLE cle_bannie")) == 1


def test_answer_that_was_lost_keeps_its_moment(scenario: Scenario, moody: MoodyAuthority) -> None:
    """The authority revoked and its answer was lost: the next attempt gives the first moment."""
    certificate = scenario.issue()

    def lose(_name: str) -> None:
        raise AuthorityUnavailable("lost")

    moody.after = lose
    revoke(scenario, certificate)
    [first] = scenario.rows("SELECT revoque_le FROM igc.revocation")
    moody.after = lambda _name: None
    turn(scenario, NOW + timedelta(minutes=1))
    assert scenario.rows("SELECT revoque_le FROM revocation") == [first]


def test_refusal_at_once_is_told(scenario: Scenario, moody: MoodyAuthority) -> None:
    """RMT_ERR_013: WSMG-00000012, « Demande non traitée », « Produit actif »."""
    certificate = scenario.issue()
    moody.error = NotRegistered("demande")
    with pytest.raises(Refusal) as refused:
        revoke(scenario, certificate)
    assert refused.value.message == codes.WSMG_12.message(codes.RMT_ERR_013.text)
    assert (etats(scenario), scenario.states()) == (["Demande non traitée"], [ACTIF])
    assert reasons_told(scenario) == []  # the refusal has its own


def test_refusal_at_a_later_attempt_ends_the_revocation(scenario: Scenario, moody: MoodyAuthority) -> None:
    """RMT_ERR_013, journaled; who was told OK learns that it is not (NMG-008)."""
    certificate = scenario.issue()
    moody.error = AuthorityUnavailable("stopped")
    revoke(scenario, certificate)
    moody.error = NotRegistered("demande")
    turn(scenario, NOW + timedelta(minutes=1))
    assert (etats(scenario), scenario.states()) == (["Demande non traitée"], [ACTIF])
    [told] = scenario.rows("SELECT resultat FROM journal WHERE code = 'RMT_ERR_013'")
    assert told["resultat"] == "non traité"
    assert reasons_told(scenario) == [codes.RMT_ERR_013.text] * 2


def test_refusal_on_its_day_is_told(scenario: Scenario, moody: MoodyAuthority) -> None:
    """A later dateEffet: nothing but OK was said before (NMG-008)."""
    tomorrow = NOW + timedelta(days=1)
    revoke(scenario, scenario.issue(), tomorrow.date())
    moody.error = NotRegistered("demande")
    turn(scenario, tomorrow)
    assert (etats(scenario), reasons_told(scenario)) == (["Demande non traitée"], [codes.RMT_ERR_013.text] * 2)


def reasons_told(scenario: Scenario) -> list[str]:
    """What each mail of a révocation that failed gives as its reason."""
    rows = scenario.rows("SELECT contenu->>'raison' AS raison FROM courrier WHERE notification = 'NMG-008'")
    return [row["raison"] for row in rows]


def test_turn_spends_one_attempt_while_nobody_answers(scenario: Scenario, moody: MoodyAuthority) -> None:
    """The others would not be answered either: they wait, and are tried first at the next turn."""
    tomorrow = NOW + timedelta(days=1)
    for _ in range(3):
        revoke(scenario, scenario.issue(), tomorrow.date())
    moody.error = AuthorityUnavailable("stopped")
    assert turn(scenario, tomorrow) == 0
    assert [row["tentatives"] for row in scenario.rows("SELECT tentatives FROM revocation ORDER BY numero")] == [
        1,
        0,
        0,
    ]
    turn(scenario, tomorrow + timedelta(minutes=1))
    assert [row["tentatives"] for row in scenario.rows("SELECT tentatives FROM revocation ORDER BY numero")] == [
        1,
        1,
        0,
    ]
    moody.error = None
    turn(scenario, tomorrow + timedelta(hours=1))
    assert scenario.states() == [REVOQUE] * 3
