"""The work of ``pfcng journal``: from a database to an outcome."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import fasteners
import psycopg
import structlog
from psycopg.errors import UndefinedFunction, UndefinedTable

from pfcng.cli.output import Outcome, Status
from pfcng.operations.ancre_journal import UnreadableAnchor, read_anchors
from pfcng.store.database import APPLICATION_ROLE, Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.sealing import seal_pending
from pfcng.store.verification import Fault, Report, verify

_PARIS: Final = ZoneInfo("Europe/Paris")
_DSN: Final = "PFCNG_DSN"
_KEYS: Final = (
    "message",
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


class UnknownBase(Exception):
    """The command line does not name one database; the message is French."""


def verify_journal(base: str | None, data: Path | None, ancre: Path | None) -> Outcome:
    """Read the whole journal, and its anchors if a file is named."""
    try:
        anchors = {} if ancre is None else _read(ancre)
        with _open(base, data) as database, database.transaction() as connection:
            report = verify(connection, anchors)
    except (UnknownBase, UnreadableAnchor) as error:
        return _failure(Status.USAGE, str(error))
    except psycopg.Error as error:
        return _failure(Status.TRANSPORT, _unreachable(error))
    return _describe(report)


def seal_journal(base: str | None, data: Path | None) -> Outcome:
    """Seal what waits."""
    try:
        with _open(base, data) as database:
            sealed = seal_pending(database)
    except UnknownBase as error:
        return _failure(Status.USAGE, str(error))
    except psycopg.Error as error:
        return _failure(Status.TRANSPORT, _unreachable(error))
    headline = f"Entrées scellées : {sealed}."
    return Outcome(status=Status.DONE, headline=headline, data={"message": headline, "scellees": sealed})


def _read(path: Path) -> dict[int, bytes]:
    try:
        with path.open(encoding="utf-8") as file:
            return read_anchors(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "ce n’est pas un texte"
        raise UnreadableAnchor(f"Le fichier d’ancre {path} ne se lit pas : {reason}.") from error


@contextmanager
def _open(base: str | None, data: Path | None) -> Iterator[Database]:
    """The database that the options or the environment name.

    Raises:
        UnknownBase: They name none or two, or the folder is no sandbox's.
        psycopg.Error: It cannot be reached.
    """
    if (base is None) == (data is None) and not (base is None and _DSN in os.environ):
        raise UnknownBase(f"Donnez soit --base, soit --data, ou la variable {_DSN}.")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with ExitStack() as stack:
        dsn = base or os.environ[_DSN] if data is None else stack.enter_context(_sandbox(data))
        psycopg.connect(dsn, connect_timeout=10).close()  # a pool would only say that it waited
        database = Database(dsn, max_connections=1)
        stack.callback(database.close)
        yield database


@contextmanager
def _sandbox(directory: Path) -> Iterator[str]:
    """The DSN of a sandbox's database; a sandbox that is not open is opened for as long as this takes."""
    folder = directory.resolve() / "postgres"
    if not (folder / "PG_VERSION").exists():
        raise UnknownBase(f"{directory} n’est pas le dossier d’un bac à sable.")
    lock = fasteners.InterProcessLock(folder.parent / ".verrou")
    alone = lock.acquire(blocking=False)
    try:
        server = EmbeddedPostgres(folder)
        try:
            yield server.dsn
        finally:
            if alone:
                server.stop()
    finally:
        if alone:
            lock.release()


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
        "message": headline,
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
    return Outcome(status=status, headline=headline, lines=tuple(lines), data=data)


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


def _failure(status: Status, message: str) -> Outcome:
    return Outcome(status=status, headline=message, data={**dict.fromkeys(_KEYS), "message": message})


def _unreachable(error: psycopg.Error) -> str:
    match error:
        case UndefinedTable() | UndefinedFunction():
            return "Cette base n’a pas de journal scellé. La plateforme l’y met quand elle démarre."
        case psycopg.ProgrammingError(sqlstate=None):
            return "La chaîne de connexion ne se lit pas."  # libpq's own words would show a part of it
        case _:
            return f"La base ne répond pas comme il faut : {' '.join(str(error).split())}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(_PARIS):%d/%m/%Y %H:%M:%S}"
