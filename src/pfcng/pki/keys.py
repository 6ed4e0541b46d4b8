"""Private keys with the certificate they belong to: PEM files, PKCS#12."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from pfcng.pki.signers.sources import CredentialError

_PROOF: Final = b"pfcng: this key belongs to this certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate and its RSA private key.

    Attributes:
        certificate: The holder's certificate.
        chain: Further certificates of the file, in its order; may be empty.
        key: The private key of `certificate`.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: rsa.RSAPrivateKey = field(repr=False)


def load_pem(certificate: Path, key: Path, password: str | None = None) -> Credential:
    """Read a certificate, first of its file, with the chain that may follow, and its key.

    Raises:
        CredentialError: unreadable file, wrong password, key of another certificate, not RSA.
    """
    return from_pem(_read(certificate), _read(key), password)


def load_pkcs12(path: Path, password: str | None = None) -> Credential:
    """Read a PKCS#12 file.

    Raises:
        CredentialError: as `load_pem`; also a file without a key or without its certificate.
    """
    return from_pkcs12(_read(path), password)


def from_pem(certificates: bytes, key: bytes, password: str | None = None) -> Credential:
    """As `load_pem`, from the contents of the files.

    Raises:
        CredentialError: as `load_pem`.
    """
    try:
        certificate, *chain = x509.load_pem_x509_certificates(certificates)
    except ValueError as error:
        raise CredentialError("Le fichier ne contient pas de certificat au format PEM.") from error
    private_key = _checked_key(_load_key(key, password), certificate)
    return Credential(certificate=certificate, chain=tuple(chain), key=private_key)


def from_pkcs12(content: bytes, password: str | None = None) -> Credential:
    """As `load_pkcs12`, from the content of the file.

    Raises:
        CredentialError: as `load_pkcs12`.
    """
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(content, password.encode() if password else None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CredentialError("Le fichier PKCS#12 est illisible ou son mot de passe est incorrect.") from error
    if key is None or certificate is None:
        raise CredentialError("Le fichier PKCS#12 ne contient pas une clé privée et son certificat.")
    return Credential(certificate=certificate, chain=tuple(chain), key=_checked_key(key, certificate))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialError(f"Le fichier {path} ne peut pas être lu : {error.strerror}.") from error


def _load_key(content: bytes, password: str | None) -> PrivateKeyTypes:
    secret = password.encode() if password else None
    try:
        # The check of the primes costs 45 ms; `_checked_key` proves the key by using it.
        return load_pem_private_key(content, secret, unsafe_skip_rsa_key_validation=True)
    except TypeError as error:
        # cryptography's way to say that a password is missing, or that there is one for a clear key.
        reason = "est protégée par un mot de passe" if secret is None else "n’est pas protégée par un mot de passe"
        raise CredentialError(f"La clé privée {reason}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CredentialError("La clé privée est illisible ou son mot de passe est incorrect.") from error


def _checked_key(key: PrivateKeyTypes, certificate: x509.Certificate) -> rsa.RSAPrivateKey:
    """Prove that the key is the certificate's: same public numbers, and a signature that verifies."""
    public_key = certificate.public_key()
    if not isinstance(key, rsa.RSAPrivateKey) or not isinstance(public_key, rsa.RSAPublicKey):
        raise CredentialError("La clé privée n’est pas une clé RSA.")
    if key.public_key().public_numbers() != public_key.public_numbers():
        raise CredentialError("La clé privée ne correspond pas au certificat.")
    try:
        signature = key.sign(_PROOF, padding.PKCS1v15(), hashes.SHA256())
        public_key.verify(signature, _PROOF, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise CredentialError("La clé privée est endommagée.") from error
    return key
