"""The smallest hierarchy in which a person signs: two roots, one authority for persons, one for organisations.

The names are those of the IGC-Santé with ``OU=EMULATEUR``; keys and certificates are made on the spot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pfcng.contract.catalogue import Environment
from pfcng.pki.authorities import EMULATEUR, AuthorityName, Gamme, Population, find
from pfcng.pki.trust import TrustStore

NOW: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_YEARS: Final = timedelta(days=3 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalPki:
    """A trust store and who is, or is not, believed by it at `NOW`.

    Attributes:
        trust: Believes the two authorities.
        now: The instant at which it does.
        authority: The authority for persons.
        root: Its root.
        signer: A person's signature card: the one that is believed.
        authentication: The same person's authentication certificate (digitalSignature).
        expired: The same person's card of former years.
        revoked: On the CRL.
        organisation: A signature certificate of the authority for organisations.
        stranger: A card with the signer's name, its own key, and an issuer that only bears the authority's name.
    """

    trust: TrustStore
    now: datetime
    authority: Card
    root: Card
    signer: Card
    authentication: Card
    expired: Card
    revoked: Card
    organisation: Card
    stranger: Card


def make_minimal_pki() -> MinimalPki:
    """Make everything anew; takes the time of six RSA keys."""
    signer_key, stranger_key, root_key = _key(), _key(), _key()
    persons = find(Environment.TEST, Gamme.STANDARD, Population.PERSONNES)
    organisations = find(Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS)
    root, authority = _hierarchy(persons, root_key, _key())
    other_root, other_authority = _hierarchy(organisations, root_key, _key())
    _, impostor = _hierarchy(persons, stranger_key, _key())
    revoked = holder(authority, signer_key)
    return MinimalPki(
        trust=TrustStore.load(
            [root.certificate, other_root.certificate],
            [authority.certificate, other_authority.certificate],
            [_crl(authority, [revoked]), _crl(other_authority, [])],
            now=NOW,
            crl_grace=timedelta(hours=24),
        ),
        now=NOW,
        authority=authority,
        root=root,
        signer=holder(authority, signer_key),
        authentication=holder(authority, signer_key, content_commitment=False),
        expired=holder(authority, signer_key, not_before=NOW - 2 * _YEARS),
        revoked=revoked,
        organisation=holder(other_authority, signer_key),
        stranger=holder(impostor, stranger_key),
    )


def holder(
    issuer: Card, key: rsa.RSAPrivateKey, *, content_commitment: bool = True, not_before: datetime | None = None
) -> Card:
    """A certificate for a key; its keyUsage is contentCommitment alone, or digitalSignature, to authenticate."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, "899700000001"),
        ]
    )
    builder = _builder(name, key, issuer.certificate.subject, not_before or NOW - timedelta(days=30))
    builder = builder.add_extension(_key_usage(content_commitment=content_commitment, ca=False), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
    if not content_commitment:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return _signed(builder, key, issuer)


def _hierarchy(
    authority: AuthorityName, root_key: rsa.RSAPrivateKey, authority_key: rsa.RSAPrivateKey
) -> tuple[Card, Card]:
    root = _authority(authority.root, root_key, None)
    return root, _authority(authority, authority_key, root)


def _authority(name: AuthorityName, key: rsa.RSAPrivateKey, issuer: Card | None) -> Card:
    subject = name.distinguished_name(EMULATEUR)
    issuer_name = issuer.certificate.subject if issuer else subject
    builder = _builder(subject, key, issuer_name, NOW - timedelta(days=365))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(content_commitment=False, ca=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return _signed(builder, key, issuer)


def _builder(
    subject: x509.Name, key: rsa.RSAPrivateKey, issuer: x509.Name, not_before: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + _YEARS)
    )


def _signed(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey, issuer: Card | None) -> Card:
    issuer_key = issuer.key if issuer else key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(issuer_key, hashes.SHA256())
    return Card(certificate=certificate, key=key)


def _crl(authority: Card, revoked: Sequence[Card]) -> x509.CertificateRevocationList:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(NOW - timedelta(hours=1))
        .next_update(NOW + timedelta(days=6))
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for card in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(card.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW - timedelta(days=1)).build())
    return builder.sign(authority.key, hashes.SHA256())


def crl_of(authority: Card, revoked: Sequence[Card]) -> bytes:
    """A CRL of an authority of this hierarchy, DER."""
    return _crl(authority, revoked).public_bytes(Encoding.DER)


def _key_usage(*, content_commitment: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not (content_commitment or ca),
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
