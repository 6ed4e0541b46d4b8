"""What PFCNG-IGC signed against what the platform knows: each row of the table of docs/igc.md, and what is none."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509

from pfcng.contract.catalogue import Environment
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.igc.authority import AuthorityUnavailable, Progress, Status
from pfcng.operations import reconcilier
from pfcng.operations.annuler_demande import cancel_expired
from pfcng.operations.one_by_one import OneByOne
from pfcng.operations.reconcilier import Bilan, Difference, reconcile, reconcile_daily
from pfcng.store.database import Database
from support.certificate_requests import request_for
from support.csrs import make_key
from support.moody import MoodyAuthority
from support.platform import NOW
from support.scenario import ORG, Scenario, at

LATER = NOW + timedelta(days=31)


@pytest.fixture
def scenario(annuaire: Database, moody: MoodyAuthority) -> Scenario:
    return Scenario(database=annuaire, authority=moody)


def compare(scenario: Scenario) -> Bilan:
    return reconcile(OneByOne(at(NOW)), database=scenario.database, authority=scenario.authority, arrival=at(NOW))


def told(scenario: Scenario) -> list[tuple[int, str, str]]:
    """What the journal has of differences: number, result, what."""
    rows = scenario.rows("SELECT demande, resultat, detail FROM journal WHERE acte = 'reconcilierIGC' ORDER BY id")
    return [(row["demande"], row["resultat"], row["detail"]) for row in rows]


def expire(scenario: Scenario) -> None:
    """The time of what was not withdrawn is over."""
    assert cancel_expired(database=scenario.database, rules=Rules(), arrival=at(LATER)) == 1


def change(scenario: Scenario, statement: str) -> None:
    with scenario.database.transaction() as connection:
        connection.execute(statement.encode())


def test_both_sides_agree_on_every_ordinary_state(scenario: Scenario, moody: MoodyAuthority) -> None:
    """À retirer, registered, retiré, actif, cancelled: nothing is journaled, nothing revoked."""
    scenario.order()
    scenario.issue()
    scenario.withdraw(scenario.order(), delivered=False)
    registered = scenario.order()
    moody.register(registered, request_for(ORG, Environment.TEST, make_key()))
    assert compare(scenario) == Bilan(compared=4, differences=0)
    assert told(scenario) == []
    assert "revoke" not in dict(moody.asked)


def test_certificate_that_waits_for_its_retrait_is_no_difference(scenario: Scenario, moody: MoodyAuthority) -> None:
    """Issued, the answer lost: « Demande transmise », « Produit à retirer »; the next retrait takes it."""
    numero = scenario.order()
    moody.after = _lose("issue")
    with pytest.raises(Refusal):
        scenario.withdraw(numero)
    moody.after = lambda _name: None
    assert compare(scenario).differences == 0
    scenario.withdraw(numero)
    assert scenario.states() == [("Demande close", "Produit actif")]


def _lose(name: str) -> Callable[[str], None]:
    def lose(asked: str) -> None:
        if asked == name:
            raise AuthorityUnavailable("lost")

    return lose


def test_certificate_of_a_demande_that_ended_without_it_is_revoked(scenario: Scenario, moody: MoodyAuthority) -> None:
    """Issued, never withdrawn, expired: nobody ever had it; once revoked it is no difference any more."""
    numero = scenario.order()
    moody.after = _lose("issue")
    with pytest.raises(Refusal):
        scenario.withdraw(numero)
    moody.after = lambda _name: None
    expire(scenario)
    assert compare(scenario).differences == 1
    assert told(scenario) == [(numero, resultat, Difference.ORPHELIN) for resultat in ("différence", "révoqué")]
    [row] = scenario.rows("SELECT raison FROM igc.revocation")
    assert row["raison"] == "cessationOfOperation"
    assert compare(scenario).differences == 0


def test_retrait_of_a_demande_cancelled_under_it_delivers_nothing(scenario: Scenario, moody: MoodyAuthority) -> None:
    """Cancelled between R2 and R4: the retrait is refused, the certificate is an orphan and is revoked."""
    numero = scenario.order()
    moody.after = lambda name: expire(scenario) if name == "issue" else None
    with pytest.raises(Refusal, match="WSMG-00000011"):
        scenario.withdraw(numero)
    moody.after = lambda _name: None
    assert scenario.states() == [("Demande annulée", "Produit annulé")]
    assert compare(scenario).differences == 1
    assert moody.status(numero).progress is Progress.REVOKED


def test_number_that_the_platform_does_not_know_is_an_alarm(scenario: Scenario, moody: MoodyAuthority) -> None:
    """Nothing is revoked by guess; the alarm comes each day until an operator decided."""
    moody.register(4711, request_for(ORG, Environment.TEST, make_key()))
    moody.issue(4711)
    for _ in range(2):
        assert compare(scenario).differences == 1
    assert told(scenario) == [(4711, "différence", Difference.INCONNU)] * 2
    assert moody.status(4711).progress is Progress.ISSUED


def test_another_serial_is_an_alarm(scenario: Scenario) -> None:
    """Two certificates for one number: it must never be, and is told if it is."""
    numero = _number(scenario, scenario.issue())
    change(scenario, "UPDATE produit SET numero_serie = 'ABCDEF'")
    assert compare(scenario).differences == 1
    assert told(scenario) == [(numero, "différence", Difference.AUTRE_SERIE)]


def test_certificate_that_the_authority_does_not_know_is_an_alarm(scenario: Scenario) -> None:
    """An authority whose database was restored from an older copy."""
    numero = _number(scenario, scenario.issue())
    change(scenario, "DELETE FROM igc.certificat")
    assert compare(scenario).differences == 1
    assert told(scenario) == [(numero, "différence", Difference.ABSENT)]


def test_revocation_that_nobody_asked_for_is_an_alarm(scenario: Scenario, moody: MoodyAuthority) -> None:
    """Revoked there, actif here, and no demande de révocation waits."""
    numero = _number(scenario, scenario.issue())
    moody.revoke(numero, None)
    assert compare(scenario).differences == 1
    assert told(scenario) == [(numero, "différence", Difference.REVOQUE_LA_BAS)]


def test_certificate_revoked_here_alone_is_revoked_again(scenario: Scenario) -> None:
    """With the reason of its révocation: an authority restored from an older copy forgot it."""
    certificate = scenario.issue()
    numero = _number(scenario, certificate)
    change(
        scenario,
        """
        INSERT INTO revocation (numero, environnement, produit, canal, acteur, nom_acteur, prenom_acteur,
            mail_demandeur, mail_a_informer, motif, date_effet, etat, creee_le, revoque_le)
        SELECT 1, environnement, numero, 'WS', 'a', 'a', 'a', 'a', 'a', 'VOL', now(), 'Demande close', now(), now()
        FROM produit
        """,
    )
    change(scenario, "UPDATE produit SET etat = 'Produit révoqué'")
    assert compare(scenario).differences == 1
    assert told(scenario) == [(numero, resultat, Difference.PAS_REVOQUE) for resultat in ("différence", "révoqué")]
    assert [row["raison"] for row in scenario.rows("SELECT raison FROM igc.revocation")] == ["keyCompromise"]


def test_retrait_under_way_is_no_difference(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority's page was read before the retrait, the platform's after it: a second look sees both."""
    numero = scenario.order()
    original = MoodyAuthority.list_issued

    def slow(self: MoodyAuthority, *, after: int, limit: int) -> list[Status]:
        page = original(self, after=after, limit=limit)
        if scenario.states() == [("Demande validée", "Produit à retirer")]:
            scenario.withdraw(numero)
        return page

    monkeypatch.setattr(MoodyAuthority, "list_issued", slow)
    assert compare(scenario) == Bilan(compared=1, differences=0)


def test_number_that_moves_under_the_second_look_is_left_to_the_next_day(
    scenario: Scenario, moody: MoodyAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes while it is looked at was not seen at one moment: neither journaled nor revoked."""
    numero = _number(scenario, scenario.issue())
    moody.revoke(numero, None)
    original = MoodyAuthority.status

    def moving(self: MoodyAuthority, asked: int) -> Status:
        change(scenario, "UPDATE produit SET etat = 'Produit révoqué'")
        return original(self, asked)

    monkeypatch.setattr(MoodyAuthority, "status", moving)
    assert compare(scenario).differences == 0
    assert told(scenario) == []


def test_comparison_goes_page_by_page(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of either side is seen once, whatever the pages."""
    monkeypatch.setattr(reconcilier, "_PAGE", 2)
    for product in range(5):
        if product % 2:
            scenario.order()
        else:
            scenario.issue()
    change(scenario, "DELETE FROM igc.certificat WHERE numero = (SELECT max(numero) FROM igc.certificat)")
    assert compare(scenario) == Bilan(compared=5, differences=1)


def test_comparison_is_made_once_a_day(scenario: Scenario) -> None:
    """Two platforms on one database make one; an interrupted one is begun again after an hour."""
    _number(scenario, scenario.issue())
    change(scenario, "DELETE FROM igc.certificat")

    def daily(hours: float) -> int:
        arrival = at(NOW + timedelta(hours=hours))
        return reconcile_daily(database=scenario.database, authority=scenario.authority, arrival=arrival)

    assert [daily(0), daily(1), daily(23), daily(24.1)] == [1, 0, 0, 1]
    change(scenario, "UPDATE reconciliation SET terminee_le = NULL, comparees = NULL, differences = NULL")
    assert [daily(24.5), daily(25.2)] == [0, 1]
    assert len(told(scenario)) == 3
    [last] = scenario.rows("SELECT * FROM reconciliation ORDER BY numero DESC LIMIT 1")
    assert (last["comparees"], last["differences"]) == (1, 1)


def test_comparison_of_a_clock_that_went_back_counts_for_nothing(scenario: Scenario) -> None:
    """A node was a year ahead: the next comparison is not a year away."""

    def daily(days: float) -> int:
        reconcile_daily(
            database=scenario.database, authority=scenario.authority, arrival=at(NOW + timedelta(days=days))
        )
        return len(scenario.rows("SELECT FROM reconciliation"))

    assert [daily(365), daily(0), daily(0.5), daily(1.1)] == [1, 2, 2, 3]


def _number(scenario: Scenario, certificate: x509.Certificate) -> int:
    [row] = scenario.rows("SELECT demande FROM produit WHERE numero_serie = %s", f"{certificate.serial_number:X}")
    return int(row["demande"])
