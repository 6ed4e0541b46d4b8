"""Two platforms, PFCNG-IGC, PostgreSQL and their client, PFCNG-IGC killed again and again during 500 retraits."""

import json
import random
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.client import Client, Profile
from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import RequeteRetraitCertificat
from pfcng.igc.migrations import IGC
from pfcng.igc.urls import PublicationUrls
from pfcng.operations.one_by_one import OneByOne
from pfcng.operations.reconcilier import Bilan, reconcile
from pfcng.sandbox.demonstration import load_demonstration
from pfcng.sandbox.pki import SandboxPki, ensure_pki
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import migrate
from support.csrs import make_csr, make_keys
from support.demandes import demande_for
from support.distant import make_database
from support.drivers import driver, driver_environment
from support.folders import shared_folder
from support.igc_service import Identities, IgcProgram
from support.platform import make_context

RETRAITS: Final = 500
LOT: Final = 20
CLIENTS: Final = 4
CARD: Final = "cpa-editeur"
ORG: Final = Product(Offre.ORG, Usage.AUTH_CLI)
AGAIN: Final = (codes.WSMG_15.value, codes.WSMG_18.value)
"""« Veuillez renouveler votre demande de retrait ultérieurement. »"""
SEED: Final = 4
START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The running programs, and how to reach them."""

    pki: SandboxPki
    igc: IgcProgram
    dsn: str
    ports: tuple[int, int]

    def client(self, port: int) -> Client:
        card = self.pki.cards[CARD]
        anchors = tuple(x509.load_pem_x509_certificates(self.pki.anchors.read_bytes()))
        url = f"https://localhost:{port}/ws-apt"
        return Client(Profile(url=url, confiance=anchors, tls=card.auth.load(), signature=card.sign.load(), delai=60))


@pytest.fixture(scope="module")
def picture() -> Iterator[Picture]:
    with ExitStack() as stack:
        folder = stack.enter_context(shared_folder())
        server = EmbeddedPostgres(folder / "postgres")
        stack.callback(server.stop)
        pki = _pki(folder)
        dsn = _platform_database(folder, server.dsn)
        identities = Identities.of(pki)
        igc = IgcProgram(directory=folder, identities=identities, dsn=make_database(server.dsn, "igc"))
        igc.start()
        stack.callback(igc.kill)
        told = json.dumps(identities.platform_settings(igc.url))
        ports = (_free_port(), _free_port())
        for port in ports:
            platform = _start_platform(folder, dsn, port, told)
            stack.callback(platform.wait)
            stack.callback(platform.terminate)
        for port in ports:
            _wait_for(port, folder / "plateformes.log")
        yield Picture(pki=pki, igc=igc, dsn=dsn, ports=ports)


def _start_platform(folder: Path, dsn: str, port: int, igc: str) -> subprocess.Popen[bytes]:
    with (folder / "plateformes.log").open("ab") as log:
        return subprocess.Popen(
            driver("platform_process", folder / "pki", dsn, port),
            env=driver_environment(PFCNG_IGC=igc),
            stdout=log,
            stderr=log,
        )


def _pki(folder: Path) -> SandboxPki:
    cards = [spec for spec in load_demonstration(folder / "annuaire.toml").card_specs() if spec.name == CARD]
    now = datetime.now(UTC)
    return ensure_pki(folder / "pki", cards=cards, urls=PublicationUrls(), host="localhost", ca_key_bits=2048, now=now)


def _platform_database(folder: Path, server: str) -> str:
    dsn = make_database(server, "plateforme")
    migrate(dsn)
    migrate(dsn, IGC)
    database = Database(dsn, max_connections=1)
    with database.transaction() as connection:
        load_demonstration(folder / "annuaire.toml").save(connection)
    database.close()
    return dsn


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)  # another process: there is nothing else to wait on
        else:
            return
    pytest.fail(f"a platform did not start:\n{log.read_text()}")


@dataclass
class Trouble:
    """Kills PFCNG-IGC after a random number of deliveries and a random while, and starts it again.

    Deliveries rather than time: on a slow machine, which takes long to start it, as much gets done between two kills.
    """

    igc: IgcProgram
    deliveries: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: threading.Event = field(default_factory=threading.Event)
    kills: int = 0

    def end(self) -> None:
        """No more kills."""
        self.over.set()
        self.deliveries.release(RETRAITS)

    def run(self) -> None:
        chance = random.Random(SEED)  # noqa: S311 - the moments of a test
        while True:
            for _ in range(chance.randint(30, 90)):
                self.deliveries.acquire()
            if self.over.wait(chance.uniform(0, 0.2)):
                return
            self.igc.kill()
            self.kills += 1
            self.igc.start()


def test_every_acknowledged_certificate_is_known_to_both_and_none_is_issued_twice(picture: Picture) -> None:
    """Whatever is killed and whenever: all retraits end well, each demande with one certificate, both sides agree."""
    keys = {}
    with picture.client(picture.ports[0]) as client:
        pool = iter(make_keys(RETRAITS))
        for _ in range(RETRAITS // LOT):
            keys.update(order(client, [next(pool) for _ in range(LOT)]))
    trouble = Trouble(picture.igc)
    troubling = threading.Thread(target=trouble.run)
    troubling.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as threads:
            shares = [sorted(keys)[share::CLIENTS] for share in range(CLIENTS)]
            ends = list(threads.map(lambda share: withdraw_all(picture, share, trouble), shares))
    finally:
        trouble.end()
        troubling.join()
    delivered = {numero: certificate for end, _ in ends for numero, certificate in end.items()}
    replies = sum((replies for _, replies in ends), Counter[str]())
    assert trouble.kills >= 5
    assert set(replies) <= {"OK", *AGAIN}
    assert replies["OK"] == RETRAITS
    check(picture, keys, delivered)


def order(client: Client, keys: list[rsa.RSAPrivateKey]) -> dict[int, rsa.RSAPublicKey]:
    """A lot; its numbers, each with its key."""
    reply = client.demander_certificats([demande_for(ORG, make_csr(key)) for key in keys])
    assert reply.statut_lot == "OK", reply.message
    numbers = [int(demande.indice_retrait or 0) for demande in reply.demandes]
    return dict(zip(numbers, (key.public_key() for key in keys), strict=True))


def withdraw_all(picture: Picture, numbers: list[int], trouble: Trouble) -> tuple[dict[int, bytes], Counter[str]]:
    """Withdraw each until it is delivered, at one platform or the other; what came, and how often each statut did."""
    delivered, replies = {}, Counter[str]()
    with ExitStack() as stack:
        clients = [stack.enter_context(picture.client(port)) for port in picture.ports]
        for numero in numbers:
            while numero not in delivered:
                client = clients[replies.total() % len(clients)]
                reply = client.call(RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="un code"))
                replies[reply.statut] += 1
                if reply.certificat is not None:
                    certificate = x509.load_pem_x509_certificate(reply.certificat.encode())
                    delivered[numero] = certificate.public_bytes(Encoding.DER)
                    trouble.deliveries.release()
                elif reply.statut in AGAIN:
                    time.sleep(0.8)  # the pace of a client that is told to come back later
                else:
                    pytest.fail(f"{numero}: {reply.statut} {reply.message}")
        for client in clients:  # the connection's next request waits for the last retrait's end (R6)
            client.call(RequeteRetraitCertificat(indice_retrait="0", code_revocation="un code"))
    return delivered, replies


def check(picture: Picture, keys: dict[int, rsa.RSAPublicKey], delivered: dict[int, bytes]) -> None:
    """Both sides have what the clients have, once."""
    platform = Database(picture.dsn, max_connections=2)
    igc = Database(picture.igc.dsn, max_connections=2, role=None)
    known = _rows(
        platform,
        "SELECT d.numero, d.etat AS demande, p.etat AS produit, p.certificat "
        "FROM demande d JOIN produit p ON p.demande = d.numero",
    )
    signed = _rows(igc, "SELECT numero, der, numero_serie FROM igc.certificat")
    assert {row["numero"]: row["der"] for row in signed} == delivered
    assert {row["numero"]: row["certificat"] for row in known} == delivered
    assert {(row["demande"], row["produit"]) for row in known} == {("Demande close", "Produit actif")}
    assert len({row["numero_serie"] for row in signed}) == RETRAITS
    assert {n: x509.load_der_x509_certificate(der).public_key() for n, der in delivered.items()} == keys
    authority = picture.igc.identities.connect(picture.igc.url)
    arrival = make_context()
    bilan = reconcile(OneByOne(arrival), database=platform, authority=authority, arrival=arrival)
    assert bilan == Bilan(compared=RETRAITS, differences=0)
    authority.close()
    platform.close()
    igc.close()


def _rows(database: Database, query: str) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(query.encode()).fetchall()
