"""Certificates and keys from files: what is accepted, and what the user is told."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from pfcng.pki import names
from pfcng.pki.keys import from_pem, from_pkcs12, load_pem, load_pkcs12
from pfcng.pki.signers.sources import CredentialError

SECRET = "mot de passe très secret"  # noqa: S105 - of keys made in these tests
CLEAR = NoEncryption()


def certificate_of(key: rsa.RSAPrivateKey, text: str = "CN=essai,C=FR") -> x509.Certificate:
    name, now = names.parse(text), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def key_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.fixture(scope="session")
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_certificate_chain_and_key_are_read(tmp_path: Path, printed_key: rsa.RSAPrivateKey) -> None:
    """The first certificate of the file is the holder's."""
    own, above = certificate_of(printed_key), certificate_of(printed_key, "CN=autorite,C=FR")
    (tmp_path / "c.pem").write_bytes(pem(own, above))
    (tmp_path / "c.key").write_bytes(key_pem(printed_key, CLEAR))
    credential = load_pem(tmp_path / "c.pem", tmp_path / "c.key")
    assert (credential.certificate, credential.chain) == (own, (above,))
    assert credential.key.public_key() == printed_key.public_key()


def test_key_with_a_password_is_read(printed_key: rsa.RSAPrivateKey) -> None:
    """Guide §12: the key is made with -des3 and a password."""
    protected = key_pem(printed_key, BestAvailableEncryption(SECRET.encode()))
    assert from_pem(pem(certificate_of(printed_key)), protected, SECRET).chain == ()


def test_pkcs12_is_read(tmp_path: Path, printed_key: rsa.RSAPrivateKey) -> None:
    """Key, certificate and chain in one file."""
    own, above = certificate_of(printed_key), certificate_of(printed_key, "CN=autorite,C=FR")
    (tmp_path / "c.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"c", printed_key, own, [above], BestAvailableEncryption(SECRET.encode()))
    )
    credential = load_pkcs12(tmp_path / "c.p12", SECRET)
    assert (credential.certificate, credential.chain) == (own, (above,))


@pytest.mark.parametrize("password", [None, "faux"])
def test_wrong_password_is_told_without_repeating_it(printed_key: rsa.RSAPrivateKey, password: str | None) -> None:
    """The message is French and holds no secret."""
    protected = key_pem(printed_key, BestAvailableEncryption(SECRET.encode()))
    bag = pkcs12.serialize_key_and_certificates(
        b"c", printed_key, certificate_of(printed_key), None, BestAvailableEncryption(SECRET.encode())
    )
    with pytest.raises(CredentialError, match="mot de passe") as from_files:
        from_pem(pem(certificate_of(printed_key)), protected, password)
    with pytest.raises(CredentialError, match="mot de passe") as from_bag:
        from_pkcs12(bag, password)
    told = f"{from_files.value} {from_bag.value}"
    assert SECRET not in told
    assert "faux" not in told


def test_password_for_a_clear_key_is_told(printed_key: rsa.RSAPrivateKey) -> None:
    """Rather than ignored: the user thinks the key is protected."""
    with pytest.raises(CredentialError, match="n’est pas protégée"):
        from_pem(pem(certificate_of(printed_key)), key_pem(printed_key, CLEAR), SECRET)


def test_key_of_another_certificate_is_refused(printed_key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey) -> None:
    """The usual mistake, found before the first message."""
    with pytest.raises(CredentialError, match="ne correspond pas"):
        from_pem(pem(certificate_of(printed_key)), key_pem(other_key, CLEAR))


def test_damaged_key_is_refused(printed_key: rsa.RSAPrivateKey) -> None:
    """The numbers are not checked at loading, so the key is proven by a signature."""
    der = printed_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, CLEAR)
    numbers = printed_key.private_numbers()
    for number in (numbers.d, numbers.dmp1, numbers.dmq1):
        size = (number.bit_length() + 7) // 8
        der = der.replace(number.to_bytes(size, "big"), (number ^ 0xFF00).to_bytes(size, "big"))
    damaged = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END PRIVATE KEY-----\n"
    with pytest.raises(CredentialError, match="endommagée"):
        from_pem(pem(certificate_of(printed_key)), damaged)


def test_other_key_types_are_refused(printed_key: rsa.RSAPrivateKey) -> None:
    """Cards and products have RSA keys."""
    elliptic = key_pem(ec.generate_private_key(ec.SECP256R1()), CLEAR)
    with pytest.raises(CredentialError, match="RSA"):
        from_pem(pem(certificate_of(printed_key)), elliptic)


def test_what_is_no_credential_is_refused(tmp_path: Path, printed_key: rsa.RSAPrivateKey) -> None:
    """Missing file, other content, PKCS#12 without a key."""
    with pytest.raises(CredentialError, match="ne peut pas être lu"):
        load_pem(tmp_path / "absent.pem", tmp_path / "absent.key")
    with pytest.raises(CredentialError, match="certificat au format PEM"):
        from_pem(b"bonjour", key_pem(printed_key, CLEAR))
    with pytest.raises(CredentialError, match="illisible"):
        from_pem(pem(certificate_of(printed_key)), b"bonjour")
    empty = pkcs12.serialize_key_and_certificates(None, None, None, [certificate_of(printed_key)], CLEAR)
    with pytest.raises(CredentialError, match="ne contient pas une clé"):
        from_pkcs12(empty)


def test_key_is_not_printed(printed_key: rsa.RSAPrivateKey) -> None:
    """A credential in a log shows no key."""
    assert "key" not in repr(from_pem(pem(certificate_of(printed_key)), key_pem(printed_key, CLEAR)))
