"""OCSP on the wire: what a request asks, and the bytes of an answer. Source: RFC 6960 §4, RFC 9654, RFC 5019.

`cryptography` reads and builds a single certificate's status; clients ask several at once (``openssl ocsp`` does), and
repeat the identifiers as they were asked. Nothing here knows a database or a key.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pfcng.igc import der
from pfcng.igc.crl import reason_code
from pfcng.igc.der import INTEGER, OCTET_STRING, OID, SEQUENCE, MalformedDer, Value

MAX_CERTIFICATES: Final = 50
"""How many certificates one request may ask."""
_NONCE_BYTES: Final = range(1, 129)
"""RFC 9654 §2.1."""
_CONTEXT_0, _CONTEXT_1, _CONTEXT_2 = 0xA0, 0xA1, 0xA2
_NONCE: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.2")
_BASIC: Final = der.oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.1"))
_NO_PARAMETERS: Final = bytes((der.NULL, 0))
_GOOD: Final = bytes((0x80, 0))
_UNKNOWN: Final = bytes((0x82, 0))

HASHES: Final[dict[bytes, hashes.HashAlgorithm]] = {
    der.oid(x509.ObjectIdentifier(oid)): algorithm
    for oid, algorithm in {
        "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 - names an issuer, protects nothing; every client uses it
        "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
        "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
        "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
    }.items()
}
"""How an issuer may be named, by the OBJECT IDENTIFIER's DER."""


class Failure(IntEnum):
    """Answers without a status (RFC 6960 §2.3)."""

    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    UNAUTHORIZED = 6


@dataclass(frozen=True, slots=True)
class IssuerId:
    """How a request names an issuer: the hash's OBJECT IDENTIFIER, hash of the DN, hash of the key."""

    algorithm: bytes
    name: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CertId:
    """A certificate that is asked; ``der`` is repeated in the answer."""

    issuer: IssuerId
    serial: int
    der: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspRequest:
    """What is asked; the signature that a request may have is not looked at.

    Attributes:
        certificates: At least one.
        nonce: DER of the extension's value, to be repeated.
    """

    certificates: tuple[CertId, ...]
    nonce: bytes | None

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Read an OCSPRequest.

        Raises:
            MalformedDer: it is none, asks nothing or too much, or has a critical extension that is not known.
        """
        fields = Value.read(raw).children()
        if not fields:
            raise MalformedDer("empty request")
        parts = fields[0].expect(SEQUENCE).children()
        while parts and parts[0].tag in {_CONTEXT_0, _CONTEXT_1}:  # version, requestorName
            del parts[0]
        if not 1 <= len(parts) <= 2:
            raise MalformedDer("no list of certificates")
        asked = parts[0].expect(SEQUENCE).children()
        if not 1 <= len(asked) <= MAX_CERTIFICATES:
            raise MalformedDer(f"{len(asked)} certificates are asked")
        nonce = _read_nonce(parts[1].expect(_CONTEXT_2)) if len(parts) > 1 else None
        return cls(certificates=tuple(_read_cert_id(one) for one in asked), nonce=nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """When and why."""

    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """A certificate's status: revoked, good (True) or unknown (False)."""

    certificate: CertId
    status: Revoked | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who answers for an authority: a delegated certificate and its key.

    Attributes:
        certificate: Its DER goes with every answer.
        key_hash: Names it in the answer.
    """

    certificate: x509.Certificate
    der: bytes
    key: rsa.RSAPrivateKey
    key_hash: bytes

    @classmethod
    def of(cls, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> Self:
        """With what every answer repeats."""
        return cls(
            certificate=certificate,
            der=certificate.public_bytes(Encoding.DER),
            key=key,
            key_hash=x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest,
        )


def failure(reason: Failure) -> bytes:
    """An answer without a status; it is not signed."""
    return der.sequence(der.tlv(der.ENUMERATED, bytes((reason,))))


def sign(
    signer: Signer, singles: list[Single], *, this_update: datetime, next_update: datetime, nonce: bytes | None
) -> bytes:
    """A successful answer, with the responder's certificate."""
    extensions = der.explicit(1, der.sequence(der.raw_extension(_NONCE, nonce))) if nonce else b""
    updates = der.generalized_time(this_update) + der.explicit(0, der.generalized_time(next_update))
    content = der.sequence(
        der.explicit(2, der.tlv(OCTET_STRING, signer.key_hash)),
        der.generalized_time(this_update),
        der.sequence(*(der.sequence(single.certificate.der, _status(single.status), updates) for single in singles)),
        extensions,
    )
    signature = signer.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    basic = der.sequence(
        content,
        der.SHA256_WITH_RSA,
        der.tlv(der.BIT_STRING, b"\0" + signature),
        der.explicit(0, der.sequence(signer.der)),
    )
    body = der.sequence(_BASIC, der.tlv(OCTET_STRING, basic))
    return der.sequence(der.tlv(der.ENUMERATED, b"\0"), der.explicit(0, body))


def issuer_ids(issuer: x509.Certificate) -> list[IssuerId]:
    """Every way in which a request may name an issuer."""
    name = issuer.subject.public_bytes()
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return [IssuerId(oid, _digest(algorithm, name), _digest(algorithm, key)) for oid, algorithm in HASHES.items()]


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _status(status: Revoked | bool) -> bytes:
    if isinstance(status, Revoked):
        code = reason_code(status.reason)
        return der.tlv(_CONTEXT_1, der.generalized_time(status.at) + (der.explicit(0, code) if code else b""))
    return _GOOD if status else _UNKNOWN


def _read_cert_id(request: Value) -> CertId:
    """CertID of a Request; what the Request has besides is not looked at."""
    fields = request.expect(SEQUENCE).children()
    if not fields:
        raise MalformedDer("empty Request")
    cert_id = fields[0].expect(SEQUENCE)
    algorithm, name, key, serial = _exactly(4, cert_id.children())
    return CertId(
        issuer=IssuerId(
            _read_algorithm(algorithm), name.expect(OCTET_STRING).content, key.expect(OCTET_STRING).content
        ),
        serial=_read_integer(serial),
        der=cert_id.whole,
    )


def _read_algorithm(algorithm: Value) -> bytes:
    """The OBJECT IDENTIFIER of a hash, whose parameters are NULL or absent."""
    fields = algorithm.expect(SEQUENCE).children()
    if not fields or any(value.whole != _NO_PARAMETERS for value in fields[1:]):
        raise MalformedDer("no algorithm, or one with parameters")
    return fields[0].expect(OID).whole


def _read_integer(value: Value) -> int:
    content = value.expect(INTEGER).content
    number = int.from_bytes(content, "big", signed=True)
    if len(content) != (number if number >= 0 else ~number).bit_length() // 8 + 1:
        raise MalformedDer("an INTEGER that is not minimal")
    return number


def _read_nonce(wrapped: Value) -> bytes | None:
    nonce: bytes | None = None
    for extension in Value.read(wrapped.content).children():
        fields = extension.expect(SEQUENCE).children()
        if not fields:
            raise MalformedDer("empty extension")
        identifier, value = fields[0].expect(OID).whole, fields[-1].expect(OCTET_STRING).content
        if identifier == der.oid(_NONCE):
            if len(Value.read(value, OCTET_STRING).content) not in _NONCE_BYTES:
                raise MalformedDer("a nonce of a length that RFC 9654 forbids")
            nonce = value
        elif fields[1].tag == der.BOOLEAN and fields[1].content != b"\0":
            raise MalformedDer("a critical extension that is not known")
    return nonce


def _exactly(count: int, values: list[Value]) -> list[Value]:
    if len(values) != count:
        raise MalformedDer(f"{len(values)} fields instead of {count}")
    return values
