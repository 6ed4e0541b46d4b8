"""The sandbox's platform, and its two servers in one process. Loading this module takes the longest of a start."""

import socket
from collections.abc import Callable, Collection
from contextlib import ExitStack
from datetime import datetime, timedelta
from ssl import SSLContext, VerifyFlags
from typing import Final

from pfcng.app.platform import App, create_app
from pfcng.app.published import Published
from pfcng.app.worker import create_parts
from pfcng.jobs.acts import Parts, periodic_acts
from pfcng.jobs.worker import keep_working
from pfcng.operations.sceller_journal import keep_sealed
from pfcng.pki import names
from pfcng.pki.authorities import AUTHORITIES, ROOTS
from pfcng.sandbox import known
from pfcng.sandbox.advancing import Advancer
from pfcng.sandbox.clock import SandboxClock
from pfcng.sandbox.control import Control
from pfcng.sandbox.database import refusals_told
from pfcng.sandbox.demonstration import Demonstration
from pfcng.sandbox.incidents import IncidentAuthority, Incidents, IncidentTransport
from pfcng.sandbox.pki import SandboxPki
from pfcng.settings import Settings
from pfcng.store import jobs, revocations
from pfcng.store.annuaire import white_list
from pfcng.store.database import Database
from pfcng.web.exploitation import beside
from pfcng.web.readiness import ServedCertificate
from pfcng.web.serving import serve_until_signal, server
from pfcng.web.tls import server_context

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
        renew: Makes the cards again whose time is over.
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
            published = app.published
            assert published is not None  # noqa: S101 - the sandbox has the keys of its authorities
            again = _load(app.database, demonstration, pki)
            if again or app.platform.trust.ailing():
                # Whoever connects from the first moment on needs the CRLs.
                published.publisher.turn(again=again)
            app.platform.trust.refresh()
        stack.enter_context(app.kept_published())
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

        if clock.ahead:
            _ignore_dates(tls)
        advancer = _advancer(app, published=published, parts=parts, pki=pki, clock=clock, tls=tls, renew=renew)
        control = Control(clock, incidents, advancer)
        exploitation = app.exploitation(ServedCertificate(pki.server.certificate))
        plain = beside(exploitation, control.around(published.application))
        serve_until_signal([(server(app.service, tls), sockets[0]), (server(plain), sockets[1])], ready)


def _advancer(
    app: App,
    *,
    published: Published,
    parts: Parts,
    pki: SandboxPki,
    clock: SandboxClock,
    tls: SSLContext,
    renew: Callable[[], object],
) -> Advancer:
    """What moves the clock, does what falls due on the way, and leaves a sandbox of the new day."""

    def next_attempt() -> datetime | None:
        with app.database.transaction() as connection:
            return revocations.find_next_attempt(connection, clock())

    def settle(by: timedelta) -> None:
        _ignore_dates(tls)
        renew()
        with app.database.transaction() as connection:
            again = known.save(connection, pki)
            jobs.bring_forward(connection, by)
        published.publisher.turn(at_once=True, again=again)
        app.platform.trust.refresh()

    return Advancer(clock, periodic_acts(parts), next_attempt, settle)


def _load(database: Database, demonstration: Demonstration, pki: SandboxPki) -> Collection[bytes]:
    """Bring annuaire and cards up to date and admit ``editeur`` at ws-srv; the authorities a card leaves the CRL of."""
    certificate = pki.clients["editeur"].load_certificate()
    assert certificate is not None  # noqa: S101 - ensure_pki made it
    with database.transaction() as connection:
        demonstration.save(connection)
        white_list(connection, names.canonical(certificate.subject), names.rfc4514(certificate.subject))
        return known.save(connection, pki)


def _ignore_dates(tls: SSLContext) -> None:
    """Leave the dates of client certificates to the platform, which knows the sandbox's present; OpenSSL does not."""
    tls.verify_flags |= VerifyFlags(_NO_CHECK_TIME)
