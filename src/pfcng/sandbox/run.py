"""The sandbox: makes what is missing in its folder, serves, and cleans up when it is told to stop."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import fasteners

from pfcng.igc.urls import PublicationUrls
from pfcng.mistakes import place, reason
from pfcng.sandbox.clock import SandboxClock, machine_now
from pfcng.sandbox.database import check_dsn, start_database, take_over
from pfcng.sandbox.demonstration import load_demonstration
from pfcng.sandbox.descriptor import Addresses, describe, remove_descriptor, write_descriptor, write_profiles
from pfcng.sandbox.listening import addresses, check_host, listen
from pfcng.sandbox.mistakes import SandboxError
from pfcng.sandbox.own_settings import sandbox_settings
from pfcng.sandbox.pki import SandboxPki, ensure_pki, plan_pki
from pfcng.settings import Settings
from pfcng.settings.kinds import SANDBOX_KEY
from pfcng.store.embedded import stop_server
from pfcng.web.signals import ignore_signals, interrupt_on_signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command is told; a port 0 is any free one."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8443
    http_port: int = 8080
    ca_key_bits: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What is told once the sandbox listens; ``notice`` is a sentence about its database, if there is one to tell."""

    addresses: Addresses
    directory: Path
    notice: str | None


def run(options: Options, on_ready: Callable[[Ready], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; the signals stay taken, for the program ends after it.

    Raises:
        SandboxError: The sandbox cannot start, for whatever its user can do something about.
        KeyboardInterrupt: A signal came before it served. Nothing is left running.
    """
    interrupt_on_signal()
    try:
        with ExitStack() as stack:
            try:
                _run(options, on_ready, stack)
            finally:
                ignore_signals()
    except OSError as error:
        raise SandboxError(f"{place(error) or options.data} : {reason(error)}.") from error


def _run(options: Options, on_ready: Callable[[Ready], None], stack: ExitStack) -> None:
    check_host(options.host)
    directory = options.data.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    stack.enter_context(_only_one(directory))
    remove_descriptor(directory)  # of a sandbox that was killed
    service = stack.enter_context(listen(options.host, options.port, "--port"))
    http = stack.enter_context(listen(options.host, options.http_port, "--http-port"))
    reached = addresses(options.host, service, http)
    urls = PublicationUrls(http=reached.http, ldap="ldap://localhost", ocsp=f"{reached.http}/ocsp")
    clock = SandboxClock(directory)
    demonstration = load_demonstration(directory / "annuaire.toml")
    cards = demonstration.card_specs()
    settings = sandbox_settings(plan_pki(directory / "pki", cards), urls, directory)
    check_dsn(settings.dsn)

    def ensure() -> SandboxPki:
        return ensure_pki(
            directory / "pki",
            cards=cards,
            urls=urls,
            host=options.host,
            ca_key_bits=options.ca_key_bits,
            now=clock(),
            machine_now=machine_now(),
            heading=SANDBOX_KEY,
        )

    pki, dsn = _prepare(settings, directory / "postgres", ensure, stack)
    notice = take_over(dsn)
    from pfcng.sandbox.serving import serve  # noqa: PLC0415 - `_load_code`

    profiles = write_profiles(directory, pki, reached)
    stack.callback(remove_descriptor, directory)

    def ready() -> None:
        write_descriptor(directory, describe(directory, pki, demonstration, reached, profiles))
        on_ready(Ready(addresses=reached, directory=options.data, notice=notice))

    serve(
        settings,
        dsn=dsn,
        demonstration=demonstration,
        pki=pki,
        sockets=(service, http),
        clock=clock,
        renew=ensure,
        ready=ready,
    )


def _prepare(
    settings: Settings, postgres: Path, ensure: Callable[[], SandboxPki], stack: ExitStack
) -> tuple[SandboxPki, str]:
    """Make the keys and start the database, which is stopped at the end unless it is the user's own.

    Keys are made outside the interpreter's lock: meanwhile half a second of imports, twice that at the first start.
    """
    if settings.dsn is None:
        stack.callback(stop_server, postgres)
    threads = stack.enter_context(ThreadPoolExecutor(2))
    first = not postgres.exists()
    starting = threads.submit(start_database, settings.dsn, postgres)
    loading = threads.submit(_load_code, first=first)
    pki = ensure()
    dsn = starting.result()
    loading.result()
    return pki, dsn


def _load_code(*, first: bool) -> None:
    """Import what serves, and what makes the tables: the longest parts of a start."""
    import_module("pfcng.sandbox.serving")
    if first:
        import_module("alembic.command")


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Two sandboxes over one folder would serve one database with two minds."""
    lock = fasteners.InterProcessLock(directory / ".verrou")
    if not lock.acquire(blocking=False):
        raise SandboxError(f"Un bac à sable est déjà ouvert dans {directory}. Choisissez un autre dossier avec --data.")
    try:
        yield
    finally:
        lock.release()
