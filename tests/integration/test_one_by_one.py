"""A row that fails does not stop the others of a periodic act, and is an alarm (docs/later.md)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from structlog.testing import capture_logs

from pfcng.domain.rules import Rules
from pfcng.jobs import tasks
from pfcng.jobs.acts import Act, periodic_acts
from pfcng.jobs.worker import keep_working
from pfcng.operations.annuler_demande import cancel_expired
from pfcng.operations.context import Arrival
from pfcng.operations.one_by_one import OneByOne, PartlyDone
from pfcng.operations.rappeler import rappeler
from pfcng.operations.reconcilier import Difference, reconcile_daily
from pfcng.operations.revoquer_certificat import apply_due_revocations, revoquer_certificat
from pfcng.operations.revoquer_non_remis import revoquer_non_remis
from support.platform import NOW, make_context
from support.revocations import revocation_of
from support.scenario import Scenario, at
from support.workers import QUICK, Scripted, make_parts, wait_until

Turn = Callable[[Scenario, Arrival], int]
TABLES = {"courrier": "demande", "revocation": "produit", "journal": "demande"}
"""Where a row cannot be written, by the column that says which."""


def break_row(dsn: str, table: str, numero: int = 2) -> None:
    """From now on nothing about that row can be written to the table."""
    body = f"BEGIN IF NEW.{TABLES[table]} = {numero} THEN RAISE 'secret %', NEW; END IF; RETURN NEW; END"
    with psycopg.connect(dsn) as owner:
        owner.execute(f"CREATE FUNCTION casser() RETURNS trigger LANGUAGE plpgsql AS $${body}$$".encode())
        owner.execute(f"CREATE TRIGGER casse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION casser()".encode())


def mend(dsn: str, table: str) -> None:
    with psycopg.connect(dsn) as owner:
        owner.execute(f"DROP TRIGGER casse ON {table}".encode())


def withdrawn(scenario: Scenario) -> None:
    scenario.withdraw(scenario.order(), delivered=False)


def to_be_revoked(scenario: Scenario) -> None:
    tomorrow = make_context().today + timedelta(days=1)
    revoquer_certificat(
        revocation_of(scenario.issue(), date_effet=tomorrow),
        database=scenario.database,
        authority=scenario.authority,
        context=make_context(),
        rules=Rules(),
    )


def forgotten(scenario: Scenario) -> None:
    """A certificate of which the platform knows nothing any more."""
    scenario.issue()
    scenario.rows(
        "UPDATE produit SET numero_serie = 'ABCDEF' || numero WHERE numero = (SELECT max(numero) FROM produit) "
        "RETURNING numero"
    )


def cancel(scenario: Scenario, arrival: Arrival) -> int:
    return cancel_expired(database=scenario.database, rules=Rules(), arrival=arrival)


def revoke(scenario: Scenario, arrival: Arrival) -> int:
    return apply_due_revocations(
        database=scenario.database, authority=scenario.authority, arrival=arrival, rules=Rules()
    )


def revoke_undelivered(scenario: Scenario, arrival: Arrival) -> int:
    [row] = scenario.rows("SELECT max(debut_validite) AS issued FROM produit")
    later = replace(arrival, now=row["issued"] + timedelta(days=8))
    return revoquer_non_remis(database=scenario.database, authority=scenario.authority, rules=Rules(), arrival=later)


def remind(scenario: Scenario, arrival: Arrival) -> int:
    [row] = scenario.rows("SELECT max(fin_validite) AS ends FROM produit")
    return rappeler(
        database=scenario.database, rules=Rules(), arrival=replace(arrival, now=row["ends"] - timedelta(days=5))
    )


def compare(scenario: Scenario, arrival: Arrival) -> int:
    return reconcile_daily(database=scenario.database, authority=scenario.authority, arrival=arrival)


@pytest.mark.parametrize(
    ("prepare", "table", "turn", "row", "done", "again"),
    [
        (Scenario.order, "courrier", cancel, "demande 2", 2, 1),
        (to_be_revoked, "courrier", revoke, "révocation 2", 2, 1),
        (withdrawn, "revocation", revoke_undelivered, "demande 2", 2, 1),
        (Scenario.issue, "courrier", remind, "demande 2", 2, 1),
        (forgotten, "journal", compare, "demande 2", 3, 0),
    ],
    ids=["annulations", "revocations", "revocations_automatiques", "rappels", "reconciliation"],
)
def test_row_that_fails_does_not_stop_the_others(
    scenario: Scenario,
    dsn: str,
    prepare: Callable[[Scenario], object],
    table: str,
    turn: Turn,
    row: str,
    done: int,
    again: int,
) -> None:
    """It is named, logged with the incident and without what it holds, and done when its cause is gone."""
    for _ in range(3):
        prepare(scenario)
    break_row(dsn, table)
    arrival = at(NOW + timedelta(days=40))
    with capture_logs() as logs, pytest.raises(PartlyDone) as partly:
        turn(scenario, arrival)
    assert (str(partly.value), partly.value.done) == (f"{row} (RaiseException)", done)
    assert partly.value.incident == arrival.incident
    [told] = [log for log in logs if log["event"] == "act.row_failed"]
    assert f"{told['row']} {told['numero']}" == row
    with pytest.raises(PartlyDone) if again else pytest.MonkeyPatch.context():
        assert turn(scenario, arrival) == 0  # the others are not done twice; a comparison is done once a day
    mend(dsn, table)
    assert turn(scenario, arrival) == again


def test_comparison_tells_the_others(scenario: Scenario, dsn: str) -> None:
    """Differences of other numbers are journaled."""
    for _ in range(3):
        forgotten(scenario)
    break_row(dsn, "journal")
    with pytest.raises(PartlyDone):
        compare(scenario, at(NOW))
    rows = scenario.rows("SELECT demande, detail FROM journal WHERE acte = 'reconcilierIGC' ORDER BY demande")
    assert [tuple(row.values()) for row in rows] == [(1, Difference.AUTRE_SERIE), (3, Difference.AUTRE_SERIE)]


def test_many_rows_that_fail_are_counted() -> None:
    """The journal's entry stays short."""
    turn = OneByOne(at(NOW))
    for numero in range(12):
        with turn.row("demande", numero):
            raise KeyError
    with pytest.raises(PartlyDone, match=r"^demande 0 \(KeyError\), .*demande 9 \(KeyError\) et 2 autres$"):
        turn.end(0)


def test_database_that_is_gone_ends_the_turn() -> None:
    """It would fail for each row, after a time-out each."""
    turn = OneByOne(at(NOW))
    with pytest.raises(psycopg.OperationalError), turn.row("demande", 1):
        raise psycopg.OperationalError("the connection is lost")
    assert turn.end(0) == 0


def test_rows_that_fail_are_one_alarm_until_they_are_others(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal names the row once, with the incident of its log; another one is another alarm."""
    for _ in range(3):
        scenario.order()
    break_row(dsn, "courrier")
    parts = make_parts(
        scenario.database, scenario.authority, transport=Scripted(), clock=lambda: NOW + timedelta(days=40)
    )
    [annulations] = [act for act in periodic_acts(parts) if act.name == "annulations"]
    runs: list[int] = []

    def do() -> int:
        runs.append(1)
        if len(runs) == 3:
            raise ZeroDivisionError
        return annulations.do()

    each_second = (Act(name="annulations", cron="* * * * * */1", do=do),)
    monkeypatch.setattr(tasks, "periodic_acts", lambda _parts: each_second)
    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: len(runs) >= 4)
        wait_until(lambda: len(scenario.rows("SELECT FROM journal WHERE acte = 'annulations'")) >= 3)
    rows = scenario.rows("SELECT resultat, detail FROM journal WHERE acte = 'annulations' ORDER BY id")
    partly = ("échec", "demande 2 (RaiseException)")
    assert [tuple(row.values()) for row in rows] == [partly, ("échec", "ZeroDivisionError"), partly]
