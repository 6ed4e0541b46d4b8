"""SIGHUP to ``pfcng serve``: TLS files are read again, no connection is dropped (docs/serving.md)."""

import os
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx
import pytest

from pfcng.sandbox.pairs import Pair
from support.serve import PATIENCE, Installation, Node, obtain, running_node
from support.workers import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewing:
    """A node whose TLS files a test may replace."""

    node: Node
    server: Pair
    authorities: Path
    config: Path

    def renew(self, event: str) -> None:
        """Replace what is served with what is in the files; both processes say what came of it."""
        before = self.node.heard(event)
        self.node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.node.heard(event) == before + 2)

    def shown(self) -> bytes:
        """The certificate that a new connection is shown."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.node.port), timeout=PATIENCE) as opened,
            context.wrap_socket(opened) as tls,
        ):
            return tls.getpeercert(binary_form=True) or b""

    def client(self, pair: Pair | None = None) -> httpx.Client:
        """A client that keeps its connection."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        url = self.node.service.replace("127.0.0.1", "localhost")
        return httpx.Client(base_url=url, verify=context, trust_env=False, timeout=PATIENCE)


@pytest.fixture(scope="module")
def renewing(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewing]:
    folder = tmp_path_factory.mktemp("tls")
    server = Pair(folder / "serveur.pem", folder / "serveur.key")
    put(installation.pki.server, server)
    told = installation.told()
    authorities = folder / "autorites.pem"
    files = [Path(name) for name in told["confiance"]["autorites"]]
    authorities.write_bytes(b"".join(file.read_bytes() for file in files if "ORG" not in file.name))
    confiance = {**told["confiance"], "autorites": [str(authorities)]}
    serveur = {"certificat": str(server.certificate), "cle": str(server.key)}
    config = installation.write("renouvele.toml", serveur=serveur, confiance=confiance)
    with running_node(installation, config) as node:
        yield Renewing(node=node, server=server, authorities=authorities, config=config)


def put(source: Pair, place: Pair) -> None:
    """Copy a pair; keys keep their mode."""
    shutil.copy(source.certificate, place.certificate)
    shutil.copy(source.key, place.key)


def der(pair: Pair) -> bytes:
    """The certificate of a pair, as TLS shows it."""
    return ssl.PEM_cert_to_DER_cert(
        pair.certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    )


def test_certificate_is_renewed_and_no_connection_dropped(renewing: Renewing, installation: Installation) -> None:
    """New connections see the new one; a connection from before goes on; those that come meanwhile all get in."""
    over, other = Event(), installation.pki.clients["editeur"]

    def connect() -> int:
        count = 0
        while not over.is_set():
            renewing.shown()
            count += 1
        return count

    with renewing.client() as kept, ThreadPoolExecutor(1) as pool:
        assert kept.get("/ws-srv?wsdl").status_code == 200
        [connection] = kept._transport._pool.connections  # type: ignore[attr-defined]
        connecting = pool.submit(connect)
        put(other, renewing.server)
        for _ in range(3):
            renewing.renew("tls.renewed")
        assert renewing.shown() == der(other)
        assert kept.get("/ws-srv?wsdl").status_code == 200
        assert kept._transport._pool.connections == [connection]  # type: ignore[attr-defined]
        over.set()
        assert connecting.result(PATIENCE) > 0


def test_broken_file_leaves_what_was_there_and_is_told(renewing: Renewing, installation: Installation) -> None:
    """A key cut short, or another's, or a certificate that OpenSSL alone takes; the next good one is taken."""
    put(installation.pki.server, renewing.server)
    renewing.renew("tls.renewed")
    shutil.copy(installation.pki.clients["editeur"].key, renewing.server.key)
    renewing.renew("tls.not_renewed")
    assert any("KEY_VALUES_MISMATCH" in line for line in renewing.node.log)
    renewing.server.key.write_text("-----BEGIN PRIVATE KEY-----\n")
    renewing.renew("tls.not_renewed")
    put(installation.pki.server, renewing.server)
    text = renewing.server.certificate.read_text().replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-")
    renewing.server.certificate.write_text(text)
    renewing.renew("tls.not_renewed")
    assert renewing.shown() == der(installation.pki.server)
    assert renewing.node.heard("node.process_lost") == 0
    put(installation.pki.server, renewing.server)
    renewing.renew("tls.renewed")


def test_settings_that_wait_for_a_restart_are_told(renewing: Renewing) -> None:
    """SIGHUP reads no settings: whoever changed them and sent it learns that they do not count yet."""
    assert renewing.node.heard("settings.not_renewed") == 0
    text = renewing.config.read_text("utf-8")
    renewing.config.write_text(f"{text}\n# autrement\n", "utf-8")
    renewing.renew("tls.renewed")
    assert renewing.node.heard("settings.not_renewed") == 1
    renewing.config.write_text(text, "utf-8")


def test_client_authorities_are_renewed(renewing: Renewing, installation: Installation) -> None:
    """A server certificate is refused until its authority is in the file; then TLS and admission both believe it."""
    editeur = installation.pki.clients["editeur"]
    with renewing.client(editeur) as client:
        assert client.post("/ws-srv").status_code == 403
    files = [Path(name) for name in installation.told()["confiance"]["autorites"]]
    renewing.authorities.write_bytes(b"".join(file.read_bytes() for file in files))
    renewing.renew("tls.renewed")
    with renewing.client(editeur) as client:
        assert client.post("/ws-srv").status_code == 500  # a Client fault: it was let in
    assert "BEGIN CERTIFICATE" in obtain(renewing.node)


def test_replacement_that_cannot_start_is_tried_again(renewing: Renewing, installation: Installation) -> None:
    """It reads the files of now: the log says what is wrong with them, and the others serve."""
    renewing.server.key.rename(renewing.server.key.with_suffix(".ailleurs"))
    os.kill(renewing.node.pids[0], signal.SIGKILL)
    wait_until(lambda: renewing.node.heard("node.process_not_replaced") > 0)
    assert any("serveur.cle : le fichier" in line for line in renewing.node.log)
    assert renewing.shown() == der(installation.pki.server)
    renewing.server.key.with_suffix(".ailleurs").rename(renewing.server.key)
    wait_until(lambda: renewing.node.heard("node.process_replaced") > 0)
