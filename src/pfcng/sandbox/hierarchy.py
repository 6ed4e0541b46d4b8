"""The sandbox's authorities: their certificates and CRLs, shaped like the real ones but for ``OU=EMULATEUR``."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.igc.builder import distribution_points, policies
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import EMULATEUR, AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.products import key_usage
from pfcng.pki.trust import key_identifier

AGE: Final = timedelta(days=5 * 365)
"""Authorities are made this old, so that an expired card is not older than who issued it."""
VALIDITY: Final = timedelta(days=20 * 365)
CRL_VALIDITY: Final = timedelta(days=365)
"""Long: nobody publishes while the sandbox is stopped."""
_SERIAL_PREFIX: Final = 0x1120
_ANY_POLICY: Final = x509.ObjectIdentifier("2.5.29.32.0")


def ca_extensions(
    name: AuthorityName, public_key: rsa.RSAPublicKey, issuer_key: bytes, urls: PublicationUrls
) -> list[x509.ExtensionType]:
    """The extensions of an authority's certificate, in the real order; the first two are critical.

    Args:
        name: The authority.
        public_key: Its key.
        issuer_key: Subject key identifier of its root, or its own for a root.
        urls: Where its root publishes.
    """
    crls = [] if name.is_root else [distribution_points(urls.crl(name.root), urls.directory_root_crl(name.root))]
    return [
        x509.BasicConstraints(ca=True, path_length=None if name.is_root else 0),
        key_usage("key_cert_sign", "crl_sign"),
        policies(_ANY_POLICY, urls.policies(name)),
        *crls,
        x509.SubjectKeyIdentifier.from_public_key(public_key),
        x509.AuthorityKeyIdentifier(issuer_key, None, None),
    ]


def make_authority(
    name: AuthorityName, key: rsa.RSAPrivateKey, root: Credential | None, *, urls: PublicationUrls, now: datetime
) -> x509.Certificate:
    """The certificate of a root (``root`` is None) or of an authority below it."""
    public_key = key.public_key()
    own_key = x509.SubjectKeyIdentifier.from_public_key(public_key).digest
    first = (now - AGE).replace(microsecond=0)
    subject = name.distinguished_name(EMULATEUR)
    builder = x509.CertificateBuilder(
        issuer_name=root.certificate.subject if root else subject,
        subject_name=subject,
        public_key=public_key,
        serial_number=(_SERIAL_PREFIX << 128) | secrets.randbits(128),
        not_valid_before=first,
        not_valid_after=first + VALIDITY,
    )
    issuer_key = key_identifier(root.certificate) if root else own_key
    for extension in ca_extensions(name, public_key, issuer_key, urls):
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(root.key if root else key, hashes.SHA256())


def make_crl(
    issuer: Credential, revoked: Iterable[x509.Certificate], *, is_root: bool, now: datetime
) -> x509.CertificateRevocationList:
    """The CRL of an authority, its entries without extensions; a root writes its extensions in the other order."""
    now = now.replace(microsecond=0)
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.certificate.subject, last_update=now, next_update=now + CRL_VALIDITY
    )
    # The clock makes the number: it grows from one start to the next even when the file is lost.
    number = x509.CRLNumber(int(now.timestamp()))
    authority = x509.AuthorityKeyIdentifier(key_identifier(issuer.certificate), None, None)
    for extension in (number, authority) if is_root else (authority, number):
        builder = builder.add_extension(extension, critical=False)
    for certificate in revoked:
        entry = x509.RevokedCertificateBuilder(certificate.serial_number, certificate.not_valid_before_utc)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256())
