"""The process of ``pfcng worker``: a worker, the signals that end it."""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path

import structlog

from pfcng.app import open_worker
from pfcng.jobs.worker import Worker
from pfcng.node.faults import StartFault, faults_told, read_settings, settings_place
from pfcng.node.log import configure_log
from pfcng.node.run import check_database
from pfcng.settings import PlatformSettings

log = structlog.get_logger()


def run_worker(config: Path | None) -> None:
    """Work until SIGINT or SIGTERM.

    Raises:
        StartFault: The settings are wrong, or the database cannot be used.
    """
    configure_log()
    settings = read_settings(settings_place(config), lambda: PlatformSettings.load(config))
    if settings.courrier is None:
        raise StartFault("un worker demande le réglage « courrier ».")
    check_database(settings)
    with faults_told(), open_worker(settings, dsn=settings.dsn, clock=lambda: datetime.now(UTC)) as worker:
        asyncio.run(_run(worker))


async def _run(worker: Worker) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: worker.stop())
    log.info("worker.started")
    await worker.run()
    log.info("worker.stopped")
