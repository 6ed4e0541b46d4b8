"""The work of ``pfcng reconcilier``: from the settings to an outcome."""

import logging
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
import typer
from psycopg_pool import PoolTimeout

from pfcng.app.worker import open_sides
from pfcng.cli.output import Outcome, Status
from pfcng.cli.work.asking import is_agreed
from pfcng.cli.work.exploitation import exploitation, failure, told
from pfcng.igc.authority import AuthorityUnavailable, ReconcilableAuthority
from pfcng.node.faults import StartFault, faults_told, read_settings, settings_place
from pfcng.node.run import check_database
from pfcng.operations import restaurer
from pfcng.operations.context import Arrival
from pfcng.operations.restaurer import AlreadyUnderWay, Examination, Found
from pfcng.settings import PlatformSettings
from pfcng.store.database import Database

_KEYS: Final = ("suspicion", "igc_a_reconcilier", "comparees", "rouverte", "differences")
"""What the JSON object has besides the keys of every command."""
_SHOWN: Final = 20
"""Numbers that are shown of one kind of difference."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A difference, and whether it is settled."""

    found: Found
    is_settled: bool


def reconcile(config: Path | None, *, yes: bool, asks: bool) -> Outcome:
    """Compare, ask, settle, lift.

    Args:
        config: The file of the settings; None for the environment alone.
        yes: Whoever calls has confirmed.
        asks: Somebody may be asked.
    """
    # What the log would say of each difference, the outcome and the journal say.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        settings = read_settings(settings_place(config), lambda: PlatformSettings.load(config))
        check_database(settings)
        with faults_told(), open_sides(settings, dsn=settings.dsn, clock=lambda: datetime.now(UTC)) as sides:
            database, authority = sides
            with restaurer.alone(database):
                return _reconcile(database, authority, yes=yes, asks=asks)
    except AlreadyUnderWay:
        return _failed(Status.REFUSED, "Une autre réconciliation de cette base est en cours.")
    except (AuthorityUnavailable, PoolTimeout) as error:
        side = "PFCNG-IGC" if isinstance(error, AuthorityUnavailable) else "La base"
        return _failed(Status.TRANSPORT, f"{side} ne répond plus. Relancez la commande : ce qui est réglé le reste.")
    except StartFault as fault:
        return _failed(Status.TRANSPORT if fault.is_outage else Status.USAGE, str(fault))


def _failed(status: Status, message: str) -> Outcome:
    return failure(restaurer.COMMAND, status, message, **dict.fromkeys(_KEYS))


def _reconcile(database: Database, authority: ReconcilableAuthority, *, yes: bool, asks: bool) -> Outcome:
    arrival = Arrival(
        incident=secrets.token_hex(8), titulaire_tls="pfcng reconcilier", adresse="", now=datetime.now(UTC)
    )
    examination = restaurer.examine(database, authority, arrival)
    if examination.suspicion is None and not examination.igc_suspect and not examination.found:
        return _outcome(Status.DONE, "Les deux côtés sont d’accord ; rien à réconcilier.", examination, ())
    if not (yes or (asks and _confirm(examination))):
        unsettled = [_Settled(found, is_settled=False) for found in examination.found]
        return _outcome(
            Status.REFUSED,
            "Rien n’est réglé : il faut confirmer, ou donner --oui.",
            examination,
            unsettled,
        )
    settled = [
        _Settled(found, restaurer.settle(found, database=database, authority=authority, arrival=arrival))
        for found in examination.found
    ]
    restaurer.lift(examination, database=database, authority=authority, exploitation=exploitation())
    left = sum(not one.is_settled for one in settled)
    headline = "Les deux côtés sont réconciliés ; la plateforme émet et publie."
    if left:
        headline += f" Différences qui restent des alarmes, à examiner : {left}."
    return _outcome(Status.DONE, headline, examination, settled, reopened=True)


def _confirm(examination: Examination) -> bool:
    """Show what was found and ask whether to go on; nobody there is a no."""
    if not sys.stdin.isatty():
        return False
    unsettled = [_Settled(found, is_settled=False) for found in examination.found]
    for label, value in _lines(examination, unsettled):
        typer.echo(f"  {label} : {value}", err=True)
    return is_agreed("Régler ces différences et rouvrir l’émission et la publication ?", err=True)


def _outcome(
    status: Status,
    headline: str,
    examination: Examination,
    settled: Sequence[_Settled],
    *,
    reopened: bool = False,
) -> Outcome:
    data = {
        "suspicion": examination.suspicion,
        "igc_a_reconcilier": examination.igc_suspect,
        "comparees": examination.compared,
        "rouverte": reopened,
        "differences": [
            {"numero": one.found.numero, "difference": one.found.difference, "reglee": one.is_settled}
            for one in settled
        ],
    }
    return Outcome(
        status=status,
        headline=headline,
        lines=tuple(_lines(examination, settled)),
        data=told(restaurer.COMMAND, headline, **data),
    )


def _lines(examination: Examination, settled: Sequence[_Settled]) -> list[tuple[str, str]]:
    lines = [("Base", examination.suspicion or "telle qu’elle a été laissée")]
    if examination.igc_suspect:
        lines.append(("PFCNG-IGC", "n’émet ni ne publie : sa base a été restaurée"))
    lines.append(("Numéros comparés", str(examination.compared)))
    for difference, count in Counter(one.found.difference for one in settled).items():
        numbers = [str(one.found.numero) for one in settled if one.found.difference is difference]
        shown = ", ".join(numbers[:_SHOWN]) + (", …" if count > _SHOWN else "")
        lines.append((f"{count} ×", f"{difference} (demandes {shown})"))
    return lines
