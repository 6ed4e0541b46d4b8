"""The process of ``pfcng worker``: a worker, the signals that end it."""

import asyncio
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import structlog

from pfcng.app.worker import open_worker
from pfcng.jobs.worker import Worker
from pfcng.node.faults import StartFault, faults_told, read_settings, settings_place
from pfcng.node.run import check_database
from pfcng.node.service_manager import READY, keep_alive, notify
from pfcng.node.sockets import listen, place
from pfcng.settings import PlatformSettings
from pfcng.watch.log import log_as_json
from pfcng.watch.tracing import traced
from pfcng.web.serving import Server, serve, server, stop
from pfcng.web.signals import call_on_signal

log = structlog.get_logger()


def run_worker(config: Path | None) -> None:
    """Work until SIGINT or SIGTERM.

    Raises:
        StartFault: The settings are wrong, or the database cannot be used.
    """
    log_as_json()
    settings = read_settings(settings_place(config), lambda: PlatformSettings.load(config))
    if settings.courrier is None:
        raise StartFault("un worker demande le réglage « courrier ».")
    check_database(settings)
    with ExitStack() as stack:
        where = settings.ecoute_worker
        opened = None if where is None else stack.enter_context(listen("ecoute_worker", where))
        with faults_told():
            stack.enter_context(traced(settings.traces, "pfcng-worker"))
            worker, exploitation = stack.enter_context(
                open_worker(settings, dsn=settings.dsn, clock=lambda: datetime.now(UTC))
            )
        asyncio.run(_run(worker, [] if opened is None else [(server(exploitation), opened)]))


async def _run(worker: Worker, watched: list[tuple[Server, socket.socket]]) -> None:
    call_on_signal(worker.stop)
    watching = asyncio.create_task(serve(watched, lambda: None))
    log.info("worker.started", exploitation=[place(opened) for _, opened in watched])
    notify(READY)
    alive = asyncio.create_task(keep_alive())
    await worker.run()
    alive.cancel()
    stop(watched)
    await watching
    log.info("worker.stopped")
