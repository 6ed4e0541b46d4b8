"""PFCNG-IGC as a service: in a thread of the test, or as the program its operators start."""

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import httpx
import pytest
from cryptography import x509
from starlette.types import ASGIApp

from pfcng.app.igc import create_igc
from pfcng.igc.connectors.remote import RemoteAuthority, client_context
from pfcng.igc.migrations import IGC
from pfcng.pki import names
from pfcng.pki.authorities import AUTHORITIES, Gamme
from pfcng.sandbox.pairs import Pair
from pfcng.sandbox.pki import SandboxPki
from pfcng.settings import IgcSettings
from pfcng.store.migrations import migrate
from pfcng.web.serving import server
from pfcng.web.tls import server_context
from support.workers import wait_until

URLS: Final = {"http": "http://localhost", "ldap": "ldap://localhost", "ocsp": "http://localhost/ocsp"}
START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """The certificates of the link between a platform and PFCNG-IGC, out of a sandbox's folder."""

    server: Pair
    client: Pair
    client_issuer: Path
    anchors: Path
    issuers: tuple[Pair, ...]

    @classmethod
    def of(cls, pki: SandboxPki, client: str = "editeur") -> "Identities":
        """Those of a sandbox: its server's certificate, and that of one of its clients."""
        files = {name: pki.authorities[name.common_name].pair for name in AUTHORITIES}
        return cls(
            server=pki.server,
            client=pki.clients[client],
            client_issuer=pki.authorities["TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"].pair.certificate,
            anchors=pki.anchors,
            issuers=tuple(pair for name, pair in files.items() if name.gamme is Gamme.ELEMENTAIRE),
        )

    def settings(self, dsn: str, *, ecoute: str = "127.0.0.1:0") -> dict[str, Any]:
        """What the service is told, as its file would."""
        certificate = x509.load_pem_x509_certificate(self.client.certificate.read_bytes())
        return {
            "dsn": dsn,
            "ecoute": ecoute,
            "ecoute_http": "127.0.0.1:0",
            "ecoute_exploitation": "127.0.0.1:0",
            "serveur": _files(self.server),
            "emettrices": [_files(pair) for pair in self.issuers],
            "clients": {"autorites": [str(self.client_issuer)], "dn": [names.rfc4514(certificate.subject)]},
            "publication": URLS,
        }

    def platform_settings(self, url: str, **changes: object) -> dict[str, Any]:
        """What a platform is told of it (``PFCNG_IGC``)."""
        told = {
            "url": url,
            **_files(self.client),
            "confiance": str(self.anchors),
            "autorites": [str(pair.certificate) for pair in self.issuers],
        }
        return {**told, **changes}

    def connect(self, url: str, *, timeout: float = 20.0) -> RemoteAuthority:
        """The connector, as the platform makes it."""
        context = client_context(confiance=self.anchors, certificat=self.client.certificate, cle=self.client.key)
        issuers = [x509.load_pem_x509_certificate(pair.certificate.read_bytes()) for pair in self.issuers]
        return RemoteAuthority(url, context=context, issuers=issuers, timeout=timeout)

    def http(self, url: str, client: Pair | None = None) -> httpx.Client:
        """A plain HTTP client with a certificate, the platform's unless given."""
        pair = client or self.client
        context = client_context(confiance=self.anchors, certificat=pair.certificate, cle=pair.key)
        return httpx.Client(base_url=url, verify=context, trust_env=False, timeout=START_SECONDS)


def _files(pair: Pair) -> dict[str, str]:
    return {"certificat": str(pair.certificate), "cle": str(pair.key)}


@contextmanager
def service_in_thread(identities: Identities, dsn: str) -> Iterator[str]:
    """The service over a database, in a thread of the test; its URL."""
    settings = IgcSettings(**identities.settings(dsn))
    migrate(dsn, IGC)
    app = create_igc(settings, clock=lambda: datetime.now(UTC))
    tls = server_context(settings.serveur.certificat, settings.serveur.cle, settings.clients.autorites)
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        with serving(app.service, tls) as port:
            yield f"https://localhost:{port}"
    finally:
        app.close()


@contextmanager
def serving(application: ASGIApp, tls: Any) -> Iterator[int]:
    """An application on a free port, in a thread of its own."""
    running, ready = server(application, tls), Event()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as opened:

        async def serve() -> None:
            task = asyncio.create_task(running.serve(sockets=[opened]))
            while not running.started and not task.done():
                await asyncio.sleep(0.01)
            ready.set()
            await task

        thread = Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        assert ready.wait(START_SECONDS)
        try:
            yield opened.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join()


@dataclass(slots=True, kw_only=True)
class IgcProgram:
    """``pfcng igc serve`` on a port that stays the same when it is started again."""

    directory: Path
    identities: Identities
    dsn: str
    name: str = "igc"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    starts: int = field(default=0)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        told = self.identities.settings(self.dsn, ecoute=f"127.0.0.1:{self.port}")
        self.config.write_text(to_toml(told), "utf-8")

    @property
    def config(self) -> Path:
        return self.directory / f"{self.name}.toml"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it and, unless told otherwise, wait until it answers."""
        if not self.starts:
            migrate(self.dsn, IGC)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pfcng", "igc", "serve", "--config", self.config],
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.starts += 1
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        with self.identities.http(self.url) as client:
            while time.monotonic() < deadline:
                try:
                    if client.get("/sante").status_code == httpx.codes.OK:
                        return
                except httpx.HTTPError:
                    assert self.process is not None
                    assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)  # another process: there is nothing else to wait on
        pytest.fail(self.log.read_text())

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stop it as its operators do, and give its exit status."""
        return self._end(signal.SIGTERM)

    def hang_up(self, event: str) -> None:
        """Have it read its TLS files again, and wait until its log tells what came of it."""
        assert self.process is not None
        told = f'"event": "{event}"'
        before = self.log.read_text("utf-8").count(told)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log.read_text("utf-8").count(told) == before + 1)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(START_SECONDS)


def to_toml(told: dict[str, Any]) -> str:
    """A TOML document of strings, lists, tables and lists of tables."""
    plain = [f"{name} = {_value(value)}" for name, value in told.items() if not isinstance(value, dict)]
    tables = [f"\n[{name}]\n{to_toml(value)}" for name, value in told.items() if isinstance(value, dict)]
    return "\n".join([*plain, *tables]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
