"""The files of a certificate in every form that programs want, and the stable names that lead to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from pfcng.client.files import point_to, replace_whole
from pfcng.pki import names


@dataclass(frozen=True, slots=True)
class Form:
    """One of the files of a certificate."""

    stable: str
    prefix: str
    suffix: str

    def name(self, radical: str) -> str:
        """The file's name for one certificate."""
        return f"asip-{self.prefix}-{radical}.{self.suffix}"


CLE: Final = Form("cle.pem", "cle", "pem")
CERTIFICAT: Final = Form("certificat.pem", "certificat", "pem")
CHAINE: Final = Form("chaine.pem", "chaine", "pem")
CHAINE_COMPLETE: Final = Form("chaine-complete.pem", "chaine-complete", "pem")
P12: Final = Form("certificat.p12", "p12", "p12")
P12_ANCIEN: Final = Form("certificat-ancien.p12", "p12-ancien", "p12")
FORMS: Final = (CLE, CERTIFICAT, CHAINE, CHAINE_COMPLETE, P12, P12_ANCIEN)
"""All of them; the last one on request."""

_ROUNDS: Final = 100_000
_OLD_ROUNDS: Final = 2048
"""What the platform's own files have."""


def read_key(folder: Path, radical: str) -> rsa.RSAPrivateKey:
    """The private key of a certificate of the folder.

    Raises:
        OSError: There is none.
        ValueError: It is not a key.
    """
    key = load_pem_private_key((folder / CLE.name(radical)).read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")  # noqa: TRY004 - of the file's content, not of an argument
    return key


def read_certificate(folder: Path, radical: str) -> x509.Certificate:
    """A certificate of the folder.

    Raises:
        OSError: There is none.
        ValueError: It is not a certificate.
    """
    return x509.load_pem_x509_certificate((folder / CERTIFICAT.name(radical)).read_bytes())


def write_forms(folder: Path, radical: str, chain: Sequence[x509.Certificate], password: str, *, ancien: bool) -> None:
    """Make every other file out of the key, the certificate and its chain; done again, it makes them again.

    Args:
        folder: Where the key and the certificate are.
        radical: Names the certificate.
        chain: Its authority, then up to the root.
        password: Of the PKCS#12 files.
        ancien: Whether to make the one for old programs.

    Raises:
        OSError: A file cannot be read or written.
    """
    key, certificate = read_key(folder, radical), read_certificate(folder, radical)
    issuers = [one for one in chain if one.subject != one.issuer]
    contents = {CHAINE: _pem(chain), CHAINE_COMPLETE: _pem([certificate, *issuers])}
    contents[P12] = _pkcs12(key, certificate, chain, _encryption(password))
    if ancien:
        contents[P12_ANCIEN] = _pkcs12(key, certificate, chain, _old_encryption(password))
    for form, content in contents.items():
        replace_whole(folder / form.name(radical), content)


def put_in_service(folder: Path, radical: str) -> None:
    """Make the stable names lead to the files of a certificate.

    Raises:
        OSError: A name cannot be written.
    """
    for form in FORMS:
        if (folder / form.name(radical)).exists():
            point_to(folder / form.stable, form.name(radical))


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _pkcs12(
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    encryption: KeySerializationEncryption,
) -> bytes:
    name = names.first(certificate.subject, NameOID.COMMON_NAME) or "certificat"
    return pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, chain, encryption)


def _encryption(password: str) -> KeySerializationEncryption:
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode())
    )


def _old_encryption(password: str) -> KeySerializationEncryption:
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_OLD_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - what old programs read is what this form is for
        .build(password.encode())
    )
