"""The work of ``pfcng journal``: from a database to an outcome."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from psycopg.errors import UndefinedFunction, UndefinedTable

from pfcng.cli.output import Outcome, Status
from pfcng.cli.work.base import BaseFault, open_base
from pfcng.cli.work.exploitation import failure, told
from pfcng.client.files import file_fault
from pfcng.contract.paris import PARIS
from pfcng.operations.ancre_journal import UnreadableAnchor, read_anchors
from pfcng.store.database import APPLICATION_ROLE, Database
from pfcng.store.sealing import seal_pending
from pfcng.store.verification import Fault, Report, verify

_VERIFIER: Final = "journal.verifier"
_SCELLER: Final = "journal.sceller"
_KEYS: Final = (
    "faute",
    "rang",
    "entree",
    "detail",
    "scellees",
    "tete",
    "depuis",
    "en_attente",
    "attente_depuis",
    "ancres",
    "role",
)
"""What the JSON object of a verification has besides the keys of every command."""


def verify_journal(base: str | None, data: Path | None, ancre: Path | None) -> Outcome:
    """Read the whole journal, and its anchors if a file is named."""
    try:
        anchors = {} if ancre is None else _read(ancre)
        with _opened(base, data) as database, database.transaction() as connection:
            report = verify(connection, anchors)
    except UnreadableAnchor as error:
        return failure(_VERIFIER, Status.USAGE, str(error), **dict.fromkeys(_KEYS))
    except BaseFault as error:
        return failure(_VERIFIER, error.status, str(error), **dict.fromkeys(_KEYS))
    return _describe(report)


def seal_journal(base: str | None, data: Path | None) -> Outcome:
    """Seal what waits."""
    try:
        with _opened(base, data) as database:
            sealed = seal_pending(database)
    except BaseFault as error:
        return failure(_SCELLER, error.status, str(error), scellees=None)
    headline = f"Entrées scellées : {sealed}."
    return Outcome(status=Status.DONE, headline=headline, data=told(_SCELLER, headline, scellees=sealed))


def _read(path: Path) -> dict[int, bytes]:
    try:
        with path.open(encoding="utf-8") as file:
            return read_anchors(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = file_fault(error) if isinstance(error, OSError) else "ce n’est pas un texte"
        raise UnreadableAnchor(f"Le fichier d’ancre {path} ne se lit pas : {reason}.") from error


@contextmanager
def _opened(base: str | None, data: Path | None) -> Iterator[Database]:
    """The database as it is: who verifies a journal changes nothing else."""
    with open_base(base, data, renewed=False) as database:
        try:
            yield database
        except (UndefinedTable, UndefinedFunction) as error:
            message = "Cette base n’a pas de journal scellé. La plateforme l’y met quand elle démarre."
            raise BaseFault(message, Status.TRANSPORT) from error


def _describe(report: Report) -> Outcome:
    fault, head = report.fault, report.head
    lines = [("Entrées scellées", str(report.sealed))]
    if head is not None and report.since is not None:
        lines += [("Depuis", _moment(report.since)), ("Tête", f"{head.rang} {head.empreinte.hex()}")]
    if report.waiting:
        since = f", depuis le {_moment(report.waiting_since)}" if report.waiting_since else ""
        lines.append(("En attente de sceau", f"{report.waiting}{since}"))
    lines.append(("Ancres comparées", str(report.anchors)))
    if not report.guarded:
        lines.append((f"Rôle {APPLICATION_ROLE}", "absent : voir docs/journal-exploitation.md"))
    headline = "Le journal est entier." if fault is None else f"Le journal est en faute : {_sentence(fault)}"
    data = {
        "faute": fault.finding.value if fault else None,
        "rang": fault.rang if fault else None,
        "entree": fault.entree if fault else None,
        "detail": (fault.detail or None) if fault else None,
        "scellees": report.sealed,
        "tete": {"rang": head.rang, "empreinte": head.empreinte.hex()} if head else None,
        "depuis": report.since.isoformat() if report.since else None,
        "en_attente": report.waiting,
        "attente_depuis": report.waiting_since.isoformat() if report.waiting_since else None,
        "ancres": report.anchors,
        "role": report.guarded,
    }
    status = Status.DONE if fault is None else Status.REFUSED
    return Outcome(status=status, headline=headline, lines=tuple(lines), data=told(_VERIFIER, headline, **data))


def _sentence(fault: Fault) -> str:
    """Which entry is in fault, and how."""
    match fault.entree, fault.rang:
        case None, None:
            named = "entrée"
        case None, rang:
            named = f"entrée de rang {rang}"
        case entree, None:
            named = f"entrée {entree}"
        case entree, rang:
            named = f"entrée {entree} (rang {rang})"
    return f"{named} : {fault.finding}. {fault.detail}".rstrip()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(PARIS):%d/%m/%Y %H:%M:%S}"
