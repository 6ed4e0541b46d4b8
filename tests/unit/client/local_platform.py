"""A real HTTPS server of this machine that answers what a test tells it, and the certificates for it."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pfcng.contract.messages import Response
from pfcng.xml import codec, soap


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate and its key, as objects and as PEM."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def write(self, folder: Path, name: str) -> Path:
        """Write ``name.pem`` and ``name.key``; returns the folder."""
        folder.joinpath(f"{name}.pem").write_text(self.pem)
        folder.joinpath(f"{name}.key").write_text(self.key_pem)
        return folder


def identity(
    common_name: str, issuer: Identity | None = None, names: tuple[str, ...] = (), key_size: int = 2048
) -> Identity:
    """A certificate signed by ``issuer``, or an authority signed by itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    if issuer:
        public_key = issuer.key.public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key), False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Identity(certificate=certificate, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPki:
    """An authority, one that nobody knows, a server and a client; ``folder`` has the files of ``profile``."""

    __test__ = False

    folder: Path
    authority: Identity
    stranger: Identity
    server: Identity
    client: Identity


def make_pki(folder: Path) -> TestPki:
    """Make the certificates and write them to ``folder``."""
    authority, stranger = identity("AC de test"), identity("AC inconnue")
    server = identity("localhost", authority, ("localhost",))
    client = identity("899900000001", authority)
    authority.write(folder, "confiance")
    stranger.write(folder, "inconnue")
    server.write(folder, "serveur")
    client.write(folder, "client")
    return TestPki(folder=folder, authority=authority, stranger=stranger, server=server, client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server sends back."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def reply(message: Response, **headers: str) -> Answer:
    """A reply of the Web Service."""
    return Answer(body=soap.wrap(codec.encode(message)), headers={"Content-Type": "text/xml", **headers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


class LocalPlatform:
    """The server: set ``answer``, read ``received``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.answer: Callable[[Received], Answer] = lambda _: Answer(body=b"", status=404)

    def will_answer(self, answer: Answer) -> None:
        self.answer = lambda _: answer


@contextmanager
def serve(pki: TestPki) -> Iterator[LocalPlatform]:
    """Run a server that asks for a client certificate of ``pki``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received = Received(
                path=self.path, headers=dict(self.headers.items()), body=body, connection=self.client_address
            )
            platform.received.append(received)
            answer = platform.answer(received)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    platform = LocalPlatform(f"https://localhost:{server.server_port}/ws-srv")
    # The handshake takes place in the connection's thread, at the first read.
    server.socket = _server_context(pki).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server_context(pki: TestPki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=pki.authority.pem)
    context.load_cert_chain(pki.folder / "serveur.pem", pki.folder / "serveur.key")
    return context
