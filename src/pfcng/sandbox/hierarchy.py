"""The sandbox's authorities: their certificates and CRLs, shaped like the real ones but for ``OU=EMULATEUR``."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.igc.hierarchy import AuthorityPlan, authority_serial, certify
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import EMULATEUR, AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.trust import key_identifier

AGE: Final = timedelta(days=5 * 365)
"""Authorities are made this old, so that an expired card is not older than who issued it."""
VALIDITY: Final = timedelta(days=20 * 365)
CRL_VALIDITY: Final = timedelta(days=365)
"""Long: nobody publishes while the sandbox is stopped."""


def make_authority(
    name: AuthorityName, key: rsa.RSAPrivateKey, root: Credential | None, *, urls: PublicationUrls, now: datetime
) -> x509.Certificate:
    """The certificate of a root (``root`` is None) or of an authority below it."""
    first = (now - AGE).replace(microsecond=0)
    plan = AuthorityPlan(
        name=name,
        markers=(EMULATEUR,),
        serial=authority_serial(),
        not_before=first,
        not_after=first + VALIDITY,
        urls=urls,
    )
    return certify(plan, key.public_key(), root or key)


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
