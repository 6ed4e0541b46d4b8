"""``pfcng serve`` as the exploitant starts it: settings in a file, a migrated database, real processes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import psycopg
import pytest
from cryptography import x509
from psycopg.conninfo import make_conninfo

from pfcng.client import Client, Profile
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AUTHORITIES, PERSONNES_AUTHORITIES, SERVER_AUTHORITIES, Gamme
from pfcng.sandbox.demonstration import load_demonstration
from pfcng.sandbox.pki import SandboxPki, ensure_pki
from pfcng.store.annuaire import white_list
from pfcng.store.database import Database
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.igc_service import to_toml

ORG: Final = Product(Offre.ORG, Usage.AUTH_CLI)
PATIENCE: Final = 60
"""Seconds that a busy machine may take to start or stop a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What an exploitant has before the start: keys, certificates, a database with an annuaire."""

    directory: Path
    pki: SandboxPki
    dsn: str

    def told(self, **changes: object) -> dict[str, Any]:
        """The settings of a node, as its file has them."""
        files = {name: self.pki.authorities[name.common_name].pair for name in AUTHORITIES}
        pairs = {name: {"certificat": str(one.certificate), "cle": str(one.key)} for name, one in files.items()}
        issuing = [pair for name, pair in pairs.items() if name.gamme is Gamme.ELEMENTAIRE]
        accepted = (*PERSONNES_AUTHORITIES, *SERVER_AUTHORITIES)
        told = {
            "dsn": self.dsn,
            "ecoute": "127.0.0.1:0",
            "ecoute_http": "127.0.0.1:0",
            "ecoute_exploitation": "127.0.0.1:0",
            "emettrices": issuing,
            "autres_autorites": [pair for pair in pairs.values() if pair not in issuing],
            "serveur": {"certificat": str(self.pki.server.certificate), "cle": str(self.pki.server.key)},
            "confiance": {
                "racines": [str(self.pki.anchors)],
                "autorites": [str(files[name].certificate) for name in accepted],
            },
            "publication": {"http": "http://localhost", "ldap": "ldap://localhost", "ocsp": "http://localhost/ocsp"},
            "courrier": {
                "expediteur": "Plateforme <pfc@plateforme.example>",
                "dossier": str(self.directory / "courrier"),
            },
        }
        return {**told, **changes}

    def write(self, name: str = "pfcng.toml", **changes: object) -> Path:
        """A file of settings."""
        file = self.directory / name
        file.write_text(to_toml(self.told(**changes)), "utf-8")
        return file

    def client(self, service: str, carte: str) -> Client:
        """A client with a card, at ws-apt of the Web Service that is there."""
        card = self.pki.cards[carte]
        anchors = tuple(x509.load_pem_x509_certificates(self.pki.anchors.read_bytes()))
        url = service.replace("127.0.0.1", "localhost") + "/ws-apt"
        return Client(
            Profile(url=url, confiance=anchors, tls=card.auth.load(), signature=card.sign.load(), delai=PATIENCE)
        )


@dataclass(slots=True, kw_only=True)
class Node:
    """A running ``pfcng serve``.

    Attributes:
        service: Where the Web Service is, ``https://…``.
        http: Where CRLs, authorities and OCSP are.
        exploitation: Where health and metrics are.
        log: The lines of its standard error.
    """

    installation: Installation
    process: subprocess.Popen[str]
    service: str = ""
    http: str = ""
    exploitation: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        """Its processes, without the parent."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def client(self, carte: str = "cpa-editeur") -> Client:
        """A client with a card, at ws-apt."""
        return self.installation.client(self.service, carte)

    @property
    def port(self) -> int:
        """That of the Web Service."""
        return int(self.service.rpartition(":")[2])

    def heard(self, event: str) -> int:
        """How often the log has an event."""
        return sum(f'"event": "{event}"' in line for line in self.log)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as its operators do, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def order(client: Client) -> str:
    """Order a certificate: its number."""
    reply = client.demander_certificats([demande_for(ORG, make_csr(make_key()))])
    assert reply.statut_lot == "OK", reply.message
    return reply.demandes[0].indice_retrait or ""


def obtain(node: Node) -> str:
    """Order a certificate and withdraw it: PEM."""
    with node.client() as client:
        return client.retirer_certificat(order(client), "un code").pem


def run(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "pfcng", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, **env},
    )


@contextmanager
def running_node(
    installation: Installation, config: Path, *options: str, program: str = "pfcng", **env: str
) -> Iterator[Node]:
    """Start ``pfcng serve`` and wait until it says that it listens; it is stopped at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", program, "serve", "--config", config, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
        start_new_session=True,
    )
    node, told = Node(installation=installation, process=process), Event()

    def hear() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            node.service, *others = re.findall(r"https?://\S+:\d+", line) or [""]
            node.exploitation = others.pop() if others else ""
            node.http = others.pop() if others else ""
            told.set()
        told.set()

    def keep_log() -> None:
        assert process.stderr is not None
        node.log.extend(process.stderr)

    threads = [Thread(target=act, daemon=True) for act in (hear, keep_log)]
    for thread in threads:
        thread.start()
    try:
        assert told.wait(PATIENCE)
        if not node.service:
            process.wait(PATIENCE)
            threads[1].join()
            pytest.fail("".join(node.log))
        yield node
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE)
        for thread in threads:
            thread.join()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def install(directory: Path, postgres: str, name: str = "exploitation", *, ca_key_bits: int = 2048) -> Installation:
    """Keys of authorities and cards, and a database with the demonstration annuaire, ``editeur`` in the white list."""
    demonstration = load_demonstration(directory / "annuaire.toml")
    pki = ensure_pki(
        directory / "pki",
        cards=demonstration.card_specs(),
        urls=PublicationUrls(),
        host="localhost",
        ca_key_bits=ca_key_bits,
        now=datetime.now(UTC),
    )
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    installation = Installation(directory=directory, pki=pki, dsn=make_conninfo(postgres, dbname=name))
    migrated = run("migrer", "--config", installation.write())
    assert migrated.returncode == 0, migrated.stderr
    database = Database(installation.dsn, max_connections=1)
    with database.transaction() as connection:
        demonstration.save(connection)
        certificate = pki.clients["editeur"].load_certificate()
        assert certificate is not None
        white_list(connection, names.canonical(certificate.subject), names.rfc4514(certificate.subject))
    database.close()
    return installation


@pytest.fixture(scope="session")
def installation(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One for the session; what a test changes in its database, it lives with."""
    return install(tmp_path_factory.mktemp("exploitation"), postgres)


@pytest.fixture(scope="session")
def node(installation: Installation) -> Iterator[Node]:
    """A node of two processes, for the tests that leave it as it is."""
    with running_node(installation, installation.write("noeud.toml")) as running:
        yield running
