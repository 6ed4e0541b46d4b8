"""M2 to M4: a mail leaves, waits, or is given up, and its row says which (docs/later.md)."""

import asyncio
from datetime import timedelta

import pytest

from pfcng.notifications.mail import MailDelayed, MailRefused
from pfcng.operations.envoyer_courrier import TryAgain, envoyer_courrier
from pfcng.store import courrier
from pfcng.store.database import Row
from support.mails import make_renderer
from support.platform import NOW
from support.scenario import Scenario
from support.workers import Scripted

HOUR = timedelta(hours=1)


def one_mail(scenario: Scenario) -> int:
    """The number of a mail to a demandeur."""
    scenario.order()
    [row] = scenario.rows("SELECT min(numero) AS numero FROM courrier")
    return int(row["numero"])


def attempt(scenario: Scenario, numero: int, transport: Scripted, after: timedelta = timedelta()) -> timedelta | None:
    """One try; how long to wait for the next one, if there is to be one."""
    work = envoyer_courrier(
        numero,
        database=scenario.database,
        transport=transport,
        renderer=make_renderer(),
        clock=lambda: NOW + after,
    )
    try:
        asyncio.run(work)
    except TryAgain as again:
        return again.delay
    return None


def row_of(scenario: Scenario, numero: int) -> Row:
    [row] = scenario.rows("SELECT etat, tentatives, raison, termine_le FROM courrier WHERE numero = %s", numero)
    return row


def alarms(scenario: Scenario) -> list[tuple[str, str]]:
    """What the journal tells of mails."""
    rows = scenario.rows("SELECT resultat, detail FROM journal WHERE acte = 'courrier' ORDER BY id")
    return [(row["resultat"], row["detail"]) for row in rows]


def test_mail_leaves_once(scenario: Scenario) -> None:
    """« envoyé » is recorded at once, and a job that comes again finds it."""
    numero, transport = one_mail(scenario), Scripted()
    for _ in range(3):
        assert attempt(scenario, numero, transport) is None
    [message] = transport.sent
    assert message["Subject"].endswith("Confirmation de la demande 1")
    assert row_of(scenario, numero) == {"etat": "envoyé", "tentatives": 1, "raison": None, "termine_le": NOW}


def test_mail_that_is_gone_is_no_work(scenario: Scenario) -> None:
    """The purge may have been quicker than a job."""
    assert attempt(scenario, 12345, Scripted()) is None


def test_address_that_is_refused_ends_the_mail_with_an_alarm(scenario: Scenario) -> None:
    """5xx: « refusé », an entry of the journal that has the relay's reason and no address."""
    numero = one_mail(scenario)
    error = MailRefused("550 <demandeur@hopital.example> unknown")
    assert attempt(scenario, numero, Scripted([error])) is None
    assert row_of(scenario, numero)["etat"] == "refusé"
    [(result, detail)] = alarms(scenario)
    assert result == "refusé"
    assert detail == f"CONFIRMATION-DEMANDE, courrier {numero} (mailDemandeur) : 550 <mailDemandeur> unknown"
    assert attempt(scenario, numero, transport := Scripted()) is None
    assert not transport.sent


def test_mail_waits_longer_and_longer_and_is_given_up_after_48_hours(scenario: Scenario) -> None:
    """1, 5, 15, 60 minutes, then hourly; then « abandonné », with an alarm."""
    numero = one_mail(scenario)
    transport = Scripted([MailDelayed("451 later")] * 100)
    waited, after = [], timedelta()
    while (delay := attempt(scenario, numero, transport, after)) is not None:
        waited.append(delay)
        after += delay
    minutes = [delay.total_seconds() / 60 for delay in waited]
    assert minutes[:6] == [1, 5, 15, 60, 60, 60]
    assert set(minutes[3:]) == {60}
    assert timedelta(hours=48) <= after < timedelta(hours=49)
    assert row_of(scenario, numero) == {
        "etat": "abandonné",
        "tentatives": len(waited) + 1,
        "raison": "451 later",
        "termine_le": NOW + after,
    }
    assert [result for result, _ in alarms(scenario)] == ["abandonné"]


def test_mail_that_no_worker_tried_for_days_has_its_48_hours(scenario: Scenario) -> None:
    """Workers that stopped for a week-end, a relay that says « later » to whoever it does not know yet."""
    numero, transport = one_mail(scenario), Scripted([MailDelayed("451 greylisted")])
    assert attempt(scenario, numero, transport, 60 * HOUR) == timedelta(minutes=1)
    assert attempt(scenario, numero, transport, 61 * HOUR) is None
    assert row_of(scenario, numero)["etat"] == "envoyé"


def test_mail_leaves_after_an_outage(scenario: Scenario) -> None:
    """Nothing is lost by an outage of hours."""
    numero, transport = one_mail(scenario), Scripted([MailDelayed("no answer")] * 2)
    delays = [attempt(scenario, numero, transport, n * HOUR) for n in range(3)]
    assert [delay is None for delay in delays] == [False, False, True]
    assert row_of(scenario, numero)["etat"] == "envoyé"
    assert not alarms(scenario)


def test_what_nobody_foresaw_waits_for_its_repair(scenario: Scenario) -> None:
    """A defect, or an operator's wrong template, costs a try and loses nothing."""
    numero, transport = one_mail(scenario), Scripted([ZeroDivisionError()])
    assert attempt(scenario, numero, transport) == timedelta(minutes=1)
    assert row_of(scenario, numero)["raison"] == "ZeroDivisionError"
    assert attempt(scenario, numero, transport) is None


def test_mail_that_was_given_up_leaves_when_an_operator_wants_it(scenario: Scenario) -> None:
    """It has its 48 hours again, and the same Message-ID."""
    numero, transport = one_mail(scenario), Scripted([MailDelayed("no answer")] * 2)
    assert attempt(scenario, numero, transport) is not None
    assert attempt(scenario, numero, transport, 49 * HOUR) is None
    with scenario.database.transaction() as connection:
        assert courrier.reopen(connection, numero, NOW + 60 * HOUR)
        assert not courrier.reopen(connection, numero, NOW + 60 * HOUR)
    transport.errors = [MailDelayed("no answer")]
    assert attempt(scenario, numero, transport, 61 * HOUR) == timedelta(minutes=1)
    assert attempt(scenario, numero, transport, 62 * HOUR) is None
    assert len(transport.sent) == 1


@pytest.mark.parametrize("error", [MailRefused("550 no"), MailDelayed("no answer")])
def test_failure_that_comes_late_does_not_undo_a_delivery(scenario: Scenario, error: Exception) -> None:
    """Two jobs for one mail, by whatever accident: what was sent stays sent."""
    numero = one_mail(scenario)

    class Slow(Scripted):
        async def send(self, message: object, recipient: str) -> None:  # noqa: ARG002 - it fails whatever it is
            await asyncio.to_thread(attempt, scenario, numero, Scripted())
            raise error

    assert attempt(scenario, numero, Slow()) is None  # type: ignore[abstract,unused-ignore]
    assert row_of(scenario, numero)["etat"] == "envoyé"
    assert not alarms(scenario)
