"""Keys and certificates as files, so that a start that was killed goes on where it stopped.

A file is written beside its place and renamed into it. A new key first removes the certificate of the one before, and
so does a key that was put in another's place: a certificate that is there belongs to the key that is there.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pfcng.pki.keys import Credential, load_pem
from pfcng.sandbox.mistakes import SandboxError


class DamagedKeyError(SandboxError):
    """A key file was damaged."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"La clé {path} est illisible ou endommagée. Effacez ce fichier : le bac à sable refera la clé et ce "
            "qu’elle certifie."
        )


PUBLIC_MODE: Final = 0o644
PRIVATE_MODE: Final = 0o600
_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate and its key are kept, as PEM; the certificate may be followed by its chain."""

    certificate: Path
    key: Path

    def load_chain(self) -> tuple[x509.Certificate, ...]:
        """The certificate and what follows it; nothing when any of it cannot be read."""
        try:
            chain = x509.load_pem_x509_certificates(self.certificate.read_bytes())
            for certificate in chain:
                _ = (certificate.public_key(), certificate.subject, certificate.extensions)  # parsed only when asked
        except (FileNotFoundError, ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
            return ()
        return tuple(chain)

    def load_certificate(self) -> x509.Certificate | None:
        """The certificate, if there is one that can be read."""
        return next(iter(self.load_chain()), None)

    def load_key(self) -> rsa.RSAPrivateKey:
        """The key, which must be there; one that was checked needs no proof of its primes.

        Raises:
            DamagedKeyError: It is no RSA key in the clear.
        """
        try:
            key = load_pem_private_key(self.key.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise DamagedKeyError(self.key) from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise DamagedKeyError(self.key)
        return key

    def check_key(self) -> None:
        """See that the key is whole, and take away a certificate that is another key's.

        Raises:
            DamagedKeyError: It is not.
        """
        key = self.load_key()
        if not _is_whole(key.private_numbers()):
            raise DamagedKeyError(self.key)
        certificate = self.load_certificate()
        if certificate is not None and certificate.public_key() != key.public_key():
            self.certificate.unlink()

    def load(self) -> Credential:
        """Both, proven to belong together."""
        return load_pem(self.certificate, self.key)

    def store(self, certificate: x509.Certificate, *chain: x509.Certificate) -> None:
        """Write the certificate and what leads to its root."""
        content = b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, *chain))
        write(self.certificate, content)

    def make_key(self, bits: int, heading: bytes = b"") -> None:
        """Make the key; whatever certificate was there is not its. The heading comes before its PEM (RFC 7468 §2)."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.certificate.unlink(missing_ok=True)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(self.key, heading + pem, mode=PRIVATE_MODE)


def _is_whole(key: rsa.RSAPrivateNumbers) -> bool:
    """Whether its numbers agree (RFC 8017 §3.2).

    A signature would not tell: OpenSSL gets round damaged primes, where other libraries fail.
    """
    p, q, e = key.p, key.q, key.public_numbers.e
    return (
        p * q == key.public_numbers.n
        and (key.d % (p - 1), key.d % (q - 1)) == (key.dmp1, key.dmq1)
        and e * key.dmp1 % (p - 1) == e * key.dmq1 % (q - 1) == key.iqmp * q % p == 1
    )


def ensure_keys(pairs: Iterable[tuple[Pair, int, bytes]]) -> None:
    """Check the keys that are there and make the others, outside the interpreter's lock.

    Args:
        pairs: Each with the bits and the heading of its key.

    Raises:
        DamagedKeyError: One that is there is of no use.
    """
    with ThreadPoolExecutor(_THREADS) as threads:
        done = [
            threads.submit(pair.check_key) if pair.key.exists() else threads.submit(pair.make_key, bits, heading)
            for pair, bits, heading in pairs
        ]
        try:
            for one in done:
                one.result()
        except BaseException:
            threads.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the keys that were not begun
            raise


def write(path: Path, content: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """Put a file in its place at once and whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.nouveau")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
