"""Workers: what is deferred is done, whoever stops, dies or loses the database (docs/later.md)."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from importlib.resources import files
from pathlib import Path
from threading import Event

import psycopg
import pytest
from procrastinate import PsycopgConnector, periodic

from pfcng.jobs import tasks, worker
from pfcng.jobs.acts import Act
from pfcng.jobs.worker import keep_working
from pfcng.notifications.smtp import Relay, Security, Smtp
from pfcng.operations import envoyer_courrier
from pfcng.operations.purger import purger
from pfcng.store import jobs
from pfcng.store.database import OPTIONS
from support.mails import mails_in, make_renderer
from support.platform import NOW
from support.relay import Inbox, relay
from support.scenario import Scenario
from support.workers import QUICK, Scripted, make_parts, wait_until


def waiting_mails(scenario: Scenario) -> int:
    [row] = scenario.rows("SELECT count(*) AS waiting FROM courrier WHERE etat = 'à envoyer'")
    return int(row["waiting"])


def statuses(scenario: Scenario) -> list[str]:
    """The states of the jobs of mails."""
    rows = scenario.rows("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'courrier' ORDER BY id")
    return [row["status"] for row in rows]


def test_queue_is_the_one_that_the_library_expects() -> None:
    """Revision 0009 made procrastinate's tables: a release that changes them needs a revision of ours."""
    ours = files("pfcng.store") / "migrations" / "procrastinate" / "3.10.sql"
    theirs = files("procrastinate") / "sql" / "schema.sql"
    assert ours.read_text("utf-8") == theirs.read_text("utf-8")


def test_worker_sends_what_was_ordered_and_leaves_no_job(scenario: Scenario, dsn: str, tmp_path: Path) -> None:
    """From the commit of the change to a mail in its folder."""
    parts = make_parts(scenario.database, scenario.authority, transport=tmp_path / "courrier", clock=lambda: NOW)
    with keep_working(dsn, parts, QUICK):
        scenario.order()
        wait_until(lambda: waiting_mails(scenario) == 0 and not statuses(scenario))
    subjects = sorted(message["Subject"][:18] for message in mails_in(tmp_path / "courrier"))
    assert subjects == ["Agence du numériqu", "[POUR INFORMATION]"]


class Slow(Scripted):
    """A transport that does not return before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = Event(), Event()

    async def send(self, message: EmailMessage, recipient: str) -> None:
        self.begun.set()
        while not self.let.is_set():
            await asyncio.sleep(0.01)
        await super().send(message, recipient)


def test_worker_that_stops_finishes_what_is_under_way(scenario: Scenario, dsn: str) -> None:
    """What takes less than the grace is done; nothing else is begun."""
    transport = Slow()
    scenario.order()
    parts = make_parts(scenario.database, scenario.authority, transport=transport, clock=lambda: NOW)
    with ExitStack() as stack:
        stack.enter_context(keep_working(dsn, parts, QUICK))
        assert transport.begun.wait(30)
        stack.callback(transport.let.set)
    assert waiting_mails(scenario) + len(transport.sent) == 2
    assert "doing" not in statuses(scenario)
    assert transport.sent


def test_worker_that_stops_gives_back_what_lasts_too_long(scenario: Scenario, dsn: str, tmp_path: Path) -> None:
    """After the grace the job goes back to the queue, and another worker does it at once."""
    transport = Slow()
    scenario.order()
    parts = make_parts(scenario.database, scenario.authority, transport=transport, clock=lambda: NOW)
    with keep_working(dsn, parts, QUICK):
        assert transport.begun.wait(30)
    assert (statuses(scenario), transport.sent) == (["todo", "todo"], [])
    parts = make_parts(scenario.database, scenario.authority, transport=tmp_path, clock=lambda: NOW)
    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: waiting_mails(scenario) == 0)
    assert len(mails_in(tmp_path)) == 2


def test_jobs_of_a_silent_worker_are_taken_over_once(scenario: Scenario) -> None:
    """Told by its heartbeat, or by its absence; those of a living one are left alone."""
    scenario.order()
    scenario.rows(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 min'), (now()) RETURNING id"
    )
    scenario.rows(
        "UPDATE procrastinate_jobs j SET status = 'doing', worker_id = w.id FROM procrastinate_workers w "
        "WHERE (mod(j.id, 2) = 0) = (w.last_heartbeat < now() - interval '30 s') RETURNING j.id"
    )
    with scenario.database.transaction() as connection:
        [taken] = jobs.take_over(connection, timedelta(seconds=30))
        assert jobs.take_over(connection, timedelta(seconds=30)) == []
    assert taken % 2 == 0
    assert sorted(statuses(scenario)) == ["doing", "todo"]


def leave_lost_act(scenario: Scenario) -> None:
    """An act that a worker died of, whose next period waits, and a mail that it died of with it."""
    scenario.order()
    scenario.rows(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, args)
        SELECT 'echeances', 'essai', 'essai', 'essai', status::procrastinate_job_status, '{"timestamp": 0}'
        FROM unnest(ARRAY['doing', 'todo']) AS status RETURNING id
        """
    )
    scenario.rows("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = 1 RETURNING id")


def test_lost_act_whose_next_period_waits_makes_room_for_it(scenario: Scenario) -> None:
    """One job an act may wait: the one that is lost goes, and holds up neither the other nor what else is lost."""
    leave_lost_act(scenario)
    with scenario.database.transaction() as connection:
        assert len(jobs.take_over(connection, timedelta(seconds=30))) == 2
        assert jobs.take_over(connection, timedelta(seconds=30)) == []
    assert statuses(scenario) == ["todo", "todo"]
    rows = scenario.rows("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'essai'")
    assert [row["status"] for row in rows] == ["todo"]


def test_act_that_was_lost_is_done_at_its_next_period(
    scenario: Scenario, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker killed in an act, and a period that began before it counted as dead."""
    leave_lost_act(scenario)
    done: list[int] = []

    def act() -> int:
        done.append(1)
        return 1

    with_act(monkeypatch, act)
    parts = make_parts(scenario.database, scenario.authority, transport=tmp_path, clock=lambda: NOW)
    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: bool(done) and waiting_mails(scenario) == 0)
    assert len(mails_in(tmp_path)) == 2


def test_worker_survives_the_loss_of_its_connections(scenario: Scenario, dsn: str, tmp_path: Path) -> None:
    """The database restarts; nobody has to restart the workers."""
    parts = make_parts(scenario.database, scenario.authority, transport=tmp_path, clock=lambda: NOW)
    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: scenario.rows("SELECT FROM procrastinate_workers") != [])
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        scenario.order()
        wait_until(lambda: waiting_mails(scenario) == 0)


def test_relay_that_cuts_after_data_loses_no_mail(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: each mail arrives, and a second copy has the Message-ID of the first."""
    monkeypatch.setattr(envoyer_courrier, "DELAYS", (timedelta(),))
    inbox = Inbox()
    inbox.cuts = 5
    with relay(inbox) as port:
        transport = Smtp(Relay(host="127.0.0.1", port=port, security=Security.NONE, timeout=10))
        parts = make_parts(scenario.database, scenario.authority, transport=transport, clock=lambda: NOW)
        for _ in range(5):
            scenario.order()
        with keep_working(dsn, parts, QUICK):
            wait_until(lambda: waiting_mails(scenario) == 0)
    assert len(set(inbox.identifiers)) == 10
    assert len(inbox.identifiers) == 15


def with_act(monkeypatch: pytest.MonkeyPatch, do: Callable[[], int]) -> None:
    """One periodic act, looked for each second."""
    monkeypatch.setattr(tasks, "periodic_acts", lambda _parts: (Act(name="essai", cron="* * * * * */1", do=do),))


def with_counted_act(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One periodic act; what is given has an entry for each run."""
    runs: list[int] = []

    def act() -> int:
        runs.append(1)
        return 1

    with_act(monkeypatch, act)
    return runs


def test_periodic_work_is_done_once_a_period_by_three_workers(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue defers a task of a period once, whatever the number of workers."""
    done: list[float] = []

    def act() -> int:
        done.append(time.monotonic())
        return 1

    with_act(monkeypatch, act)
    parts = make_parts(scenario.database, scenario.authority, transport=Scripted())
    began = time.monotonic()
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(keep_working(dsn, parts, QUICK))
        wait_until(lambda: len(done) >= 4)
    periods = time.monotonic() - began
    assert len(done) <= periods + 2, "more runs than periods"


def failing_once(scenario: Scenario, event: str, problem: str) -> None:
    """Have the server refuse something of the queue one single time (what a sequence counts is not rolled back)."""
    with scenario.database.transaction() as connection:
        connection.execute("RESET ROLE")
        connection.execute("CREATE SEQUENCE essais")
        connection.execute("GRANT USAGE ON SEQUENCE essais TO PUBLIC")
        connection.execute(
            f"""
            CREATE FUNCTION refuser() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('essais') = 1 THEN RAISE EXCEPTION USING {problem}; END IF;
                RETURN coalesce(NEW, OLD);
            END $$
            """
        )
        connection.execute(
            f"CREATE TRIGGER refuser BEFORE {event} ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION refuser()"
        )


def test_act_whose_end_could_not_be_written_is_done_again(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk for a second: the act would count as under way, and no other be begun, while its worker lives."""
    runs = with_counted_act(monkeypatch)
    failing_once(scenario, "DELETE", "ERRCODE = 'disk_full', MESSAGE = 'no space left'")
    parts = make_parts(scenario.database, scenario.authority, transport=Scripted())
    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: len(runs) >= 3)


def test_waiting_act_is_not_deferred_again_whatever_the_language_of_the_server(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL may say « La clé … existe déjà. »; the worker goes on, and is not begun again."""
    runs = with_counted_act(monkeypatch)
    failing_once(
        scenario,
        "INSERT",
        "ERRCODE = 'unique_violation', CONSTRAINT = 'procrastinate_jobs_queueing_lock_idx_v1', "
        "MESSAGE = 'la valeur d’une clé dupliquée rompt la contrainte unique', "
        "DETAIL = 'La clé « (queueing_lock)=(essai) » existe déjà.'",
    )
    parts = make_parts(scenario.database, scenario.authority, transport=Scripted())
    with caplog.at_level("ERROR", logger="procrastinate"), keep_working(dsn, parts, QUICK):
        wait_until(lambda: len(runs) >= 2)
    assert caplog.messages == []


@pytest.mark.parametrize(("before", "after"), [(3600.0, 0.0), (0.0, 365 * 86400.0)], ids=["back", "on"])
def test_acts_go_on_when_the_clock_leaps(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch, before: float, after: float
) -> None:
    """Nobody waits for an hour that comes again, or looks at every second of a year that was slept through."""
    ahead, runs = [before], list[int]()

    def act() -> int:
        runs.append(1)
        return 1

    class Clock:
        @staticmethod
        def time() -> float:
            return time.time() + ahead[0]

    with_act(monkeypatch, act)
    for module in (periodic, worker):
        monkeypatch.setattr(module, "time", Clock)
    parts = make_parts(scenario.database, scenario.authority, transport=Scripted())

    def latest() -> int:
        rows = scenario.rows("SELECT defer_timestamp AS le FROM procrastinate_periodic_defers ORDER BY id DESC LIMIT 1")
        return int(rows[0]["le"])

    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: len(runs) >= 2)
        ahead[0] = after
        leapt, done = Clock.time(), len(runs)
        wait_until(lambda: len(runs) >= done + 3)
        wait_until(lambda: 0 <= latest() - leapt + 60 <= 600)


def test_worker_that_is_frozen_while_it_defers_an_act_holds_up_no_other(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait for its transaction, to know whose the period is; the server ends it."""
    monkeypatch.setattr(tasks, "OPTIONS", OPTIONS.replace("=60s", "=500ms"))
    parts = make_parts(scenario.database, scenario.authority, transport=Scripted())
    defer = "SELECT procrastinate_defer_periodic_job_v2('essais', 'essai', 'essai', 'essai', 0, '', 60, '{}') AS job"

    async def freeze() -> None:
        app = tasks.create_jobs(dsn, parts, connections=1, on_unwritten=lambda: None)
        async with app.open_async():
            assert isinstance(app.connector, PsycopgConnector)
            async with app.connector.pool.connection() as frozen:
                await frozen.execute(defer)
                assert scenario.rows(defer)[0]["job"] is not None
                await frozen.execute(defer)

    with pytest.raises(psycopg.Error):
        asyncio.run(freeze())


def test_act_that_fails_is_told_in_the_journal_once_and_tried_again(
    scenario: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm, not a flood; the failed job stays to be seen."""
    runs: list[int] = []

    def act() -> int:
        runs.append(1)
        raise ZeroDivisionError

    with_act(monkeypatch, act)
    parts = make_parts(scenario.database, scenario.authority, transport=Scripted())
    with keep_working(dsn, parts, QUICK):
        wait_until(lambda: len(runs) >= 3)
    rows = scenario.rows("SELECT resultat, detail FROM journal WHERE acte = 'essai'")
    assert [tuple(row.values()) for row in rows] == [("échec", "ZeroDivisionError")]
    assert scenario.rows("SELECT FROM procrastinate_jobs WHERE task_name = 'essai' AND status = 'failed'")


def test_template_that_is_wrong_is_told_in_the_journal_once_a_day(
    scenario: Scenario, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm that names the file and the line; the worker lives, other mails leave, these after the repair."""
    monkeypatch.setattr(envoyer_courrier, "DELAYS", (timedelta(),))
    template, now = tmp_path / "confirmation_demande.txt.j2", [NOW]
    template.write_text('{{ "a" * 10000000000 }}', "utf-8")
    transport = Scripted()
    parts = make_parts(scenario.database, scenario.authority, transport=transport, clock=lambda: now[0])

    def tries() -> int:
        return int(scenario.rows("SELECT sum(tentatives) AS tries FROM courrier WHERE etat <> 'envoyé'")[0]["tries"])

    with keep_working(dsn, replace(parts, renderer=make_renderer(tmp_path)), QUICK):
        scenario.withdraw(scenario.order())
        wait_until(lambda: tries() >= 4)
        now[0] += timedelta(days=1)
        before = tries()
        wait_until(lambda: tries() >= before + 4)
        assert {message["X-Pfcng-Notification"] for message in transport.sent} == {"CONFIRMATION-RETRAIT"}
        template.unlink()
        wait_until(lambda: waiting_mails(scenario) == 0)
    assert len(transport.sent) == 4
    rows = scenario.rows("SELECT resultat, detail FROM journal WHERE acte = 'courrier' ORDER BY id")
    told = ("échec", "confirmation_demande.txt.j2, ligne 1 : un texte de plus de 100000 caractères")
    assert [tuple(row.values()) for row in rows] == [told, told]


def test_old_mails_and_jobs_are_purged(scenario: Scenario) -> None:
    """Mails 90 days after their end, jobs 7; what waits stays."""
    scenario.order()
    scenario.rows("UPDATE courrier SET etat = 'envoyé', termine_le = cree_le WHERE numero = 1 RETURNING numero")
    scenario.rows("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = 1 RETURNING id")
    assert purger(database=scenario.database, now=NOW + timedelta(days=90)) == 0
    scenario.rows("UPDATE procrastinate_events SET at = at - interval '8 days' RETURNING id")
    assert purger(database=scenario.database, now=NOW + timedelta(days=91)) == 2
    assert (waiting_mails(scenario), statuses(scenario)) == (1, ["todo"])
