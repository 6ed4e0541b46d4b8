"""The sandbox's platform, and its two servers in one process. Loading this module takes the longest of a start."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ssl import SSLContext, VerifyFlags
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from pfcng.app import create_app, create_parts
from pfcng.jobs.acts import periodic_acts
from pfcng.jobs.worker import keep_working
from pfcng.operations.sceller_journal import keep_sealed
from pfcng.pki import names
from pfcng.pki.authorities import AUTHORITIES, ROOTS
from pfcng.sandbox.advancing import Advancer
from pfcng.sandbox.clock import SandboxClock
from pfcng.sandbox.control import Control
from pfcng.sandbox.database import refusals_told
from pfcng.sandbox.demonstration import Demonstration
from pfcng.sandbox.incidents import IncidentAuthority, Incidents, IncidentTransport
from pfcng.sandbox.pki import SandboxPki
from pfcng.sandbox.signals import call_on_signal
from pfcng.settings import Settings
from pfcng.store.annuaire import white_list
from pfcng.store.database import Database
from pfcng.web.tls import PeerCertificateProtocol, server_context

_KEEP_ALIVE: Final = 30
_GRACE: Final = 5
_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python does not name."""


def serve(
    settings: Settings,
    *,
    dsn: str,
    demonstration: Demonstration,
    pki: SandboxPki,
    sockets: tuple[socket.socket, socket.socket],
    clock: SandboxClock,
    renew: Callable[[], object],
    ready: Callable[[], None],
) -> None:
    """Serve the platform until a signal; then let the requests under way end.

    Args:
        settings: Those of the platform.
        dsn: A database with every table.
        demonstration: What the annuaire is brought to.
        pki: Where the certificates are.
        sockets: For the Web Service, and for CRLs and authorities.
        clock: The sandbox's present.
        renew: Makes again what the present asks for: cards, CRLs.
        ready: Called once both listen.

    Raises:
        SandboxError: The database refuses.
    """
    assert settings.courrier is not None  # noqa: S101 - the sandbox has one of its own
    incidents = Incidents()
    with ExitStack() as stack:
        with refusals_told():
            app = create_app(
                settings,
                dsn=dsn,
                clock=clock,
                diagnostics=True,
                around=lambda authority: IncidentAuthority(authority, incidents),
            )
            stack.callback(app.close)
            _load(app.database, demonstration, pki)
        stack.enter_context(keep_sealed(app.database, clock=clock, anchor=app.anchor))
        parts = create_parts(
            settings.courrier,
            database=app.database,
            authority=app.platform.authority,
            rules=app.platform.rules,
            clock=clock,
            around=lambda transport: IncidentTransport(transport, incidents),
        )
        stack.enter_context(keep_working(dsn, parts))
        authorities = [pki.authorities[name.common_name].pair.certificate for name in (*ROOTS, *AUTHORITIES)]
        tls = server_context(pki.server.certificate, pki.server.key, authorities)

        def settle() -> None:
            _ignore_dates(tls)
            renew()
            app.reload_trust(settings.confiance)

        if clock.ahead:
            _ignore_dates(tls)
        control = Control(clock, incidents, Advancer(clock, periodic_acts(parts), settle))
        servers = [(_server(app.service, tls), sockets[0]), (_server(control.around(app.publication)), sockets[1])]
        with asyncio.Runner(loop_factory=servers[0][0].config.get_loop_factory()) as runner:
            runner.run(_serve(servers, ready))


def _load(database: Database, demonstration: Demonstration, pki: SandboxPki) -> None:
    """Bring the annuaire up to date and admit ``editeur`` at ws-srv."""
    certificate = pki.clients["editeur"].load_certificate()
    assert certificate is not None  # noqa: S101 - ensure_pki made it
    with database.transaction() as connection:
        demonstration.save(connection)
        white_list(connection, names.canonical(certificate.subject), names.rfc4514(certificate.subject))


def _ignore_dates(tls: SSLContext) -> None:
    """Leave the dates of client certificates to the platform, which knows the sandbox's present; OpenSSL does not."""
    tls.verify_flags |= VerifyFlags(_NO_CHECK_TIME)


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
    def stop() -> None:
        for server, _socket in servers:
            server.should_exit = True

    call_on_signal(stop)
    serving = [asyncio.create_task(server.serve(sockets=[opened])) for server, opened in servers]
    while not all(server.started for server, _ in servers) and not any(task.done() for task in serving):
        await asyncio.sleep(0.01)
    if all(server.started for server, _ in servers):
        ready()
    await asyncio.gather(*serving)
