"""A transit engine for the tests: a real OpenBao over TLS, with its files, that can be stopped and started again."""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pfcng.pki.names import parse
from pfcng.pki.signers.sources import Engine, SecretFile

POLICY = """
path "transit/sign/*" { capabilities = ["update"] }
path "transit/keys/*" { capabilities = ["read", "create", "update"] }
"""
"""What an authority's token may do, beside what every token may do for itself."""


class OpenBao:
    """The server, and what only its administrator does."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._port, cluster_port = _free_port(), _free_port()
        (folder / "donnees").mkdir()
        self._make_certificate()
        (folder / "bao.hcl").write_text(
            f"""
            api_addr = "{self.address}"
            cluster_addr = "https://127.0.0.1:{cluster_port}"
            storage "raft" {{
              path = "{folder}/donnees"
              node_id = "essai"
              performance_multiplier = 1
            }}
            listener "tcp" {{
              address = "127.0.0.1:{self._port}"
              cluster_address = "127.0.0.1:{cluster_port}"
              tls_cert_file = "{folder}/serveur.pem"
              tls_key_file = "{folder}/serveur.key"
            }}
            """
        )
        self._client = httpx.Client(
            base_url=f"{self.address}/v1/", verify=ssl.create_default_context(cafile=folder / "serveur.pem")
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._root = self._unseal_key = ""
        self.start()

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca(self) -> Path:
        return self._folder / "serveur.pem"

    @property
    def token_file(self) -> Path:
        return self._folder / "jeton"

    @property
    def source(self) -> Engine:
        return Engine(address=self.address, token=SecretFile(path=self.token_file), ca=self.ca)

    def start(self) -> None:
        """Start, initialise at the first time, unseal."""
        with (self._folder / "journal").open("ab") as journal:
            self._process = subprocess.Popen(
                [self._program, "server", "-config", self._folder / "bao.hcl"], stdout=journal, stderr=journal
            )
        self._wait("sys/seal-status")
        if not self._root:
            made = self.admin("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            self._root, self._unseal_key = made["root_token"], made["keys"][0]
        self.unseal()

    def prepare(self) -> None:
        """Mount the engine and give the authority its token."""
        self.admin("POST", "sys/mounts/transit", {"type": "transit"})
        self.admin("PUT", "sys/policies/acl/igc", {"policy": POLICY})
        self.give_token(ttl="1h")

    def give_token(self, *, ttl: str) -> str:
        """A new token in the file; the one before stays good."""
        token: str = self.admin("POST", "auth/token/create", {"policies": ["igc"], "ttl": ttl})["auth"]["client_token"]
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(token)
        return token

    def seal(self) -> None:
        self.admin("PUT", "sys/seal")

    def unseal(self) -> None:
        self.admin("PUT", "sys/unseal", {"key": self._unseal_key})
        self._wait("sys/health")

    def freeze(self) -> None:
        """Connections are taken, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self._client.close()
        self.stop()

    def connect(self) -> httpx.Client:
        """A client of the administrator's own."""
        return httpx.Client(
            base_url=f"{self.address}/v1/",
            verify=ssl.create_default_context(cafile=self.ca),
            headers={"X-Vault-Token": self._root},
            timeout=60,
        )

    def admin(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        response = self._client.request(method, path, json=body, headers={"X-Vault-Token": self._root})
        response.raise_for_status()
        return dict(response.json()) if response.content else {}

    def _wait(self, path: str) -> None:
        """Until the server answers 200 there: to the health check, once it is unsealed and leads."""
        assert self._process is not None
        for _ in range(1000):
            try:
                if self._client.get(path).is_success:
                    return
            except httpx.TransportError:
                pass
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
                raise AssertionError((self._folder / "journal").read_text())
        raise AssertionError(f"OpenBao does not answer to {path}")

    def _make_certificate(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name, now = parse("CN=transit,C=FR"), datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        (self._folder / "serveur.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        clear = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self._folder / "serveur.key").write_bytes(clear)


@contextmanager
def open_bao(folder: Path) -> Iterator[OpenBao]:
    """A server with a transit engine, whose token is in a file."""
    found = shutil.which("bao", path=str(Path(sys.executable).parent)) or shutil.which("bao")
    if found is None:
        pytest.skip("OpenBao is not installed")
    server = OpenBao(Path(found), folder)
    try:
        server.prepare()
        yield server
    finally:
        server.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
