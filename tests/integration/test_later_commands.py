"""``pfcng courrier`` and ``pfcng taches`` on a real database."""

import asyncio
import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pfcng.cli import courrier, taches
from pfcng.notifications.mail import MailDelayed, MailRefused
from pfcng.operations import exploiter_taches
from pfcng.operations.envoyer_courrier import TryAgain, envoyer_courrier
from support.mails import make_renderer
from support.platform import NOW
from support.scenario import Scenario
from support.workers import Scripted


def run(app: typer.Typer, dsn: str, *arguments: str, status: int = 0) -> dict[str, Any]:
    """A command as it is typed; what it says to programs."""
    result = CliRunner().invoke(app, [*arguments, "--base", dsn, "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == status, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    assert {"etat", "operation", "code", "message", "diagnostic", "incident"} <= set(document)
    return document


def attempt(scenario: Scenario, numero: int, *errors: Exception) -> None:
    """One try of a mail."""
    work = envoyer_courrier(
        numero,
        database=scenario.database,
        transport=Scripted(list(errors)),
        renderer=make_renderer(),
        clock=lambda: NOW,
    )
    try:
        asyncio.run(work)
    except TryAgain:
        scenario.rows(
            "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 min' WHERE id = %s RETURNING id", numero
        )


@pytest.fixture
def mails(scenario: Scenario) -> Scenario:
    """Six mails: sent, refused, waiting for their next try, and new ones."""
    for _ in range(3):
        scenario.order()
    attempt(scenario, 1)
    attempt(scenario, 2, MailRefused("550 no"))
    attempt(scenario, 3, MailDelayed("451 later"))
    scenario.rows("DELETE FROM procrastinate_jobs WHERE id < 3 RETURNING id")  # as a worker does when a job is over
    return scenario


def test_mails_are_listed_with_what_became_of_them(mails: Scenario, dsn: str) -> None:
    """Newest first, counted by state; none of their text."""
    document = run(courrier.app, dsn, "lister")
    assert document["nombres"] == {"à envoyer": 4, "envoyé": 1, "refusé": 1, "abandonné": 0}
    assert [row["numero"] for row in document["courriels"]] == [6, 5, 4, 3, 2, 1]
    assert document["courriels"][4]["raison"] == "550 no"
    assert "contenu" not in document["courriels"][0]
    assert mails.database


def test_list_of_mails_is_narrowed(mails: Scenario, dsn: str) -> None:
    """By state, demande and number."""
    assert [row["numero"] for row in run(courrier.app, dsn, "lister", "--etat", "refuse")["courriels"]] == [2]
    both = run(courrier.app, dsn, "lister", "--etat", "refuse", "--etat", "envoye")["courriels"]
    assert [row["numero"] for row in both] == [2, 1]
    assert [row["numero"] for row in run(courrier.app, dsn, "lister", "--demande", "2")["courriels"]] == [4, 3]
    assert len(run(courrier.app, dsn, "lister", "--limite", "1")["courriels"]) == 1
    assert "choisissez parmi a-envoyer" in run(courrier.app, dsn, "lister", "--etat", "perdu", status=2)["message"]
    assert mails.database


def test_refused_mail_is_sent_again(mails: Scenario, dsn: str) -> None:
    """It waits, with a job of its own; the journal knows who wanted it."""
    assert run(courrier.app, dsn, "relancer", "2")["relances"] == 1
    [row] = mails.rows("SELECT etat, tentatives FROM courrier WHERE numero = 2")
    assert tuple(row.values()) == ("à envoyer", 0)
    assert len(mails.rows("SELECT FROM procrastinate_jobs WHERE lock = 'courrier:2' AND status = 'todo'")) == 1
    [act] = mails.rows("SELECT acteur, detail FROM journal WHERE acte = 'courrier.relancer'")
    assert act["acteur"].startswith("exploitant:")
    assert act["detail"] == "courrier 2"


def test_waiting_mail_is_tried_at_once_by_the_job_it_has(mails: Scenario, dsn: str) -> None:
    """No second job."""
    run(courrier.app, dsn, "relancer", "3")
    [job] = mails.rows("SELECT scheduled_at FROM procrastinate_jobs WHERE lock = 'courrier:3'")
    assert job["scheduled_at"] is None


def test_mail_that_was_refused_while_its_job_ends_has_another(mails: Scenario, dsn: str) -> None:
    """The job that refused it is not over yet: it goes, and takes the mail's only chance with it."""
    mails.rows("UPDATE courrier SET etat = 'refusé', termine_le = cree_le WHERE numero = 4 RETURNING numero")
    mails.rows("UPDATE procrastinate_jobs SET status = 'doing' WHERE id IN (4, 5) RETURNING id")
    for numero in ("4", "4", "5"):
        run(courrier.app, dsn, "relancer", numero)
    jobs = mails.rows("SELECT lock, status::text FROM procrastinate_jobs WHERE id > 3 ORDER BY lock, id")
    assert [tuple(job.values()) for job in jobs] == [
        ("courrier:4", "doing"),
        ("courrier:4", "todo"),
        ("courrier:5", "doing"),
        ("courrier:6", "todo"),
    ]


def test_mails_given_up_are_sent_again_together(mails: Scenario, dsn: str) -> None:
    """After an outage of days; those that were refused stay, and the journal has one entry."""
    mails.rows("UPDATE courrier SET etat = 'abandonné', termine_le = cree_le WHERE numero > 4 RETURNING numero")
    assert run(courrier.app, dsn, "relancer", "--etat", "abandonne")["relances"] == 2
    assert run(courrier.app, dsn, "lister")["nombres"]["abandonné"] == 0
    assert run(courrier.app, dsn, "lister")["nombres"]["refusé"] == 1
    [act] = mails.rows("SELECT detail FROM journal WHERE acte = 'courrier.relancer'")
    assert act["detail"] == "abandonné : 2, du courrier 5 au courrier 6"
    assert "Aucun courriel" in run(courrier.app, dsn, "relancer", "--etat", "abandonne")["message"]


def test_all_that_waits_or_was_refused_is_sent_again(
    mails: Scenario, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay that is back need not be waited for until the next hour; nothing that was sent leaves twice."""
    monkeypatch.setattr(exploiter_taches, "_BATCH", 2)
    assert run(courrier.app, dsn, "relancer", "--etat", "a-envoyer", "--etat", "refuse")["relances"] == 5
    jobs = mails.rows("SELECT lock, scheduled_at FROM procrastinate_jobs WHERE status = 'todo' ORDER BY lock")
    assert [tuple(job.values()) for job in jobs] == [(f"courrier:{numero}", None) for numero in range(2, 7)]


def test_mails_of_a_day_are_sent_again(mails: Scenario, dsn: str) -> None:
    """What was refused before is another matter."""
    mails.rows("UPDATE courrier SET etat = 'refusé', termine_le = cree_le WHERE numero IN (4, 5) RETURNING numero")
    mails.rows("UPDATE courrier SET cree_le = '2026-03-04 22:59:59Z' WHERE numero = 4 RETURNING numero")
    mails.rows("UPDATE courrier SET cree_le = '2026-03-04 23:00:00Z' WHERE numero = 5 RETURNING numero")
    assert run(courrier.app, dsn, "relancer", "--etat", "refuse", "--depuis", "2026-03-05")["relances"] == 1
    assert mails.rows("SELECT etat FROM courrier WHERE numero = 5") == [{"etat": "à envoyer"}]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("1",), 1),
        (("99",), 1),
        ((), 2),
        (("2", "--etat", "refuse"), 2),
        (("2", "--depuis", "2026-03-02"), 2),
        (("--etat", "envoye"), 2),
    ],
)
def test_mail_that_cannot_be_sent_again_is_told(
    mails: Scenario, dsn: str, arguments: tuple[str, ...], status: int
) -> None:
    """One that was sent, one that is not there, none or two things asked, those that were sent."""
    assert run(courrier.app, dsn, "relancer", *arguments, status=status).get("relances") is None
    assert mails.database


def test_jobs_are_listed_cancelled_and_done_again(mails: Scenario, dsn: str) -> None:
    """A cancelled mail's job leaves the mail; « courrier relancer » gives it another."""
    document = run(taches.app, dsn, "lister")
    assert (document["workers"], document["nombres"]["en attente"]) == (0, 4)
    assert [row["courrier"] for row in document["taches"]] == [3, 4, 5, 6]
    assert document["taches"][0]["reprise"]
    run(taches.app, dsn, "relancer", "3")
    assert run(taches.app, dsn, "lister")["taches"][0]["reprise"] is None
    run(taches.app, dsn, "annuler", "4")
    assert [row["courrier"] for row in run(taches.app, dsn, "lister")["taches"]] == [3, 5, 6]
    assert len(run(taches.app, dsn, "lister", "--toutes")["taches"]) == 4
    run(courrier.app, dsn, "relancer", "4")
    assert [row["courrier"] for row in run(taches.app, dsn, "lister")["taches"]] == [3, 5, 6, 4]
    acts = mails.rows("SELECT acte FROM journal WHERE acteur LIKE 'exploitant:%%' ORDER BY id")
    assert [row["acte"] for row in acts] == ["taches.relancer", "taches.annuler", "courrier.relancer"]


def test_failed_job_is_done_again(mails: Scenario, dsn: str) -> None:
    """A periodic act that failed need not wait for its period."""
    mails.rows("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = 5 RETURNING id")
    assert run(taches.app, dsn, "lister")["nombres"]["en échec"] == 1
    run(taches.app, dsn, "relancer", "5")
    assert run(taches.app, dsn, "lister")["nombres"] | {"faite": 0} == {
        **dict.fromkeys(("en cours", "en échec", "faite", "annulée", "interrompue"), 0),
        "en attente": 4,
    }


def test_acts_that_failed_are_done_again_by_one_job(scenario: Scenario, dsn: str) -> None:
    """Of an act one job waits at most: the second that is asked for is that one."""
    scenario.rows(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status)
        SELECT 'echeances', 'rappels', 'rappels', 'rappels', 'failed' FROM generate_series(1, 2) RETURNING id
        """
    )
    run(taches.app, dsn, "relancer", "1")
    run(taches.app, dsn, "relancer", "2")
    assert [row["etat"] for row in run(taches.app, dsn, "lister")["taches"]] == ["en attente", "en échec"]


@pytest.mark.parametrize("act", ["relancer", "annuler"])
def test_unknown_job_is_told(mails: Scenario, dsn: str, act: str) -> None:
    """Exit status 1, in French."""
    assert "La tâche 99" in run(taches.app, dsn, act, "99", status=1)["message"]
    assert mails.database


def test_lists_are_readable_by_people(mails: Scenario, dsn: str) -> None:
    """Aligned French, and a word when nobody works."""
    listed = CliRunner().invoke(courrier.app, ["lister", "--base", dsn]).stdout
    assert "Courriels : 4 à envoyer, 1 envoyé, 1 refusé, 0 abandonné." in listed
    assert "refusé     CONFIRMATION-DEMANDE" in listed
    jobs = CliRunner().invoke(taches.app, ["lister", "--base", dsn]).stdout
    assert "courrier 3" in jobs
    assert "Aucun worker n’est en marche" in jobs
    assert mails.database
