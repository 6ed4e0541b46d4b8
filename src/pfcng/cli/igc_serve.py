"""PFCNG-IGC as a service: its settings, its socket, its end. Loading this module takes the longest of a start."""

import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext, SSLError, VerifyFlags

import psycopg
import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError

from pfcng.app import create_igc
from pfcng.cli.output import Status
from pfcng.pki.signers.sources import CredentialError
from pfcng.sandbox.mistakes import french, reason
from pfcng.settings import IgcSettings
from pfcng.store.migrations import UnsuitableDatabase
from pfcng.web.serving import serve_until_signal, server
from pfcng.web.signals import ignore_signals, interrupt_on_signal
from pfcng.web.tls import server_context

_BACKLOG = 1024
_PATIENCE = 10
"""Seconds that the database may take to answer."""


class ServiceFault(Exception):
    """The service cannot start; the message is French and says what to do."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


def run_service(config: Path, on_ready: Callable[[str, str], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; the signals stay taken, for the program ends after it.

    Args:
        config: The file of the settings.
        on_ready: Called with the addresses of the service and of the publication once both listen.

    Raises:
        ServiceFault: It cannot start.
        KeyboardInterrupt: A signal came before it served.
    """
    interrupt_on_signal()
    with ExitStack() as stack:
        stack.callback(ignore_signals)
        settings = _load(config)
        _configure_log()
        opened = stack.enter_context(_listen("ecoute", settings.ecoute))
        plain = stack.enter_context(_listen("ecoute_http", settings.ecoute_http))
        with _faults_told():
            tls = _tls(settings)
            psycopg.connect(settings.dsn, connect_timeout=_PATIENCE).close()  # a pool would only say that it waited
            app = create_igc(settings, clock=lambda: datetime.now(UTC))
        stack.callback(app.close)
        stack.enter_context(app.kept_published())
        serve_until_signal(
            [(server(app.service, tls), opened), (server(app.published.application), plain)],
            lambda: on_ready(f"https://{_place(opened)}", f"http://{_place(plain)}"),
        )


def _load(config: Path) -> IgcSettings:
    """The settings, or every fault of them at once."""
    try:
        return IgcSettings.load(config)
    except OSError as error:
        faults = [f"le fichier ne peut pas être lu ({reason(error)})"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults = [f"ce n’est pas un fichier TOML en UTF-8 ({error})"]
    except SettingsError:
        faults = ["une variable PFCNG_IGC_… n’est pas de la forme attendue : une liste ou une table s’écrit en JSON"]
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        faults = [f"{'.'.join(map(str, fault['loc']))} : {french(fault)}" for fault in found]
    lines = "".join(f"\n  {fault}" for fault in faults)
    raise ServiceFault(f"les réglages de {config} sont à corriger.{lines}", Status.USAGE)


def _configure_log() -> None:
    """One JSON object an event on the standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def _listen(setting: str, address: str) -> Iterator[socket.socket]:
    """The socket, opened before anything else: a taken port is told at once."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        opened = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except (socket.gaierror, UnicodeError) as error:
        raise ServiceFault(f"{setting} : le nom {host} est inconnu.", Status.TRANSPORT) from error
    except OSError as error:
        raise ServiceFault(
            f"{setting} : impossible d’écouter sur {address} ({reason(error)}).", Status.TRANSPORT
        ) from error
    with opened:
        yield opened


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except CredentialError as error:
        raise ServiceFault(f"un certificat ou sa clé ne peut pas servir : {error}", Status.USAGE) from error
    except SSLError as error:
        raise ServiceFault(f"OpenSSL refuse serveur ou clients.autorites ({error.reason}).", Status.USAGE) from error
    except UnsuitableDatabase as error:
        raise ServiceFault(str(error), Status.USAGE) from error
    except psycopg.ProgrammingError as error:
        # libpq's own words would show a part of the string, which may hold a password.
        raise ServiceFault(f"la base a refusé (SQLSTATE {error.sqlstate or 'absent'}).", Status.TRANSPORT) from None
    except psycopg.Error as error:
        told = "ne répond pas" if error.sqlstate is None else f"a refusé (SQLSTATE {error.sqlstate})"
        raise ServiceFault(f"la base {told}.", Status.TRANSPORT) from None


def _tls(settings: IgcSettings) -> SSLContext:
    context = server_context(settings.serveur.certificat, settings.serveur.cle, settings.clients.autorites)
    # The authorities of the white list count as they are, roots or not.
    context.verify_flags |= VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


def _place(opened: socket.socket) -> str:
    """Host and port as a URL has them."""
    host, port = opened.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
