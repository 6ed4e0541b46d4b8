"""What the certificate of an authority, that of its OCSP responder and its CRL must say."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import UniformResourceIdentifier as Uri
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku, ExtensionOID

from pfcng.igc.lint import (
    SHA256_WITH_RSA,
    UNREADABLE,
    Findings,
    GuardedKey,
    UnfitToSign,
    check_dates,
    check_extensions,
    check_head,
    check_issuer,
    check_key,
    content,
    extended_usages,
    key_usages,
    parse_certificate,
    points,
    value,
    wrap,
)
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AuthorityName
from pfcng.pki.trust import key_identifier

_OCTETS: Final = 19
"""Of an authority's serial number: 1120 and 16 random ones, as the real ones."""
_ANY_POLICY: Final = "2.5.29.32.0"
_RESPONDER_LIFE: Final = timedelta(days=31)
_CRITICAL: Final = [ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE]
_CRL_V2: Final = bytes.fromhex("020101")


def guarded(
    key: rsa.RSAPrivateKey,
    *,
    name: AuthorityName,
    subject: x509.Name,
    public_key: rsa.RSAPublicKey,
    serial: int,
    dates: tuple[datetime, datetime],
    urls: PublicationUrls,
    root: x509.Certificate | None,
) -> GuardedKey:
    """The root's key, for that authority's certificate and no other.

    Args:
        key: Signs.
        name: The authority.
        subject: Its name.
        public_key: Its key.
        serial: The one that was reserved.
        dates: First and last second.
        urls: Where its root publishes.
        root: Its root; None for a root.
    """

    def check(tbs: bytes) -> list[str]:
        try:
            certificate = parse_certificate(tbs)
        except UnfitToSign as error:
            return list(error.findings)
        return [
            *check_head(tbs, serial, octets=_OCTETS),
            *check_issuer(certificate, root or certificate),
            *check_dates(certificate, *dates),
            *check_key(certificate, public_key),
            *check_extensions(certificate, _expected_extensions(is_root=root is None), _CRITICAL),
            *_authority(certificate, name, subject, urls),
        ]

    return GuardedKey(key, check)


def guarded_for_responder(
    key: rsa.RSAPrivateKey, *, issuer: x509.Certificate, public_key: rsa.RSAPublicKey, serial: int
) -> GuardedKey:
    """The authority's key, for the certificate of its OCSP responder (RFC 6960 §4.2.2.2)."""
    return GuardedKey(key, partial(_lint_responder, issuer=issuer, public_key=public_key, serial=serial))


def guarded_for_crl(
    key: rsa.RSAPrivateKey,
    *,
    issuer: x509.Certificate,
    number: int,
    dates: tuple[datetime, datetime],
    base: int | None = None,
    count: int = 0,
) -> GuardedKey:
    """The authority's key, for one CRL.

    Args:
        key: Signs.
        issuer: The authority's certificate.
        number: Of the CRL.
        dates: thisUpdate and nextUpdate.
        base: Number of the complete CRL below a delta.
        count: How many entries it has.
    """
    return GuardedKey(key, partial(lint_crl, issuer=issuer, number=number, dates=dates, base=base, count=count))


def lint_crl(
    tbs: bytes,
    *,
    issuer: x509.Certificate,
    number: int,
    dates: tuple[datetime, datetime],
    base: int | None = None,
    count: int = 0,
) -> list[str]:
    """What is wrong with a CRL: its frame, the shape and the number of its entries (0.2 s for a million).

    What each entry says is not held against the tables, which it was read from a moment ago.
    """
    try:
        crl = x509.load_der_x509_crl(wrap(tbs))
        _ = (crl.issuer, crl.extensions, len(crl))
    except UNREADABLE as error:
        return [f"no CRL: {error}"]
    return list(_crl(tbs, crl, issuer=issuer, number=number, dates=dates, base=base, count=count))


def _crl(
    tbs: bytes,
    crl: x509.CertificateRevocationList,
    *,
    issuer: x509.Certificate,
    number: int,
    dates: tuple[datetime, datetime],
    base: int | None,
    count: int,
) -> Findings:
    if not content(tbs).startswith(_CRL_V2 + SHA256_WITH_RSA):
        yield "the version or the algorithm is another"
    if crl.issuer.public_bytes() != issuer.subject.public_bytes():
        yield "the issuer is another"
    if (crl.last_update_utc, crl.next_update_utc) != dates or dates[0] >= dates[1]:
        yield "the dates are others"
    if len(crl) != count:
        yield "the number of entries is another"
    found = {extension.oid: (extension.value, extension.critical) for extension in crl.extensions}
    expected: dict[x509.ObjectIdentifier, tuple[x509.ExtensionType, bool]] = {
        ExtensionOID.CRL_NUMBER: (x509.CRLNumber(number), False),
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER: (x509.AuthorityKeyIdentifier(key_identifier(issuer), None, None), False),
    }
    if base is not None:
        expected[ExtensionOID.DELTA_CRL_INDICATOR] = (x509.DeltaCRLIndicator(base), True)
        if base >= number:
            yield "a delta is not newer than its base"
    if found != expected:
        yield "the extensions are others"


def _expected_extensions(*, is_root: bool) -> list[x509.ObjectIdentifier]:
    return [
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        *([] if is_root else [ExtensionOID.CRL_DISTRIBUTION_POINTS]),
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ]


def _authority(
    certificate: x509.Certificate, name: AuthorityName, subject: x509.Name, urls: PublicationUrls
) -> Findings:
    if certificate.subject.public_bytes() != subject.public_bytes():
        yield "the subject is another"
    if name.is_root != (certificate.subject == certificate.issuer):
        yield "the issuer is not what the name asks for"
    if value(certificate, x509.BasicConstraints) != x509.BasicConstraints(
        ca=True, path_length=None if name.is_root else 0
    ):
        yield "the basic constraints are others"
    if key_usages(certificate) != {"key_cert_sign", "crl_sign"}:
        yield "the key usages are others"
    policies = [
        (one.policy_identifier.dotted_string, one.policy_qualifiers)
        for one in value(certificate, x509.CertificatePolicies) or ()
    ]
    if policies != [(_ANY_POLICY, [urls.policies(name)])]:
        yield "the policy is another"
    crls = [[Uri(urls.crl(name.root))], [Uri(urls.directory_root_crl(name.root))]]
    if not name.is_root and points(value(certificate, x509.CRLDistributionPoints)) != crls:
        yield "the CRL's addresses are others"


def _lint_responder(tbs: bytes, *, issuer: x509.Certificate, public_key: rsa.RSAPublicKey, serial: int) -> list[str]:
    try:
        certificate = parse_certificate(tbs)
    except UnfitToSign as error:
        return list(error.findings)
    checks: tuple[Callable[[], Findings], ...] = (
        lambda: check_head(tbs, serial),
        lambda: check_issuer(certificate, issuer),
        lambda: check_key(certificate, public_key),
        lambda: _responder(certificate, issuer),
    )
    return [finding for check in checks for finding in check()]


def _responder(certificate: x509.Certificate, issuer: x509.Certificate) -> Findings:
    if certificate.subject == issuer.subject:
        yield "the responder has the authority's name"
    if extended_usages(certificate) != [Eku.OCSP_SIGNING] or key_usages(certificate) != {"digital_signature"}:
        yield "it may do something else than sign OCSP answers"
    if value(certificate, x509.OCSPNoCheck) is None:
        yield "its own revocation would be asked for"
    if getattr(value(certificate, x509.BasicConstraints), "ca", False):
        yield "the basic constraints are an authority's"
    if certificate.not_valid_after_utc - certificate.not_valid_before_utc > _RESPONDER_LIFE:
        yield "it lives too long for a certificate that cannot be revoked"
