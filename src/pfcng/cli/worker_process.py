"""The process of ``pfcng worker``: settings of the environment, a worker, the signals that end it."""

import asyncio
import signal
import ssl
import sys
from datetime import UTC, datetime

import psycopg
import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError

from pfcng.app import open_worker
from pfcng.cli.output import Status
from pfcng.jobs.worker import Worker
from pfcng.pki.signers.sources import CredentialError
from pfcng.sandbox.mistakes import french
from pfcng.settings import Settings
from pfcng.store.migrations import UnsuitableDatabase

log = structlog.get_logger()


class WorkerFault(Exception):
    """The worker cannot start; the message is French."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


def run_worker() -> None:
    """Work until SIGINT or SIGTERM.

    Raises:
        WorkerFault: The settings are wrong, or the database cannot be reached.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = _settings()
    if settings.dsn is None or settings.courrier is None:
        missing = "PFCNG_DSN" if settings.dsn is None else "PFCNG_COURRIER"
        raise WorkerFault(f"{missing} manque.", Status.USAGE)
    try:
        psycopg.connect(settings.dsn, connect_timeout=10).close()  # a pool would only say that it waited
        with open_worker(settings, dsn=settings.dsn, clock=lambda: datetime.now(UTC)) as worker:
            asyncio.run(_run(worker))
    except UnsuitableDatabase as error:
        raise WorkerFault(str(error), Status.USAGE) from error
    except CredentialError as error:
        raise WorkerFault(f"Un certificat ou sa clé ne peut pas servir : {error}", Status.USAGE) from error
    except ssl.SSLError as error:
        raise WorkerFault(
            f"OpenSSL refuse un certificat de PFCNG_IGC ou PFCNG_COURRIER ({error.reason}).", Status.USAGE
        ) from error
    except OSError as error:
        raise WorkerFault(f"{error.filename} ne se lit pas.", Status.USAGE) from error
    except psycopg.ProgrammingError as error:
        raise WorkerFault("PFCNG_DSN ne se lit pas, ou la base refuse.", Status.USAGE) from error
    except psycopg.Error as error:
        raise WorkerFault("La base de PFCNG_DSN ne répond pas.", Status.TRANSPORT) from error


async def _run(worker: Worker) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: worker.stop())
    log.info("worker.started")
    await worker.run()
    log.info("worker.stopped")


def _settings() -> Settings:
    try:
        return Settings()  # type: ignore[call-arg]  # the environment has the rest
    except ValidationError as error:
        faults = [
            f"PFCNG_{'.'.join(str(part) for part in fault['loc']).upper()} : {french(fault)}"
            for fault in error.errors(include_input=False)
        ]
    except SettingsError:
        faults = ["un réglage PFCNG_… n’est pas du JSON"]
    raise WorkerFault("\n  ".join(faults), Status.USAGE)
