"""What a platform does by itself while it serves: révocations, expiries, the daily reconciliation."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Final

import structlog

from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority
from pfcng.operations.annuler_demande import cancel_expired
from pfcng.operations.context import Arrival
from pfcng.operations.defects import describe
from pfcng.operations.reconcilier import reconcile_daily
from pfcng.operations.revoquer_certificat import apply_due_revocations
from pfcng.store.database import Database

log = structlog.get_logger()

INTERVAL: Final = 60.0
"""Seconds between two turns."""
_HOLDER: Final = "pfcng"
"""Who acts, in the journal: nobody connected."""


@contextmanager
def keep_up(
    *,
    database: Database,
    authority: CertificateAuthority,
    rules: Rules,
    clock: Callable[[], datetime],
    interval: float = INTERVAL,
) -> Iterator[None]:
    """Do a turn at once and then every ``interval`` seconds, in a thread of its own, until the end of the block."""

    def arrival() -> Arrival:
        return Arrival(incident=secrets.token_hex(8), titulaire_tls=_HOLDER, adresse="", now=clock())

    def revoke() -> int:
        return apply_due_revocations(database=database, authority=authority, arrival=arrival(), rules=rules)

    def cancel() -> int:
        return cancel_expired(database=database, rules=rules, arrival=arrival())

    def compare() -> int:
        return reconcile_daily(database=database, authority=authority, arrival=arrival())

    acts = {"revoke": revoke, "cancel": cancel, "reconcile": compare}
    stopped = Event()
    thread = Thread(target=_run, args=(acts, stopped, interval), name="pfcng-upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _run(acts: dict[str, Callable[[], int]], stopped: Event, interval: float) -> None:
    """Turn until stopped; an act that fails is logged and left to the next turn, and the others are done."""
    while True:
        for name, act in acts.items():
            try:
                done = act()
            except Exception as error:  # noqa: BLE001 - the edge of a job
                log.error("upkeep.failed", act=name, **describe(error))  # noqa: TRY400 - it would quote rows
            else:
                if done:
                    log.info("upkeep.done", act=name, count=done)
        if stopped.wait(interval):
            return
