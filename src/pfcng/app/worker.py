"""What works beside the Web Service over its database, put together: a worker, the comparison with PFCNG-IGC."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from typing import Final

import structlog
from starlette.types import ASGIApp

from pfcng.app.authority import embedded_authority, open_issuing, remote_authority
from pfcng.app.platform import rules_of
from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority, ReconcilableAuthority
from pfcng.igc.measured import MeasuredAuthority
from pfcng.jobs.acts import Parts
from pfcng.jobs.worker import Worker
from pfcng.notifications.checking import template_faults
from pfcng.notifications.mail import Transport
from pfcng.notifications.maildir import Maildir
from pfcng.notifications.rendering import Renderer
from pfcng.notifications.smtp import Relay, Security, Smtp
from pfcng.pki.signers.keyring import Keyring
from pfcng.settings import Courrier, Settings
from pfcng.settings.schemas import platform_schemas
from pfcng.store.database import Database
from pfcng.store.migrations import check_schema
from pfcng.watch.sampling import keep_sampled
from pfcng.web.watched import watched_worker

log = structlog.get_logger()

WORKER_CONNECTIONS: Final = 8
COMPARISON_CONNECTIONS: Final = 2


def create_parts(
    courrier: Courrier,
    *,
    database: Database,
    authority: CertificateAuthority,
    rules: Rules,
    clock: Callable[[], datetime],
    around: Callable[[Transport], Transport] = lambda transport: transport,
) -> Parts:
    """What a worker works with.

    Args:
        courrier: How mails leave.
        database: The platform's.
        authority: PFCNG-IGC.
        rules: The delays.
        clock: The present, aware.
        around: What is put around the transport; for the sandbox's incidents.
    """
    for fault in template_faults(courrier.modeles) if courrier.modeles else ():
        log.error("mail.template_fault", cause=fault)  # its mails wait for the repair, the others leave
    return Parts(
        database=database,
        authority=authority,
        rules=rules,
        clock=clock,
        transport=around(_transport(courrier)),
        renderer=Renderer(sender=courrier.expediteur, retrait_delay=rules.retrait_delay, folder=courrier.modeles),
    )


@contextmanager
def open_worker(settings: Settings, *, dsn: str, clock: Callable[[], datetime]) -> Iterator[tuple[Worker, ASGIApp]]:
    """A worker over a database at its newest revision, and its health and metrics; `settings.courrier` must be told.

    Raises:
        UnsuitableDatabase: The database is at another revision.
    """
    assert settings.courrier is not None  # noqa: S101 - the command checks it
    with (
        open_sides(settings, dsn=dsn, clock=clock, connections=WORKER_CONNECTIONS) as (database, authority),
        keep_sampled(database.pool_statistics),
    ):
        parts = create_parts(
            settings.courrier,
            database=database,
            authority=MeasuredAuthority(authority),
            rules=rules_of(settings),
            clock=clock,
        )
        worker = Worker(dsn, parts)
        watched = watched_worker(
            database,
            schemas=platform_schemas(settings),
            authority=parts.authority,
            is_working=lambda: worker.is_working,
        )
        yield worker, watched


@contextmanager
def open_sides(
    settings: Settings, *, dsn: str, clock: Callable[[], datetime], connections: int = COMPARISON_CONNECTIONS
) -> Iterator[tuple[Database, ReconcilableAuthority]]:
    """The platform's database and PFCNG-IGC.

    Raises:
        UnsuitableDatabase: The database is at another revision.
    """
    with ExitStack() as stack:
        check_schema(dsn, *platform_schemas(settings))
        remote = stack.enter_context(closing(remote_authority(settings.igc))) if settings.igc is not None else None
        keyring = stack.enter_context(closing(Keyring()))
        issuing = open_issuing(settings, keyring)
        database = stack.enter_context(closing(Database(dsn, max_connections=connections)))
        yield database, remote or embedded_authority(issuing, settings.publication, database, clock)


def _transport(courrier: Courrier) -> Transport:
    if courrier.dossier is not None:
        return Maildir(courrier.dossier)
    return Smtp(
        Relay(
            host=courrier.serveur or "",
            port=courrier.relay_port,
            security=Security(courrier.securite),
            user=courrier.utilisateur,
            password=courrier.password(),
            timeout=courrier.delai.total_seconds(),
            tls=ssl.create_default_context(cafile=str(courrier.autorites)) if courrier.autorites else None,
        )
    )
