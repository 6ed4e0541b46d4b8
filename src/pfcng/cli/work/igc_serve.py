"""PFCNG-IGC as a service: its settings, its socket, its end. Loading this module takes the longest of a start."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from ssl import SSLContext, VerifyFlags
from typing import Final

import structlog

from pfcng.app.igc import IgcApp, create_igc
from pfcng.igc.migrations import IGC
from pfcng.node.faults import StartFault, faults_told, read_settings
from pfcng.node.service_manager import READY, keep_alive, notify
from pfcng.node.sockets import listen, place
from pfcng.settings import IgcSettings
from pfcng.store.migrations import migrate
from pfcng.store.reaching import reach
from pfcng.watch.log import log_as_json
from pfcng.watch.tracing import traced
from pfcng.web.readiness import ServedCertificate
from pfcng.web.serving import Server, serve_until_signal, server
from pfcng.web.signals import ignore_signals, interrupt_on_signal
from pfcng.web.tls import server_context

log = structlog.get_logger()

_RENEWED: Final = {"serveur", "clients"}
"""The settings that SIGHUP has read again."""


def run_service(config: Path, on_ready: Callable[[str, str, str], None]) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP reads TLS files and white list again. The signals stay taken to the end.

    Args:
        config: The file of the settings.
        on_ready: Called with the addresses of the service, of the publication and of exploitation once all listen.

    Raises:
        StartFault: It cannot start.
        KeyboardInterrupt: A signal came before it served.
    """
    interrupt_on_signal()
    with ExitStack() as stack:
        stack.callback(ignore_signals)
        settings = read_settings(str(config), lambda: IgcSettings.load(config))
        log_as_json()
        opened = stack.enter_context(listen("ecoute", settings.ecoute))
        plain = stack.enter_context(listen("ecoute_http", settings.ecoute_http))
        exploitation = stack.enter_context(listen("ecoute_exploitation", settings.ecoute_exploitation))
        with faults_told():
            tls, served = _tls(settings), ServedCertificate(settings.serveur.certificat)
            stack.enter_context(traced(settings.traces, "pfcng-igc"))
            reach(settings.dsn)
            app = create_igc(settings, clock=lambda: datetime.now(UTC))
        stack.callback(app.close)
        stack.enter_context(app.kept_published())
        service = server(app.service, tls)
        servers = [
            (service, opened),
            (server(app.published.application), plain),
            (server(app.exploitation(served)), exploitation),
        ]

        def ready() -> None:
            notify(READY)
            on_ready(f"https://{place(opened)}", f"http://{place(plain)}", f"http://{place(exploitation)}")

        renew = partial(_renew, config, settings, app, service, served)
        serve_until_signal(servers, ready, renew, beside=[keep_alive])


async def _renew(config: Path, settings: IgcSettings, app: IgcApp, service: Server, served: ServedCertificate) -> None:
    """Read the TLS files and the white list again; where one is of no use, all stays as it was."""
    try:
        renewed = read_settings(str(config), lambda: IgcSettings.load(config))
        with faults_told():
            context, shown = _tls(renewed), ServedCertificate(renewed.serveur.certificat)
            app.renew_peers(renewed.clients)
            await service.renew(context)
    except StartFault as fault:
        log.error("tls.not_renewed", cause=str(fault))  # noqa: TRY400 - its trace tells nothing
        return
    served.ends = shown.ends
    log.info("tls.renewed")
    if waiting := _waiting(settings, renewed):
        log.warning("settings.not_renewed", settings=waiting, see="docs/service-igc.md")


def _waiting(running: IgcSettings, read: IgcSettings) -> list[str]:
    """The settings that are others by now, and count after a restart alone."""
    names = set(IgcSettings.model_fields) - _RENEWED
    return sorted(name for name in names if getattr(running, name) != getattr(read, name))


def migrate_igc(config: Path) -> None:
    """Bring PFCNG-IGC's own tables to the newest revision.

    Raises:
        StartFault: The settings are to be corrected, or the database refuses.
    """
    settings = read_settings(str(config), lambda: IgcSettings.load(config))
    with faults_told():
        reach(settings.dsn)
        migrate(settings.dsn, IGC)


def _tls(settings: IgcSettings) -> SSLContext:
    context = server_context(settings.serveur.certificat, settings.serveur.cle, settings.clients.autorites)
    # The authorities of the white list count as they are, roots or not.
    context.verify_flags |= VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context
