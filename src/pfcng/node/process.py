"""A process of a node: the platform on the parent's sockets, or a worker. Loading this module takes long.

Usage, by the parent alone: python -m pfcng.node.process, with an `Assignment` on the standard input.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Any

from pfcng.app.platform import App, create_app
from pfcng.app.worker import open_worker
from pfcng.node.control import Control
from pfcng.node.faults import StartFault, faults_told, read_settings
from pfcng.node.messages import Assignment, Kind, Said
from pfcng.operations.sceller_journal import keep_sealed
from pfcng.operations.suspecter import suspect_if_unsealed
from pfcng.settings import Limites, PlatformSettings
from pfcng.watch import metrics
from pfcng.watch.log import log_as_json
from pfcng.watch.tracing import traced
from pfcng.web.limits import ClientLimits, Limits
from pfcng.web.readiness import ServedCertificate
from pfcng.web.serving import serve, server, stop
from pfcng.web.tls import server_context


def main() -> int:
    """Do what the standard input says until the parent says stop, or is no more; give the exit status."""
    # Orders come over the socket pair; a terminal sends these two to the parent's whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _on_terminate(_interrupt)
    log_as_json()
    assignment = Assignment.from_json(sys.stdin.buffer.read())
    if assignment.replaces is not None:
        metrics.PROCESSES_REPLACED.labels(assignment.replaces).inc()
    control = Control(socket.socket(fileno=assignment.control))
    act = _serve if assignment.kind is Kind.SERVES else _work
    try:
        with ExitStack() as stack:
            act(assignment, control, stack)
    except StartFault as fault:
        control.tell(Said.FAULT, fault)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _interrupt() -> None:
    raise KeyboardInterrupt


def _on_terminate(act: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: act())


def _now() -> datetime:
    return datetime.now(UTC)


def _serve(assignment: Assignment, control: Control, stack: ExitStack) -> None:
    settings = read_settings("la plateforme", assignment.settings)
    with faults_told():
        tls = client_checking_context(settings)
        stack.enter_context(traced(settings.traces, "pfcng"))
        served = ServedCertificate(settings.serveur.certificat)
        app = create_app(settings, dsn=settings.dsn, clock=_now)
        stack.callback(app.close)
        if app.anchor is not None:
            suspect_if_unsealed(app.database, app.anchor)
        _publish_first(app)
    stack.enter_context(app.kept_published())
    stack.enter_context(keep_sealed(app.database, clock=_now, anchor=app.anchor))
    grace, limits = settings.delai_arret.total_seconds(), connection_limits(settings.limites)
    service = server(_limited(app, settings), tls, grace=grace, limits=limits)
    servers = [
        (service, socket.socket(fileno=assignment.service)),
        (
            server(app.exploitation(served, has_worker=assignment.has_worker)),
            socket.socket(fileno=assignment.exploitation),
        ),
    ]
    if app.published is not None:
        servers.append(
            (server(app.published.application, grace=grace, limits=limits), socket.socket(fileno=assignment.http))
        )

    async def renew() -> None:
        with faults_told():
            context, shown = client_checking_context(settings), ServedCertificate(settings.serveur.certificat)
            await asyncio.to_thread(app.renew_trust)
            await service.renew(context)
            served.ends = shown.ends

    async def run() -> None:
        async with _beside(control.obey(stop=lambda: stop(servers), renew=renew), control.beat()):
            await serve(servers, lambda: control.tell(Said.READY))

    _on_terminate(lambda: stop(servers))
    with asyncio.Runner(loop_factory=service.config.get_loop_factory()) as runner:
        runner.run(run())


@asynccontextmanager
async def _beside(*parts: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have orders heard and signs of life given beside the block; what went wrong with them is raised at its end."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def client_checking_context(settings: PlatformSettings) -> SSLContext:
    """The context of the Web Service's connections.

    Raises:
        SSLError: or OSError: a file is of no use.
    """
    authorities = (*settings.confiance.racines, *settings.confiance.autorites)
    return server_context(settings.serveur.certificat, settings.serveur.cle, authorities)


def connection_limits(limites: Limites) -> Limits:
    """Those of every connection."""
    return Limits(
        connections=limites.connexions,
        head=limites.delai_entete.total_seconds(),
        body=limites.delai_corps.total_seconds(),
        reply=limites.delai_reponse.total_seconds(),
    )


def _limited(app: App, settings: PlatformSettings) -> ClientLimits:
    """The Web Service, within what one client may take of it."""
    limites = settings.limites
    return ClientLimits(
        app.service,
        at_once=limites.requetes_simultanees,
        per_second=limites.requetes_par_seconde,
        proxies=settings.proxies,
    )


def _publish_first(app: App) -> None:
    """Whoever connects from the first moment on needs the CRLs."""
    if app.published is not None and app.platform.trust.ailing():
        app.published.publisher.turn()
        app.platform.trust.refresh()


def _work(assignment: Assignment, control: Control, stack: ExitStack) -> None:
    settings = read_settings("la plateforme", assignment.settings)
    with faults_told():
        stack.enter_context(traced(settings.traces, "pfcng-worker"))
        worker, _ = stack.enter_context(open_worker(settings, dsn=settings.dsn, clock=_now))

    async def run() -> None:
        async with _beside(control.obey(stop=worker.stop), control.beat()):
            control.tell(Said.READY)
            await worker.run()

    _on_terminate(worker.stop)
    asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
