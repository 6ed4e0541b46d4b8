"""The tasks: procrastinate's, one a mail and one a periodic act."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import structlog
from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job
from structlog.contextvars import get_contextvars

from pfcng.jobs.acts import Act, Parts, periodic_acts
from pfcng.jobs.connector import Connector
from pfcng.operations.envoyer_courrier import TryAgain, envoyer_courrier
from pfcng.operations.one_by_one import PartlyDone
from pfcng.store import journal
from pfcng.store.database import APPLICATION_ROLE, OPTIONS
from pfcng.store.jobs import MAIL_TASK
from pfcng.store.journal import JournalEntry
from pfcng.store.reaching import lasting
from pfcng.watch import metrics

log = structlog.get_logger()

_QUEUE: Final = "echeances"
_PRIORITY: Final = 10
"""Periodic work comes before any number of mails."""
_CATCH_UP: Final = timedelta(days=2)
"""A period that no worker saw is made up for by the next one to start; what is due stays due."""
_TOLD_AGAIN: Final = timedelta(days=1)
"""How often a worker journals a template that is wrong."""
_DATABASE_DELAY: Final = timedelta(minutes=1)


class _MailRetries(BaseRetryStrategy):
    """A mail is never lost by its job: the row alone says when it is over."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002 - the library's
        delay = exception.delay if isinstance(exception, TryAgain) else _DATABASE_DELAY
        if not isinstance(exception, Exception):  # the worker stops: the job goes back as it was
            delay = timedelta()
        return RetryDecision(retry_in={"seconds": int(delay.total_seconds())})


def create_jobs(dsn: str, parts: Parts, *, connections: int, on_unwritten: Callable[[], None]) -> App:
    """The application of a worker, with every task; ``on_unwritten`` is `Connector`'s."""
    app = App(
        connector=Connector(
            on_unwritten=on_unwritten,
            conninfo=lasting(dsn, OPTIONS),
            min_size=1,
            max_size=connections,
            configure=_take_role,
        ),
        periodic_defaults={"max_delay": _CATCH_UP.total_seconds()},
    )

    told: dict[str, datetime] = {}

    @app.task(name=MAIL_TASK, queue=MAIL_TASK, retry=_MailRetries())
    async def send(numero: int) -> None:
        try:
            await envoyer_courrier(
                numero, database=parts.database, transport=parts.transport, renderer=parts.renderer, clock=parts.clock
            )
        except TryAgain as again:
            now = parts.clock()
            if again.fault and now - told.get(again.fault, datetime.min.replace(tzinfo=UTC)) >= _TOLD_AGAIN:
                told[again.fault] = now
                await asyncio.to_thread(_journal, MAIL_TASK, again.fault, parts)
            raise

    for act in periodic_acts(parts):
        _define(app, act, parts)
    return app


def _define(app: App, act: Act, parts: Parts) -> None:
    """One waiting job an act, and one under way, whatever the number of workers."""
    failing: str | None = None

    @app.periodic(cron=act.cron)
    @app.task(name=act.name, queue=_QUEUE, lock=act.name, queueing_lock=act.name, priority=_PRIORITY)
    def run(timestamp: int) -> None:  # noqa: ARG001 - procrastinate tells the period
        nonlocal failing
        try:
            done = act.do()
        except Exception as error:
            metrics.JOBS.labels(act.name, "failed").inc()
            told = str(error) if isinstance(error, PartlyDone) else type(error).__name__
            if failing != told:
                failing = told
                _alarm(act, error, told, parts)
            raise
        failing = None
        metrics.JOBS.labels(act.name, "done").inc()
        if done:
            log.info("job.done", act=act.name, count=done)


def _alarm(act: Act, error: Exception, told: str, parts: Parts) -> None:
    """The journal tells of an act that fails, once until it succeeds or fails otherwise; it is tried again."""
    log.error("job.failed", act=act.name, kind=type(error).__name__)
    _journal(act.name, told, parts, error.incident if isinstance(error, PartlyDone) else None)


def _journal(acte: str, told: str, parts: Parts, incident: str | None = None) -> None:
    """An alarm."""
    incident = incident or get_contextvars().get("incident") or secrets.token_hex(8)
    entry = JournalEntry(le=parts.clock(), incident=incident, acte=acte, resultat="échec", detail=told)
    try:
        with parts.database.transaction() as connection:
            journal.write(connection, [entry])
    except psycopg.Error:
        pass  # without a database there is no journal; the log has it


async def _take_role(connection: psycopg.AsyncConnection) -> None:
    """Work as the application's role where the account may (docs/journal.md)."""
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('role', rolname, false) FROM pg_roles "
                "WHERE rolname = %s AND pg_has_role(current_user, oid, 'MEMBER') "
                "AND has_table_privilege(oid, 'procrastinate_jobs', 'UPDATE')",
                (APPLICATION_ROLE,),
            )
    except psycopg.errors.InsufficientPrivilege:
        pass  # Database says so, once
