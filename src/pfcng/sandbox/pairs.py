"""Keys and certificates as files, so that a start that was killed goes on where it stopped.

A file is written beside its place and renamed into it. A new key first removes the certificate of the one before:
a certificate that is there belongs to the key that is there.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pfcng.pki.keys import Credential, load_pem

PUBLIC_MODE: Final = 0o644
PRIVATE_MODE: Final = 0o600
_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate and its key are kept, as PEM; the certificate may be followed by its chain."""

    certificate: Path
    key: Path

    def load_certificate(self) -> x509.Certificate | None:
        """The certificate, if there is one that can be read."""
        try:
            return x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def load_key(self) -> rsa.RSAPrivateKey:
        """The key, which must be there; one that we made ourselves needs no proof of its primes."""
        key = load_pem_private_key(self.key.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"not an RSA key: {self.key}")
        return key

    def load(self) -> Credential:
        """Both, proven to belong together."""
        return load_pem(self.certificate, self.key)

    def store(self, certificate: x509.Certificate, *chain: x509.Certificate) -> None:
        """Write the certificate and what leads to its root."""
        content = b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, *chain))
        write(self.certificate, content)

    def make_key(self, bits: int) -> None:
        """Make the key; whatever certificate was there is not its."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.certificate.unlink(missing_ok=True)
        write(self.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=PRIVATE_MODE)


def make_missing_keys(pairs: Iterable[tuple[Pair, int]]) -> None:
    """Make the keys that are not there, of so many bits each; generation runs outside the interpreter's lock."""
    missing = [(pair, bits) for pair, bits in pairs if not pair.key.exists()]
    with ThreadPoolExecutor(_THREADS) as threads:
        for made in [threads.submit(pair.make_key, bits) for pair, bits in missing]:
            made.result()


def write(path: Path, content: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """Put a file in its place at once and whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.nouveau")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
