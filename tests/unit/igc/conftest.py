"""Keys and issuers of the profile tests."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.pki.authorities import AUTHORITIES, AuthorityName, Gamme


@pytest.fixture(scope="session")
def holder_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def issuer_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def issuers(issuer_key: rsa.RSAPrivateKey) -> Mapping[AuthorityName, x509.Certificate]:
    """The four authorities that sign products, with the real ones' names."""
    return {name: _issuer(name, issuer_key) for name in AUTHORITIES if name.gamme is Gamme.ELEMENTAIRE}


def _issuer(name: AuthorityName, key: rsa.RSAPrivateKey) -> x509.Certificate:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name.distinguished_name())
        .issuer_name(name.root.distinguished_name())
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2013, 6, 25, tzinfo=UTC))
        .not_valid_after(datetime(2060, 6, 24, tzinfo=UTC))
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
