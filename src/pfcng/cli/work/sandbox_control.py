"""The work of ``pfcng sandbox avancer|panne|retablir``: over HTTP, with the sandbox that is open in a folder."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx

from pfcng.cli.output import Outcome, Status
from pfcng.cli.work.failure import fault
from pfcng.contract.paris import PARIS
from pfcng.sandbox.control import PATH
from pfcng.sandbox.durations import format_duration
from pfcng.sandbox.incidents import MEANINGS, Incident

_PATIENCE: Final = 600.0
"""Seconds: a walk of ten years looks at each of their days."""
_DONE: Final = {
    "revocations": "Révocations traitées",
    "annulations": "Demandes annulées, non retirées",
    "revocations_automatiques": "Certificats à révoquer, non remis",
    "rappels": "Rappels avant la fin",
    "reconciliation": "Différences avec PFCNG-IGC",
    "purge": "Courriels et tâches purgés",
}
_KEYS: Final = ("message", "maintenant", "avance_secondes", "pannes", "fait")


class _Failed(Exception):
    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


def advance(directory: Path, duration: str) -> Outcome:
    """Move the clock."""
    try:
        state = _call(directory, "POST", "/horloge", {"avancer": duration})
    except _Failed as failed:
        return _failure(failed)
    lines = tuple((_DONE.get(name, name), str(count)) for name, count in state["fait"].items() if count)
    nothing = "" if lines else " Rien n’est venu à échéance."
    return _done(f"L’horloge du bac à sable est au {_moment(state['maintenant'])}.{nothing}", state, lines)


def break_down(directory: Path, name: str | None, during: str | None) -> Outcome:
    """Start an incident, or show them."""
    try:
        if name is None:
            state = _call(directory, "GET", "", None)
            lines = tuple((incident.value, MEANINGS[incident]) for incident in Incident)
            return _done(_under_way(state), state, lines)
        body = {"panne": name, **({"pendant": during} if during else {})}
        state = _call(directory, "POST", "/pannes", body)
    except _Failed as failed:
        return _failure(failed)
    return _done(_under_way(state), state)


def restore(directory: Path) -> Outcome:
    """End every incident."""
    try:
        state = _call(directory, "DELETE", "/pannes", None)
    except _Failed as failed:
        return _failure(failed)
    return _done(_under_way(state), state)


def _call(directory: Path, method: str, path: str, body: dict[str, str] | None) -> dict[str, Any]:
    try:
        description = json.loads((directory / "sandbox.json").read_text("utf-8"))
        url = f"{description['urls']['http']}{PATH}{path}"
        # trust_env is off: no proxy stands before a sandbox.
        with httpx.Client(timeout=_PATIENCE, trust_env=False) as client:
            answer = client.request(method, url, json=body)
        told: dict[str, Any] = answer.json()
    except FileNotFoundError as error:
        raise _Failed(Status.TRANSPORT, f"Aucun bac à sable n’est ouvert dans {directory}.") from error
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError) as error:
        raise _Failed(Status.TRANSPORT, f"Le bac à sable de {directory} ne répond pas.") from error
    if answer.status_code != httpx.codes.OK:
        status = Status.REFUSED if answer.status_code == httpx.codes.CONFLICT else Status.USAGE
        raise _Failed(status, str(told.get("erreur", "Le bac à sable refuse.")))
    return told


def _under_way(state: dict[str, Any]) -> str:
    if not state["pannes"]:
        return "Aucune panne."
    ends = [
        f"{name} (encore {format_duration(left)})" if left is not None else name
        for name, left in state["pannes"].items()
    ]
    return f"Pannes : {', '.join(ends)}."


def _done(headline: str, state: dict[str, Any], lines: tuple[tuple[str, str], ...] = ()) -> Outcome:
    data = {**dict.fromkeys(_KEYS), **state, "message": headline}
    return Outcome(status=Status.DONE, headline=headline, lines=lines, data=data)


def _failure(failed: _Failed) -> Outcome:
    return fault(failed.status, str(failed), dict.fromkeys(_KEYS))


def _moment(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(PARIS):%d/%m/%Y %H:%M}"
