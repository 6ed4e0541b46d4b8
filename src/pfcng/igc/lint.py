"""The last look before a signature: the very bytes to be signed, parsed back and held against what they should say.

What a certificate should say is told here a second time, from the request and by the rules of the guide, without the
builder and the profiles: a fault there, or in what was stored, shows as a difference. What differs is not signed.
Source: guide §7.1, §14.1 table 11; RFC 5280 §4; docs/igc.md, "Keys".
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding as paddings, rsa, utils

from pfcng.igc.builder import integer
from pfcng.pki.signers.outside import SigningKey

KEY_SIZES: Final = (2048, 3072, 4096)
MIN_EXPONENT: Final = 65537
SHA256_WITH_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the parser raises at bytes that are not what they should be."""
_V3: Final = bytes.fromhex("a003020102")
_KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)

Findings = Iterator[str]
"""What is wrong, an English phrase each, for the log."""


class UnfitToSign(Exception):
    """What was to be signed is not what it should be; it was not signed."""

    def __init__(self, findings: Iterable[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(self.findings))


class GuardedKey(SigningKey):
    """An authority's key that looks at what it signs.

    Args:
        key: Signs.
        check: From the bytes to be signed to what is wrong with them.
    """

    def __init__(self, key: rsa.RSAPrivateKey, check: Callable[[bytes], Iterable[str]]) -> None:
        super().__init__(key.public_key())
        self._key = key
        self._check = check

    def sign(self, data: Any, padding: paddings.AsymmetricPadding, algorithm: Any) -> bytes:
        """Sign what passes.

        Raises:
            UnfitToSign: something is wrong with it.
            KeyUnavailable: the key cannot sign now.
        """
        if isinstance(algorithm, utils.Prehashed):
            raise UnsupportedAlgorithm("a digest cannot be looked at")
        tbs = bytes(data)
        if findings := tuple(self._check(tbs)):
            raise UnfitToSign(findings)
        return self._key.sign(tbs, padding, algorithm)


def parse_certificate(tbs: bytes) -> x509.Certificate:
    """The certificate that would be, with an empty signature.

    Raises:
        UnfitToSign: the bytes are no certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(wrap(tbs))
        _ = (certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key())
    except UNREADABLE as error:
        raise UnfitToSign([f"no certificate: {error}"]) from error
    return certificate


def wrap(tbs: bytes) -> bytes:
    """The bytes to be signed, an algorithm and an empty signature: what parsers read."""
    content = tbs + SHA256_WITH_RSA + b"\x03\x01\x00"
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([0x30, 0x80 | len(length)]) + length + content if len(content) > 0x7F else b"\x30" + length + content


def check_head(tbs: bytes, serial: int, *, octets: int = 16) -> Findings:
    """Version, serial number and algorithm, to the byte.

    Args:
        tbs: To be signed.
        serial: The one that was reserved.
        octets: How many the serial may have, its first bit clear.
    """
    if not 0 < serial < 1 << (8 * octets - 1):
        yield "the serial number is not positive or too long"
        return
    if not content(tbs).startswith(_V3 + integer(serial) + SHA256_WITH_RSA):
        yield "the version, the serial number or the algorithm is another"


def check_issuer(certificate: x509.Certificate, issuer: x509.Certificate) -> Findings:
    """Its name to the byte, its key, and a validity that is inside its own."""
    if certificate.issuer.public_bytes() != issuer.subject.public_bytes():
        yield "the issuer is another"
    own = value(issuer, x509.SubjectKeyIdentifier)
    if own is None or value(certificate, x509.AuthorityKeyIdentifier) != x509.AuthorityKeyIdentifier(
        own.digest, None, None
    ):
        yield "the authority key identifier is not the issuer's"
    if certificate.not_valid_before_utc < issuer.not_valid_before_utc:
        yield "it begins before its issuer"
    if certificate.not_valid_after_utc > issuer.not_valid_after_utc:
        yield "it ends after its issuer"


def check_key(certificate: x509.Certificate, asked: object) -> Findings:
    """The key that was asked for, of a size that the IGC-Santé certifies, and its identifier."""
    public_key = certificate.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        yield "the key is not an RSA one"
        return
    if public_key != asked:
        yield "the key is another"
    exponent = public_key.public_numbers().e
    if public_key.key_size not in KEY_SIZES or exponent < MIN_EXPONENT or not exponent % 2:
        yield "the key is too weak"
    if value(certificate, x509.SubjectKeyIdentifier) != x509.SubjectKeyIdentifier.from_public_key(public_key):
        yield "the subject key identifier is not the key's"


def check_dates(certificate: x509.Certificate, first: datetime, last: datetime) -> Findings:
    """Both dates, the last second included."""
    if certificate.not_valid_before_utc != first.astimezone(UTC).replace(microsecond=0):
        yield "the first second is another"
    if certificate.not_valid_after_utc != last.astimezone(UTC).replace(microsecond=0):
        yield "the last second is another"


def check_extensions(
    certificate: x509.Certificate, expected: Iterable[x509.ObjectIdentifier], critical: Iterable[x509.ObjectIdentifier]
) -> Findings:
    """Which there are, in which order, and which are critical."""
    found = [extension.oid for extension in certificate.extensions]
    if found != list(expected):
        yield f"the extensions are {' '.join(oid.dotted_string for oid in found)}"
    if {extension.oid for extension in certificate.extensions if extension.critical} != set(critical):
        yield "other extensions are critical"


def key_usages(certificate: x509.Certificate) -> set[str]:
    """The bits of keyUsage, by cryptography's names."""
    found = value(certificate, x509.KeyUsage)
    return {name for name in _KEY_USAGES if getattr(found, name, False)}


def extended_usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    """ExtKeyUsage, in order."""
    return list(value(certificate, x509.ExtendedKeyUsage) or ())


def value(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    """An extension's value; None when it is not there."""
    return next((one.value for one in certificate.extensions if isinstance(one.value, kind)), None)


def points(found: Iterable[x509.DistributionPoint] | None) -> list[list[object]]:
    """What each distribution point is made of: its names, and whatever else it has."""
    return [
        [*(one.full_name or ()), *filter(None, (one.relative_name, one.reasons, one.crl_issuer))] for one in found or ()
    ]


def content(der: bytes) -> bytes:
    """What is inside a SEQUENCE."""
    length_octets = der[1] & 0x7F if der[1] & 0x80 else 0
    return der[2 + length_octets :]
