"""What every holder's certificate of the IGC-Santé has in common, and the order of its extensions.

The profiles say what changes: subject, usages, policy. The order is that of the certificates made since 2023: extended
key usage, authority key, authority access, policy, [usage period], [alternative names], CRLs, subject key, delta CRL,
key usage, private extensions, basic constraints.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID

from pfcng.igc import der
from pfcng.igc.der import OCTET_STRING, PRINTABLE_STRING, SEQUENCE, UTF8_STRING, tlv
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AuthorityName
from pfcng.pki.private_extensions import PRODUCT_CATEGORY, UPN
from pfcng.pki.products import Usages
from pfcng.pki.trust import key_identifier

VALIDITY_YEARS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What tells one certificate from another.

    Attributes:
        authority: Who signs it.
        subject: In DER order.
        spki: SubjectPublicKeyInfo, DER.
        policy: The one certificate policy.
        names: subjectAltName; empty for none.
        category: Byte of the product category (TRE_G01).
        private: Further private extensions (type, DER), in order.
    """

    authority: AuthorityName
    subject: x509.Name
    spki: bytes
    usages: Usages
    policy: x509.ObjectIdentifier
    names: tuple[x509.GeneralName, ...]
    category: int
    private: tuple[tuple[x509.ObjectIdentifier, bytes], ...] = ()


def not_after(not_before: datetime) -> datetime:
    """The last second of a validity of three years by the calendar; it is inside the validity.

    From a 29 February it is the 28 February three years later, so that no validity is longer than three years.
    """
    try:
        return not_before.replace(year=not_before.year + VALIDITY_YEARS)
    except ValueError:
        return not_before.replace(year=not_before.year + VALIDITY_YEARS, day=28)


def build(
    holder: Holder, *, issuer: x509.Certificate, serial: int, not_before: datetime, urls: PublicationUrls
) -> x509.CertificateBuilder:
    """The certificate, ready to be signed; the same arguments give the same bytes.

    Args:
        holder: What the certificate says of its holder.
        issuer: The authority's certificate.
        serial: Positive, at most 159 bits.
        not_before: Aware; whole seconds.
        urls: Where the authority publishes.

    Raises:
        ValueError: the key is not an RSA one, or the serial is out of its bounds.
    """
    not_before = not_before.astimezone(UTC).replace(microsecond=0)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.subject,
        subject_name=holder.subject,
        public_key=_public_key(holder),
        serial_number=serial,
        not_valid_before=not_before,
        not_valid_after=not_after(not_before),
    )
    for extension in extensions(holder, issuer=issuer, not_before=not_before, urls=urls):
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.KeyUsage))
    return builder


def extensions(
    holder: Holder, *, issuer: x509.Certificate, not_before: datetime, urls: PublicationUrls
) -> list[x509.ExtensionType]:
    """The extensions of the certificate, in their order; keyUsage is the one critical."""
    usages = holder.usages
    access, crls, delta_crl = _published(holder.authority, urls)
    period = [_period(not_before)] if usages.has_period else []
    return [
        x509.ExtendedKeyUsage(usages.extended),
        x509.AuthorityKeyIdentifier(key_identifier(issuer), None, None),
        access,
        policies(holder.policy, urls.policies(holder.authority)),
        *period,
        *([x509.SubjectAlternativeName(holder.names)] if holder.names else []),
        crls,
        x509.SubjectKeyIdentifier.from_public_key(_public_key(holder)),
        delta_crl,
        usages.key,
        x509.UnrecognizedExtension(PRODUCT_CATEGORY, tlv(OCTET_STRING, bytes([holder.category]))),
        *(x509.UnrecognizedExtension(oid, value) for oid, value in holder.private),
        x509.BasicConstraints(ca=False, path_length=None),
    ]


def policies(policy: x509.ObjectIdentifier, cps: str) -> x509.CertificatePolicies:
    """One policy with the place of its text."""
    return x509.CertificatePolicies([x509.PolicyInformation(policy, [cps])])


def distribution_points(*urls: str) -> x509.CRLDistributionPoints:
    """One distribution point for each URL."""
    return x509.CRLDistributionPoints([_point(url) for url in urls])


def upn_name(upn: str) -> x509.OtherName:
    """A user principal name, as smart card logon reads it."""
    return x509.OtherName(UPN, tlv(UTF8_STRING, upn.encode()))


def integer(value: int) -> bytes:
    """DER of a non-negative INTEGER."""
    return der.integer(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def printable_string(value: str) -> bytes:
    """DER of a PrintableString."""
    return tlv(PRINTABLE_STRING, value.encode("ascii"))


def utf8_strings(values: tuple[str, ...]) -> bytes:
    """DER of a SEQUENCE OF UTF8String."""
    return tlv(SEQUENCE, b"".join(tlv(UTF8_STRING, value.encode()) for value in values))


def _period(not_before: datetime) -> x509.PrivateKeyUsagePeriod:
    """The whole validity; cryptography reads this extension back without time zone, so it is written so."""
    first = not_before.astimezone(UTC).replace(tzinfo=None)
    return x509.PrivateKeyUsagePeriod(first, not_after(first))


def _public_key(holder: Holder) -> rsa.RSAPublicKey:
    public_key = load_der_public_key(holder.spki)
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise ValueError("the IGC-Santé certifies RSA keys")  # noqa: TRY004 - a value asked for, not a programming error
    return public_key


def _point(url: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)


@lru_cache(maxsize=64)
def _published(
    authority: AuthorityName, urls: PublicationUrls
) -> tuple[x509.AuthorityInformationAccess, x509.CRLDistributionPoints, x509.FreshestCRL]:
    """What points to the authority's publications: the same in every certificate that it signs."""
    return (
        _authority_access(authority, urls),
        distribution_points(urls.crl(authority), urls.directory_crl(authority)),
        x509.FreshestCRL([_point(urls.directory_delta_crl(authority))]),
    )


def _authority_access(authority: AuthorityName, urls: PublicationUrls) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(urls.ocsp)),
            x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(urls.issuer(authority))
            ),
        ]
    )
