"""Which database a command of the exploitant works on, and how it is opened and closed."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import fasteners
import psycopg

from pfcng.cli.output import Status
from pfcng.client.files import file_fault
from pfcng.sandbox.mistakes import SandboxError
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, is_running, stop_server
from pfcng.store.migrations import PLATFORM, UnsuitableDatabase, check_schema, migrate
from pfcng.store.reaching import Unreachable, UnreadableDsn, cause, reach
from pfcng.watch.log import log_for_people
from pfcng.web.signals import ignore_signals, interrupt_on_signal

_VARIABLE: Final = "PFCNG_DSN"
_SANDBOX_LOCK: Final = ".verrou"
"""What an open sandbox holds."""
_COMMAND_LOCK: Final = ".verrou-commande"


class BaseFault(Exception):
    """The database cannot be worked on; the message is French."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def open_base(base: str | None, data: Path | None, *, renewed: bool = True) -> Iterator[Database]:
    """The database that the options or the environment name, at the newest revision unless told otherwise.

    A sandbox's is brought to it; another is left as it is (``pfcng migrer``).

    Raises:
        BaseFault: They name none or two, the folder is no sandbox's, or the database fails, at once or later.
    """
    if (base is None) == (data is None) and not (base is None and _VARIABLE in os.environ):
        raise BaseFault(f"Donnez soit --base, soit --data, ou la variable {_VARIABLE}.", Status.USAGE)
    log_for_people()
    with ExitStack() as stack:
        stack.enter_context(_faults_told())
        dsn = base or os.environ[_VARIABLE] if data is None else stack.enter_context(_sandbox(data))
        reach(dsn)
        if renewed:
            check_schema(dsn, PLATFORM) if data is None else migrate(dsn)
        database = Database(dsn, max_connections=1)
        stack.callback(database.close)
        yield database


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except (EmbeddedPostgresError, SandboxError, UnsuitableDatabase) as error:
        raise BaseFault(str(error), Status.USAGE) from error
    except UnreadableDsn:
        raise BaseFault("La chaîne de connexion ne se lit pas.", Status.USAGE) from None
    except Unreachable as error:
        raise BaseFault(f"La base ne répond pas : {error}.", Status.TRANSPORT) from None
    except psycopg.OperationalError as error:
        if error.sqlstate is None:
            raise BaseFault(f"La base ne répond plus : {cause(error)}.", Status.TRANSPORT) from error
        raise _refused(error) from error
    except psycopg.Error as error:
        raise _refused(error) from error


def _refused(error: psycopg.Error) -> BaseFault:
    return BaseFault(
        f"La base a refusé ou interrompu l’opération ; rien n’est changé (SQLSTATE {error.sqlstate or 'absent'}).",
        Status.TRANSPORT,
    )


@contextmanager
def _sandbox(directory: Path) -> Iterator[str]:
    """The DSN of a sandbox's own database, whose server is started for as long as this takes unless it runs.

    One command at a time works on a folder: the first to end would stop the server under the other. While the sandbox's
    own lock is held here no sandbox opens; while a sandbox holds it, the server is the sandbox's.
    """
    folder = directory.resolve()
    if not (folder / "postgres" / "PG_VERSION").exists():
        raise BaseFault(f"{directory} n’est pas le dossier d’un bac à sable qui a sa propre base.", Status.USAGE)
    with ExitStack() as stack:
        lock = fasteners.InterProcessLock(folder / _SANDBOX_LOCK)
        try:
            stack.enter_context(fasteners.InterProcessLock(folder / _COMMAND_LOCK))
            closed = lock.acquire(blocking=False)
        except OSError as error:
            raise BaseFault(
                f"Le dossier {directory} ne peut pas servir : {file_fault(error)}.", Status.USAGE
            ) from error
        if closed:
            stack.callback(lock.release)
        if closed and not is_running(folder / "postgres"):
            # A signal must not leave the server behind, nor cut its end short; the program ends after this.
            interrupt_on_signal()
            stack.callback(stop_server, folder / "postgres")
            stack.callback(ignore_signals)
        yield EmbeddedPostgres(folder / "postgres").dsn
