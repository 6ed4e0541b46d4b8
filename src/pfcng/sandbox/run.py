"""The sandbox: makes what is missing in its folder, serves, and cleans up when it is told to stop."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import fasteners
from pydantic import ValidationError
from pydantic_settings import SettingsError

from pfcng.igc.urls import PublicationUrls
from pfcng.mistakes import french, place, reason
from pfcng.pki.authorities import AUTHORITIES, PERSONNES_AUTHORITIES, ROOTS, SERVER_AUTHORITIES, Gamme
from pfcng.sandbox.clock import SandboxClock, machine_now
from pfcng.sandbox.database import check_dsn, start_database, take_over
from pfcng.sandbox.demonstration import load_demonstration
from pfcng.sandbox.descriptor import Addresses, describe, remove_descriptor, write_descriptor, write_profiles
from pfcng.sandbox.listening import addresses, check_host, listen
from pfcng.sandbox.mistakes import SandboxError
from pfcng.sandbox.pki import SandboxPki, ensure_pki, plan_pki
from pfcng.settings import Confiance, Courrier, Emettrice, KeyPair, Publication, Settings
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
    settings = _settings(plan_pki(directory / "pki", cards), urls, directory)
    check_dsn(settings.dsn)

    if settings.dsn is None:
        stack.callback(stop_server, directory / "postgres")
    threads = stack.enter_context(ThreadPoolExecutor(2))
    starting = threads.submit(start_database, settings.dsn, directory / "postgres")
    # Keys are made outside the interpreter's lock: meanwhile half a second of imports, twice that at the first start.
    loading = threads.submit(_load_code, first=not (directory / "postgres").exists())

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

    pki = ensure()
    dsn = starting.result()
    notice = take_over(dsn)
    loading.result()
    from pfcng.sandbox.serving import serve  # noqa: PLC0415 - see above

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


_SENDER = "Plateforme de certificats (bac à sable) <ne-pas-repondre@pfcng.example>"
_UNREADABLE = re.compile(r'field "(\w+)"')


def _settings(pki: SandboxPki, urls: PublicationUrls, directory: Path) -> Settings:
    """The sandbox's own settings, and those of the environment (``PFCNG_DSN``, ``PFCNG_PROXIES``…)."""
    own: dict[str, Any] = {}
    if "PFCNG_COURRIER" not in os.environ:
        own["courrier"] = Courrier(expediteur=_SENDER, dossier=directory / "courrier")
    accepted = (*PERSONNES_AUTHORITIES, *SERVER_AUTHORITIES)
    files = {name: pki.authorities[name.common_name] for name in (*ROOTS, *AUTHORITIES)}
    pairs = {name: Emettrice(certificat=one.pair.certificate, cle=one.pair.key) for name, one in files.items()}
    issuing = {name: pair for name, pair in pairs.items() if name in AUTHORITIES and name.gamme is Gamme.ELEMENTAIRE}
    try:
        settings = Settings(
            serveur=KeyPair(certificat=pki.server.certificate, cle=pki.server.key),
            emettrices=tuple(issuing.values()),
            autres_autorites=tuple(pair for name, pair in pairs.items() if name not in issuing),
            confiance=Confiance(
                racines=(pki.anchors,),
                autorites=tuple(files[name].pair.certificate for name in accepted),
            ),
            publication=Publication(http=urls.http, ldap=urls.ldap, ocsp=urls.ocsp),
            **own,
        )
        if settings.igc is None:
            return settings
        # Its own authorities do not issue then; their CRLs are still made here, for its cards and servers.
        return settings.model_copy(update={"emettrices": (), "autres_autorites": tuple(pairs.values())})
    except ValidationError as error:
        found = [(_setting(fault["loc"]), french(fault)) for fault in error.errors(include_input=False)]
    except SettingsError as error:
        found = [(name.upper(), "valeur JSON attendue") for name in _UNREADABLE.findall(str(error))]
    raise SandboxError("\n  ".join(f"PFCNG_{name} : {fault}" for name, fault in found))


def _setting(place: tuple[int | str, ...]) -> str:
    """The name of a variable, and of the key inside its JSON object."""
    name, *keys = (part for part in place if isinstance(part, str))
    return ".".join([name.upper(), *keys])
