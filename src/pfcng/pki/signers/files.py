"""Keys in files: PKCS#8, PEM, encrypted unless they are for a trial."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pfcng.pki.signers.sources import CredentialError, FileKey, read_private

_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A key's file, there or not."""

    source: FileKey

    def open(self, public_key: rsa.RSAPublicKey) -> rsa.RSAPrivateKey:  # noqa: ARG002 - a file says it itself
        """Read the key, once: decrypting it takes a while by design.

        Raises:
            CredentialError: unreadable, open to all, wrong password, not RSA.
        """
        return self._load()

    def find(self) -> rsa.RSAPrivateKey | None:
        """The key that is in the file, if there is one.

        Raises:
            CredentialError: as `open`.
        """
        return self._load() if self.source.path.exists() else None

    def make(self, bits: int) -> rsa.RSAPrivateKey:
        """Make a key and write it, whole and at once; a file that is there is never overwritten.

        Raises:
            CredentialError: the file is there, or cannot be written.
        """
        encryption: KeySerializationEncryption = NoEncryption()
        if self.source.password is not None:
            encryption = BestAvailableEncryption(self.source.password.read().encode())
        if self.source.path.exists():
            raise CredentialError(f"{self.source} existe déjà.")
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        try:
            _write_new(self.source.path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        except OSError as error:
            raise CredentialError(f"{self.source} ne peut pas être écrite : {error.strerror}.") from error
        return key

    def _load(self) -> rsa.RSAPrivateKey:
        password = None if self.source.password is None else self.source.password.read()
        content = read_private(self.source.path)
        try:
            key = parse_key(content, password)
        except CredentialError as error:
            raise CredentialError(f"{self.source.path} : {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise CredentialError(f"{self.source} n’est pas une clé RSA.")
        return key


def parse_key(content: bytes, password: str | None) -> PrivateKeyTypes:
    """Read a PEM key.

    Raises:
        CredentialError: unreadable, or a password that is wrong, missing or not needed.
    """
    secret = password.encode() if password else None
    try:
        # The check of the primes costs 45 ms (300 ms for 4096 bits); who loads a key proves it by using it.
        return load_pem_private_key(content, secret, unsafe_skip_rsa_key_validation=True)
    except TypeError as error:
        # cryptography's way to say that a password is missing, or that there is one for a clear key.
        reason = "est protégée par un mot de passe" if secret is None else "n’est pas protégée par un mot de passe"
        raise CredentialError(f"La clé privée {reason}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CredentialError("La clé privée est illisible ou son mot de passe est incorrect.") from error


def _write_new(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.nouveau")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.link(beside, path)  # unlike a rename, it refuses to replace
    beside.unlink()
