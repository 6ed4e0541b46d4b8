"""The sandbox: makes what is missing in its folder, serves, and cleans up when it is told to stop."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext

import fasteners
import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError
from starlette.types import ASGIApp

from pfcng.app import create_app
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AUTHORITIES, PERSONNES_AUTHORITIES, ROOTS, SERVER_AUTHORITIES, Gamme
from pfcng.sandbox.demonstration import Demonstration, load_demonstration
from pfcng.sandbox.descriptor import Addresses, describe, remove_descriptor, write_descriptor, write_profiles
from pfcng.sandbox.pki import SandboxPki, ensure_pki, plan_pki
from pfcng.settings import Confiance, KeyPair, Publication, Settings
from pfcng.store.annuaire import white_list
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.web.tls import PeerCertificateProtocol, server_context

_LOOPBACK = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
_KEEP_ALIVE = 30
_GRACE = 5


class SandboxError(Exception):
    """The sandbox cannot start; the message is French and says what to do."""


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
    """What is told once the sandbox listens."""

    addresses: Addresses
    directory: Path


def run(options: Options, on_ready: Callable[[Ready], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        SandboxError: A port is taken, or the folder is used by another sandbox.
        DemonstrationError: The demonstration file is wrong.
    """
    directory = options.data.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_only_one(directory))
        service = stack.enter_context(_listen(options.host, options.port, "--port"))
        http = stack.enter_context(_listen(options.host, options.http_port, "--http-port"))
        addresses = _addresses(options.host, service, http)
        demonstration = load_demonstration(directory / "annuaire.toml")
        cards = demonstration.card_specs()
        urls = PublicationUrls(http=addresses.http, ldap="ldap://localhost", ocsp=f"{addresses.http}/ocsp")
        settings = _settings(plan_pki(directory / "pki", cards), urls)
        with ThreadPoolExecutor(1) as thread:
            starting = thread.submit(_start_database, settings.dsn, directory / "postgres")
            pki = ensure_pki(
                directory / "pki",
                cards=cards,
                urls=urls,
                host=options.host,
                ca_key_bits=options.ca_key_bits,
                now=_now(),
            )
            dsn, stop = starting.result()
        stack.callback(stop)
        app = create_app(settings, dsn=dsn, clock=_now, diagnostics=True)
        stack.callback(app.close)
        _load(app.database, demonstration, pki)
        profiles = write_profiles(directory, pki, addresses)
        stack.callback(remove_descriptor, directory)

        def ready() -> None:
            write_descriptor(directory, describe(directory, pki, demonstration, addresses, profiles))
            on_ready(Ready(addresses=addresses, directory=options.data))

        authorities = [pki.authorities[name.common_name].pair.certificate for name in (*ROOTS, *AUTHORITIES)]
        tls = server_context(pki.server.certificate, pki.server.key, authorities)
        servers = [(_server(app.service, tls), service), (_server(app.publication), http)]
        with asyncio.Runner(loop_factory=servers[0][0].config.get_loop_factory()) as runner:
            runner.run(_serve(servers, ready))


def _now() -> datetime:
    return datetime.now(UTC)


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


@contextmanager
def _listen(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """A listening socket, opened before anything is made: a taken port is told at once."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise SandboxError(
            f"Impossible d’écouter sur {host}:{port} ({error.strerror}). Choisissez un autre port avec {option}."
        ) from error
    with opened:
        yield opened


def _addresses(host: str, service: socket.socket, http: socket.socket) -> Addresses:
    name = "localhost" if host in _LOOPBACK else host
    return Addresses(
        service=f"https://{name}:{service.getsockname()[1]}", http=f"http://{name}:{http.getsockname()[1]}"
    )


def _start_database(dsn: str | None, directory: Path) -> tuple[str, Callable[[], None]]:
    """The database of the settings, or else the embedded PostgreSQL, and what stops it."""
    if dsn is not None:
        return dsn, lambda: None
    server = EmbeddedPostgres(directory)
    return server.dsn, server.stop


def _settings(pki: SandboxPki, urls: PublicationUrls) -> Settings:
    """The sandbox's own settings, and those of the environment (``PFCNG_DSN``, ``PFCNG_PROXIES``)."""
    accepted = (*PERSONNES_AUTHORITIES, *SERVER_AUTHORITIES)
    files = {name: pki.authorities[name.common_name] for name in (*ROOTS, *AUTHORITIES)}
    issuing = [files[name].pair for name in AUTHORITIES if name.gamme is Gamme.ELEMENTAIRE]
    try:
        return Settings(
            serveur=KeyPair(certificat=pki.server.certificate, cle=pki.server.key),
            emettrices=tuple(KeyPair(certificat=pair.certificate, cle=pair.key) for pair in issuing),
            confiance=Confiance(
                racines=(pki.anchors,),
                autorites=tuple(files[name].pair.certificate for name in accepted),
                crls=tuple(files[name].crl for name in (*ROOTS, *accepted)),
            ),
            publication=Publication(http=urls.http, ldap=urls.ldap, ocsp=urls.ocsp),
        )
    except (ValidationError, SettingsError) as error:
        raise SandboxError(
            "Un réglage de l’environnement (PFCNG_DSN, PFCNG_PROXIES) n’est pas lisible. PFCNG_PROXIES est une liste "
            'JSON de réseaux, par exemple ["10.0.0.0/8"].'
        ) from error


def _load(database: Database, demonstration: Demonstration, pki: SandboxPki) -> None:
    """Bring the annuaire up to date and admit ``editeur`` at ws-srv."""
    certificate = pki.clients["editeur"].load_certificate()
    assert certificate is not None  # noqa: S101 - ensure_pki made it
    with database.transaction() as connection:
        demonstration.save(connection)
        white_list(connection, names.canonical(certificate.subject), names.rfc4514(certificate.subject))


class _Server(uvicorn.Server):
    """A server of several in one process: signals are taken once, for all of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(application: ASGIApp, tls: SSLContext | None = None) -> _Server:
    # proxy_headers is off: the address of the TCP peer decides whose Client-Cert header counts.
    config = uvicorn.Config(
        application,
        http=PeerCertificateProtocol,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    return _Server(config)


async def _serve(servers: list[tuple[_Server, socket.socket]], ready: Callable[[], None]) -> None:
    """Serve until a signal; then let the requests under way end."""

    def stop(*_: object) -> None:
        for server, _socket in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    serving = [asyncio.create_task(server.serve(sockets=[opened])) for server, opened in servers]
    while not all(server.started for server, _ in servers) and not any(task.done() for task in serving):
        await asyncio.sleep(0.01)
    if all(server.started for server, _ in servers):
        ready()
    await asyncio.gather(*serving)
