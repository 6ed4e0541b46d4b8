"""The little DER that is written and read by hand: where `cryptography` has no builder, or one too slow for a million.

Writing is concatenation. Reading is for bytes of strangers: definite, minimal lengths that stay inside what was given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cryptography import x509

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
ENUMERATED: Final = 0x0A
UTF8_STRING: Final = 0x0C
SEQUENCE: Final = 0x30
PRINTABLE_STRING: Final = 0x13

_SHORT: Final = 0x80
"""First length that needs more than one byte."""
_LAST_UTC_YEAR: Final = 2049
_MAX_LENGTH_BYTES: Final = 4
_TWO_DIGITS: Final = [b"%02d" % number for number in range(100)]

SHA256_WITH_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
"""AlgorithmIdentifier (RFC 4055 §5)."""


class MalformedDer(ValueError):
    """Not the DER that was expected."""


def header(tag: int, length: int) -> bytes:
    """The identifier and length of a value whose content follows."""
    if length < _SHORT:
        return bytes((tag, length))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT | len(size))) + size


def tlv(tag: int, content: bytes) -> bytes:
    """A whole value."""
    return header(tag, len(content)) + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of whole values."""
    return tlv(SEQUENCE, b"".join(parts))


def explicit(number: int, content: bytes) -> bytes:
    """A whole value under the context tag ``[number]`` EXPLICIT."""
    return tlv(0xA0 | number, content)


def integer(magnitude: bytes) -> bytes:
    """A non-negative INTEGER, of its big-endian bytes, with or without leading zeros."""
    content = magnitude.lstrip(b"\0")
    if not content or content[0] >= _SHORT:
        content = b"\0" + content
    return tlv(INTEGER, content)


def oid(identifier: x509.ObjectIdentifier) -> bytes:
    """An OBJECT IDENTIFIER, of arcs below 2."""
    first, second, *arcs = map(int, identifier.dotted_string.split("."))
    content = bytearray((40 * first + second,))
    for arc in arcs:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | (arc & 0x7F))
        content += bytes(reversed(digits))
    return tlv(OID, bytes(content))


def time(instant: datetime) -> bytes:
    """A Time of certificates and CRLs, to the second: UTCTime until 2049, then GeneralizedTime (RFC 5280 §4.1.2.5)."""
    instant = instant.astimezone(UTC)
    if instant.year > _LAST_UTC_YEAR:
        return generalized_time(instant)
    # A sixth of the time that strftime takes, and there may be a million.
    return b"".join(
        (
            b"\x17\x0d",
            _TWO_DIGITS[instant.year % 100],
            _TWO_DIGITS[instant.month],
            _TWO_DIGITS[instant.day],
            _TWO_DIGITS[instant.hour],
            _TWO_DIGITS[instant.minute],
            _TWO_DIGITS[instant.second],
            b"Z",
        )
    )


def generalized_time(instant: datetime) -> bytes:
    """A GeneralizedTime, to the second."""
    return b"\x18\x0f" + f"{instant.astimezone(UTC):%Y%m%d%H%M%SZ}".encode()


def extension(value: x509.ExtensionType, *, critical: bool = False) -> bytes:
    """An Extension."""
    return raw_extension(value.oid, value.public_bytes(), critical=critical)


def raw_extension(identifier: x509.ObjectIdentifier, value: bytes, *, critical: bool = False) -> bytes:
    """An Extension of a DER value."""
    flag = tlv(BOOLEAN, b"\xff") if critical else b""
    return sequence(oid(identifier), flag, tlv(OCTET_STRING, value))


def signed(content: bytes, signature: bytes) -> bytes:
    """What was signed with RSA and SHA-256, with its signature: certificate, CRL, OCSP answer."""
    bits = tlv(BIT_STRING, b"\0" + signature)
    return b"".join((header(SEQUENCE, len(content) + len(SHA256_WITH_RSA) + len(bits)), content, SHA256_WITH_RSA, bits))


@dataclass(frozen=True, slots=True)
class Value:
    """A value that was read: its tag, its content, and the whole of its bytes."""

    tag: int
    content: bytes
    whole: bytes

    @classmethod
    def read(cls, data: bytes, tag: int = SEQUENCE) -> Self:
        """The one value that ``data`` is.

        Raises:
            MalformedDer: it is not, or has another tag.
        """
        values = list(cls._read(data))
        if len(values) != 1:
            raise MalformedDer("one value was expected")
        return values[0].expect(tag)

    def children(self) -> "list[Value]":
        """The values that the content is made of.

        Raises:
            MalformedDer: it is not made of values.
        """
        return list(Value._read(self.content))

    def expect(self, tag: int) -> Self:
        """Itself, when it has this tag.

        Raises:
            MalformedDer: it has another.
        """
        if self.tag != tag:
            raise MalformedDer(f"tag {self.tag:#04x} where {tag:#04x} was expected")
        return self

    @classmethod
    def _read(cls, data: bytes) -> Iterator[Self]:
        start = 0
        while start < len(data):
            begin, end = _bounds(data, start)
            yield cls(data[start], data[begin:end], data[start:end])
            start = end


def _bounds(data: bytes, start: int) -> tuple[int, int]:
    """Where the content of the value that starts there begins and ends."""
    begin = start + 2
    if begin > len(data) or data[start] & 0x1F == 0x1F:
        raise MalformedDer("cut short, or a tag of more than one byte")
    length = data[start + 1]
    if length >= _SHORT:
        size = length - _SHORT
        digits = data[begin : begin + size]
        if not 1 <= size <= _MAX_LENGTH_BYTES or len(digits) != size:
            raise MalformedDer("indefinite or immense length")
        length = int.from_bytes(digits, "big")
        begin += size
        if header(data[start], length) != data[start:begin]:
            raise MalformedDer("a length that is not minimal")
    if begin + length > len(data):
        raise MalformedDer("cut short")
    return begin, begin + length
