"""The TLS context of the client: the profile's trust anchors and nothing else, and the client's own certificate."""

import secrets
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pfcng.client.errors import ProfileError
from pfcng.client.files import PRIVATE, create
from pfcng.pki.keys import Credential


def client_context(anchors: Iterable[x509.Certificate], credential: Credential) -> ssl.SSLContext:
    """A context for mutual TLS 1.2 or later towards a server that one of the ``anchors`` vouches for.

    The server's name is checked, the machine's own trust store is not read.

    Raises:
        ProfileError: OpenSSL accepts none of it: a key too short, a digest too weak.

    Source: guide §10.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The bundle may name an intermediate authority rather than its root: what the profile trusts is trusted.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # A front end that asks for the certificate by path (/ws-srv, /ws-apt) asks after the handshake (RFC 8446 §4.6.2).
    context.post_handshake_auth = True
    context.load_verify_locations(cadata="".join(anchor.public_bytes(Encoding.PEM).decode() for anchor in anchors))
    _present(context, credential)
    return context


def _present(context: ssl.SSLContext, credential: Credential) -> None:
    """Give the client's certificate and key to OpenSSL, which takes them from a file only.

    The file is private, lives for this call, and holds the key encrypted under a password that was never written.
    """
    password = secrets.token_hex(32)
    key = credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    certificates = (credential.certificate, *credential.chain)
    with tempfile.TemporaryDirectory(prefix="pfcng-") as directory:
        file = Path(directory) / "tls.pem"
        create(file, key + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates), PRIVATE)
        try:
            context.load_cert_chain(file, password=password)
        except ssl.SSLError as error:
            raise ProfileError([f"[tls] OpenSSL refuse ce certificat ou cette clé ({error.reason})."]) from error
