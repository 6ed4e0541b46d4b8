"""What is looked for again and again: each act is a use case that finds what is due by the platform's clock."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from structlog.contextvars import bind_contextvars

from pfcng.domain.rules import Rules
from pfcng.igc.authority import AuthorityUnavailable, CertificateAuthority
from pfcng.notifications.mail import Transport
from pfcng.notifications.rendering import Renderer
from pfcng.operations.annuler_demande import cancel_expired
from pfcng.operations.compter import compter
from pfcng.operations.context import Arrival
from pfcng.operations.purger import purger
from pfcng.operations.rappeler import rappeler
from pfcng.operations.reconcilier import reconcile_daily
from pfcng.operations.revoquer_certificat import apply_due_revocations
from pfcng.operations.revoquer_non_remis import revoquer_non_remis
from pfcng.operations.suspecter import suspect_if_behind
from pfcng.store.database import Database

_HOLDER = "pfcng"
"""Who acts, in the journal: nobody connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the work needs; ``clock`` is the present, aware."""

    database: Database
    authority: CertificateAuthority
    rules: Rules
    clock: Callable[[], datetime]
    transport: Transport
    renderer: Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One kind of periodic work.

    Attributes:
        name: Of its task.
        cron: When it is looked for.
        do: Does what is due and says how much it was; safe to be done twice at once.
        anyway: Whether it is right in a database that was restored (docs/restore.md); the rest would act on what it
            has forgotten.
        daily: Whether a clock that is moved by days has to stop at each of them for it.
    """

    name: str
    cron: str
    do: Callable[[], int]
    anyway: bool = False
    daily: bool = True


def _count(parts: Parts) -> int:
    """Count for those who watch: nothing fell due."""
    compter(database=parts.database, now=parts.clock())
    return 0


def periodic_acts(parts: Parts) -> tuple[Act, ...]:
    """All of them, in the order in which one after the other makes sense."""
    database, authority, rules, clock = parts.database, parts.authority, parts.rules, parts.clock

    def arrival() -> Arrival:
        incident = secrets.token_hex(8)
        bind_contextvars(incident=incident)  # for the job
        return Arrival(incident=incident, titulaire_tls=_HOLDER, adresse="", now=clock())

    def revocations() -> int:
        return apply_due_revocations(database=database, authority=authority, arrival=arrival(), rules=rules)

    def annulations() -> int:
        return cancel_expired(database=database, rules=rules, arrival=arrival())

    def revocations_automatiques() -> int:
        return revoquer_non_remis(database=database, authority=authority, rules=rules, arrival=arrival())

    def rappels() -> int:
        return rappeler(database=database, rules=rules, arrival=arrival())

    def reconciliation() -> int:
        return reconcile_daily(database=database, authority=authority, arrival=arrival())

    def purge() -> int:
        return purger(database=database, now=clock())

    def suspicion() -> int:
        with suppress(AuthorityUnavailable):  # the next minute asks again
            return int(suspect_if_behind(database, authority))
        return 0

    minute, hour, day = "* * * * *", "7 * * * *", "23 3 * * *"
    acts = (
        Act(name="suspicion", cron=minute, do=suspicion, anyway=True, daily=False),
        Act(name="revocations", cron=minute, do=revocations, anyway=True),
        Act(name="annulations", cron=minute, do=annulations),
        Act(name="revocations_automatiques", cron=minute, do=revocations_automatiques),
        Act(name="rappels", cron=hour, do=rappels),
        Act(name="reconciliation", cron=hour, do=reconciliation, daily=False),
        Act(name="mesures", cron=minute, do=partial(_count, parts), anyway=True, daily=False),
        Act(name="purge", cron=day, do=purge, daily=False),
    )

    def guarded(act: Act) -> Act:
        return act if act.anyway else replace(act, do=lambda: act.do() if database.is_attested() else 0)

    return tuple(guarded(act) for act in acts)
