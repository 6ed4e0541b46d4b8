"""Steps M2 to M4 of a mail: read, make, hand over, record. Source: docs/later.md."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import psycopg
import structlog
from structlog.contextvars import bind_contextvars

from pfcng.contract.catalogue import Environment
from pfcng.notifications.catalogue import BY_CODE, Role
from pfcng.notifications.mail import Mail, MailDelayed, MailRefused, Transport
from pfcng.notifications.rendering import Renderer, TemplateFault
from pfcng.store import courrier, journal
from pfcng.store.courrier import MailState
from pfcng.store.database import Database, Row
from pfcng.store.journal import JournalEntry
from pfcng.watch import metrics

log = structlog.get_logger()

ACTE: Final = "courrier"
DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""What is waited after the first tries; after the others, the last of these."""
PATIENCE: Final = timedelta(hours=48)
"""How long a mail is tried, from its first try on; then it is given up."""


class TryAgain(Exception):
    """The mail did not leave this time.

    Attributes:
        delay: How long to wait before the next try.
        fault: What is wrong with an operator's template, when that is why.
    """

    def __init__(self, delay: timedelta, fault: str | None = None) -> None:
        super().__init__(f"next try in {delay}")
        self.delay = delay
        self.fault = fault


async def envoyer_courrier(
    numero: int, *, database: Database, transport: Transport, renderer: Renderer, clock: Callable[[], datetime]
) -> None:
    """Send one mail, unless it left or was given up before.

    Raises:
        TryAgain: It did not leave, and may be tried later.
        psycopg.Error: The database does not answer; whoever calls tries again.
    """
    row = await asyncio.to_thread(_read, database, numero)  # M2
    if row is None:
        return
    bind_contextvars(incident=_incident(row))  # for the job: the number of the request that made the mail
    try:
        mail = _mail(row)
        message = await asyncio.to_thread(renderer.compose, mail)  # a long one does not hold up the worker
        await transport.send(message, mail.destinataire)  # M3
    except MailRefused as error:
        await asyncio.to_thread(_give_up, database, row, MailState.REFUSE, str(error), clock())
    except MailDelayed as error:
        await asyncio.to_thread(_postpone, database, row, str(error), clock())
    except TemplateFault as error:
        await asyncio.to_thread(_postpone, database, row, str(error), clock(), fault=str(error))
    except Exception as error:
        if isinstance(error, psycopg.Error):
            raise
        log.exception("mail.failed", courrier=numero)  # the edge of a job: what nobody foresaw waits for its repair
        await asyncio.to_thread(_postpone, database, row, type(error).__name__, clock())
    else:
        await asyncio.to_thread(_sent, database, row, clock())


def _read(database: Database, numero: int) -> Row | None:
    with database.transaction() as connection:
        row = courrier.find(connection, numero)
    return row if row is not None and row["etat"] == MailState.A_ENVOYER else None


def _incident(row: Row) -> str:
    """That of the request; a mail from before it was kept has one of its own."""
    return row["incident"] or secrets.token_hex(8)


def _mail(row: Row) -> Mail:
    return Mail(
        numero=row["numero"],
        notification=BY_CODE[row["notification"]],
        role=Role(row["role"]),
        destinataire=row["destinataire"],
        contenu=row["contenu"],
        cree_le=row["cree_le"],
    )


def _sent(database: Database, row: Row, now: datetime) -> None:
    """M4, accepted: nothing comes between the answer and this commit."""
    with database.transaction() as connection:
        courrier.finish(connection, row["numero"], MailState.ENVOYE, now)
    metrics.MAILS.labels("sent").inc()
    log.info("mail.sent", courrier=row["numero"], notification=row["notification"], demande=row["demande"])


def _postpone(database: Database, row: Row, reason: str, now: datetime, *, fault: str | None = None) -> None:
    """M4, not accepted: count the try, or give the mail up when its time is over.

    Raises:
        TryAgain: There is time left.
    """
    if row["tentatives"] and now - row["depuis"] >= PATIENCE:
        _give_up(database, row, MailState.ABANDONNE, reason, now)
        return
    with database.transaction() as connection:
        tries = courrier.postpone(connection, row["numero"], reason, now)
    metrics.MAILS.labels("delayed").inc()
    log.warning(
        "mail.delayed",
        courrier=row["numero"],
        notification=row["notification"],
        tries=tries,
        cause=_without_address(reason, row),
    )
    if tries:
        raise TryAgain(DELAYS[min(tries, len(DELAYS)) - 1], fault)


def _give_up(database: Database, row: Row, state: MailState, reason: str, now: datetime) -> None:
    """M4, for good: the row's end and the alarm in the journal, which has no address."""
    told = _without_address(reason, row)
    with database.transaction() as connection:
        if not courrier.finish(connection, row["numero"], state, now, raison=reason):
            return
        entry = JournalEntry(
            le=now,
            incident=_incident(row),
            acte=ACTE,
            resultat=state,
            detail=f"{row['notification']}, courrier {row['numero']} ({row['role']}) : {told}",
            environment=Environment(row["environnement"]),
            demande=row["demande"],
        )
        journal.write(connection, [entry])
    metrics.MAILS.labels("given_up").inc()
    log.error("mail.given_up", courrier=row["numero"], notification=row["notification"], state=state, cause=told)


def _without_address(reason: str, row: Row) -> str:
    """A relay's reason for the journal and the log, which have no address."""
    return reason.replace(row["destinataire"], row["role"])
