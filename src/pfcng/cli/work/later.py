"""The work of ``pfcng courrier`` and ``pfcng taches``: from what is typed to an outcome."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from pfcng.cli.output import Outcome, Status, counted
from pfcng.cli.work.exploitation import Failed, exploitation, failure, opened, told
from pfcng.contract.paris import PARIS
from pfcng.operations import exploiter_taches as operations
from pfcng.store import courrier, jobs
from pfcng.store.courrier import MailState

_JOB_STATES: Final = {
    "todo": "en attente",
    "doing": "en cours",
    "failed": "en échec",
    "succeeded": "faite",
    "cancelled": "annulée",
    "aborted": "interrompue",
}
_OPEN: Final = ("todo", "doing", "failed")


def lister_courrier(
    base: str | None, data: Path | None, *, etats: Sequence[MailState], demande: int | None, limite: int
) -> Outcome:
    """Show mails, newest first, and how many there are in each state."""
    operation = "courrier.lister"
    try:
        with opened(base, data) as database, database.transaction() as connection:
            counts = courrier.count(connection)
            rows = courrier.list_mails(connection, states=etats or None, demande=demande, limit=limite)
    except Failed as error:
        return failure(operation, error.status, str(error), nombres=None, courriels=None)
    headline = "Courriels : " + ", ".join(_counted(counts.get(state, 0), state) for state in MailState) + "."
    return Outcome(
        status=Status.DONE,
        headline=headline,
        lines=tuple(_mail_line(row) for row in rows),
        data=told(
            operation,
            headline,
            nombres={state.value: counts.get(state, 0) for state in MailState},
            courriels=[_document(row) for row in rows],
        ),
    )


def relancer_courrier(
    base: str | None, data: Path | None, numero: int | None, *, etats: Sequence[MailState], depuis: datetime | None
) -> Outcome:
    """Try one mail, or all those of some states and of a day of Paris or later, at once."""
    operation = "courrier.relancer"
    if (numero is None) != bool(etats) or (depuis is not None and not etats):
        what = "Donnez soit un numéro de courriel, soit --etat, et alors --depuis si besoin."
        return failure(operation, Status.USAGE, what, relances=None)
    try:
        with opened(base, data) as database:
            done = 1
            if numero is not None:
                operations.relancer_courrier(database, numero, exploitation=exploitation(data))
            else:
                since = depuis and depuis.replace(tzinfo=PARIS)
                done = operations.relancer_courriers(database, etats, since=since, exploitation=exploitation(data))
    except Failed as error:
        return failure(operation, error.status, str(error), relances=None)
    headline = f"Courriels relancés : {done}. Un worker en marche les envoie." if done else "Aucun courriel à relancer."
    return Outcome(status=Status.DONE, headline=headline, data=told(operation, headline, relances=done))


def lister_taches(base: str | None, data: Path | None, *, toutes: bool, limite: int) -> Outcome:
    """Show the jobs that wait, are under way or failed, and how many workers live."""
    operation = "taches.lister"
    try:
        with opened(base, data) as database, database.transaction() as connection:
            counts, workers = jobs.count_jobs(connection), jobs.count_workers(connection)
            rows = jobs.list_jobs(connection, tuple(_JOB_STATES) if toutes else _OPEN, limite)
    except Failed as error:
        return failure(operation, error.status, str(error), workers=None, nombres=None, taches=None)
    numbers = ", ".join(f"{counts.get(state, 0)} {_JOB_STATES[state]}" for state in _OPEN)
    headline = f"Tâches : {numbers}. Workers en marche : {workers}."
    return Outcome(
        status=Status.DONE,
        headline=headline,
        lines=tuple(_job_line(row) for row in rows),
        advice="" if workers else "Aucun worker n’est en marche : rien n’est fait avant « pfcng worker ».",
        data=told(
            operation,
            headline,
            workers=workers,
            nombres={name: counts.get(state, 0) for state, name in _JOB_STATES.items()},
            taches=[_job_document(row) for row in rows],
        ),
    )


def relancer_tache(base: str | None, data: Path | None, numero: int) -> Outcome:
    """Do a job at once."""
    headline = f"La tâche {numero} est relancée."
    return _handle("taches.relancer", headline, partial(operations.relancer_tache, numero=numero), base, data)


def annuler_tache(base: str | None, data: Path | None, numero: int) -> Outcome:
    """Take a job out of the queue."""
    headline = f"La tâche {numero} est annulée."
    return _handle("taches.annuler", headline, partial(operations.annuler_tache, numero=numero), base, data)


def _handle(operation: str, headline: str, act: Callable[..., None], base: str | None, data: Path | None) -> Outcome:
    try:
        with opened(base, data) as database:
            act(database, exploitation=exploitation(data))
    except Failed as error:
        return failure(operation, error.status, str(error))
    return Outcome(status=Status.DONE, headline=headline, data=told(operation, headline))


def _counted(number: int, what: str) -> str:
    """A number and what it counts; « à envoyer » has no plural."""
    return f"{number} {what}" if what == MailState.A_ENVOYER else counted(number, what)


def _mail_line(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(row["numero"]),
        _moment(row["cree_le"]),
        row["etat"],
        row["notification"],
        row["destinataire"],
        f"demande {row['demande']}" if row["demande"] else "",
        f"{row['tentatives']} essais" if row["tentatives"] > 1 else "",
        row["raison"] or "",
    )


def _document(row: Mapping[str, Any]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _job_line(row: Mapping[str, Any]) -> tuple[str, ...]:
    waits = row["scheduled_at"] and row["status"] == "todo"
    return (
        str(row["id"]),
        _moment(row["depuis"]) if row["depuis"] else "",
        _JOB_STATES.get(row["status"], row["status"]),
        _job_name(row),
        _counted(row["attempts"], "essai") if row["attempts"] else "",
        f"reprise {_moment(row['scheduled_at'])}" if waits else "",
    )


def _job_name(row: Mapping[str, Any]) -> str:
    return f"courrier {row['args']['numero']}" if row["task_name"] == jobs.MAIL_TASK else str(row["task_name"])


def _job_document(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "numero": row["id"],
        "tache": row["task_name"],
        "etat": _JOB_STATES.get(row["status"], row["status"]),
        "courrier": row["args"].get("numero") if row["task_name"] == jobs.MAIL_TASK else None,
        "essais": row["attempts"],
        "depuis": row["depuis"].isoformat() if row["depuis"] else None,
        "reprise": row["scheduled_at"].isoformat() if row["scheduled_at"] else None,
    }


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(PARIS):%d/%m/%Y %H:%M}"
