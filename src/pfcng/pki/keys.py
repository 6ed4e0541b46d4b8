"""Private keys with the certificate they belong to: PEM files, PKCS#12, keys that are kept elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, by_common_name
from pfcng.pki.signers.files import parse_key
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import KeyUnavailable, is_key_of
from pfcng.pki.signers.sources import CredentialError, KeySource

log = structlog.get_logger()


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


def authority_of(certificate: x509.Certificate) -> AuthorityName:
    """Which authority of the IGC-Santé a certificate is that of.

    Raises:
        CredentialError: Of none.
    """
    common_name = names.first(certificate.subject, NameOID.COMMON_NAME) or ""
    try:
        return by_common_name(common_name)
    except KeyError:
        raise CredentialError(f"« {common_name} » n’est pas une autorité de l’IGC-Santé.") from None


def load_certificates(path: Path) -> list[x509.Certificate]:
    """Read the certificates of a PEM file.

    Raises:
        CredentialError: It has none.
        OSError: It cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        raise CredentialError(f"Le fichier {path} n’a pas de certificat au format PEM.") from None


def load_pem(certificate: Path, key: Path, password: str | None = None) -> Credential:
    """Read a certificate, first of its file, with the chain that may follow, and its key.

    Raises:
        CredentialError: unreadable file, wrong password, key of another certificate, not RSA.
    """
    return from_pem(_read(certificate), _read(key), password)


def load_kept(certificate: Path, source: KeySource, keyring: Keyring) -> Credential:
    """Read a certificate, with the chain that may follow, whose key is wherever its description says.

    A key that cannot be reached is no error: it says so when it is asked to sign, and proves itself first when it is
    back.

    Raises:
        CredentialError: as `load_pem`; also a key that was reached and is another one.
    """
    own, *chain = _certificates(_read(certificate))
    public_key = own.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise CredentialError("La clé privée n’est pas une clé RSA.")
    key = keyring.at(source).open(public_key)
    try:
        _checked_key(key, own)
    except KeyUnavailable as error:
        log.warning("cle.indisponible", raison=str(error))
    return Credential(certificate=own, chain=tuple(chain), key=key)


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
    certificate, *chain = _certificates(certificates)
    private_key = _checked_key(parse_key(key, password), certificate)
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


def _certificates(content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise CredentialError("Le fichier ne contient pas de certificat au format PEM.") from error


def _checked_key(key: PrivateKeyTypes, certificate: x509.Certificate) -> rsa.RSAPrivateKey:
    """Prove that the key is the certificate's: same public numbers, and a signature that verifies."""
    public_key = certificate.public_key()
    if not isinstance(key, rsa.RSAPrivateKey) or not isinstance(public_key, rsa.RSAPublicKey):
        raise CredentialError("La clé privée n’est pas une clé RSA.")
    if key.public_key().public_numbers() != public_key.public_numbers():
        raise CredentialError("La clé privée ne correspond pas au certificat.")
    if not is_key_of(key, public_key):
        raise CredentialError("La clé privée est endommagée, ou c’est une autre clé qui signe sous son nom.")
    return key
