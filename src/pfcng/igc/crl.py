"""A CRL, complete or delta, from the entries as they are read: a million of them in seconds and little memory.

`cryptography` builds a CRL from an object for each entry (7.5 s and 385 MB for a million). Here each entry's DER is
written as it comes, and the frame around them is put together at the end. Source: RFC 5280 §5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pfcng.igc import der
from pfcng.igc.lint_authority import guarded_for_crl
from pfcng.pki.keys import Credential
from pfcng.pki.trust import key_identifier

Entry = tuple[bytes, datetime, str | None]
"""A revoked serial (big-endian), when it was revoked, and the reason as ``x509.ReasonFlags`` names it, or None."""

_V2: Final = der.integer(b"\x01")
_REASON: Final = x509.ObjectIdentifier("2.5.29.21")
_REASON_CODES: Final = {
    x509.ReasonFlags.key_compromise: 1,
    x509.ReasonFlags.ca_compromise: 2,
    x509.ReasonFlags.affiliation_changed: 3,
    x509.ReasonFlags.superseded: 4,
    x509.ReasonFlags.cessation_of_operation: 5,
    x509.ReasonFlags.certificate_hold: 6,
    x509.ReasonFlags.privilege_withdrawn: 9,
    x509.ReasonFlags.aa_compromise: 10,
}
"""CRLReason (RFC 5280 §5.3.1); `unspecified` is not written, it should be absent."""


def reason_code(reason: str | None) -> bytes:
    """The ENUMERATED of a reason; nothing for none and for `unspecified`."""
    code = None if reason is None else _REASON_CODES.get(x509.ReasonFlags(reason))
    return b"" if code is None else der.tlv(der.ENUMERATED, bytes((code,)))


def _entry_extensions(reason: str | None) -> bytes:
    code = reason_code(reason)
    return der.sequence(der.raw_extension(_REASON, code)) if code else b""


_EXTENSIONS: Final = {
    reason: _entry_extensions(reason) for reason in (None, *(flag.value for flag in x509.ReasonFlags))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a CRL says besides its entries.

    Attributes:
        number: cRLNumber.
        base: Number of the complete CRL that a delta adds to; None for a complete one.
        this_update: Whole seconds count.
        next_update: Idem.
    """

    number: int
    base: int | None
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Encoded entries, ready for a CRL."""

    entries: bytearray
    count: int


def encode(entries: Iterable[Entry]) -> Body:
    """Write entries as they come.

    Raises:
        KeyError: a reason that is none.
    """
    written, count = bytearray(), 0
    for serial, revoked_at, reason in entries:
        # At most 22 bytes of serial, 17 of time, 14 of reason: the length has one byte.
        content = der.integer(serial) + der.time(revoked_at) + _EXTENSIONS[reason]
        written += bytes((der.SEQUENCE, len(content))) + content
        count += 1
    return Body(entries=written, count=count)


def sign(issuer: Credential, frame: Frame, body: Body) -> bytes:
    """The CRL, DER.

    Raises:
        InvalidSignature: The computation went wrong: such a signature could give the key away, and does not leave.
        UnfitToSign: What was put together is not the CRL that the frame tells.
    """
    content = _content(issuer.certificate, frame, body)
    key = guarded_for_crl(
        issuer.key,
        issuer=issuer.certificate,
        number=frame.number,
        dates=(frame.this_update.replace(microsecond=0), frame.next_update.replace(microsecond=0)),
        base=frame.base,
        count=body.count,
    )
    signature = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    public_key = issuer.certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)  # noqa: S101 - a Credential's key is one
    public_key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    return der.signed(content, signature)


def _content(issuer: x509.Certificate, frame: Frame, body: Body) -> bytes:
    """The TBSCertList; without entries, the list of them is absent (RFC 5280 §5.1.2.6)."""
    before = b"".join(
        (
            _V2,
            der.SHA256_WITH_RSA,
            issuer.subject.public_bytes(),
            der.time(frame.this_update),
            der.time(frame.next_update),
            der.header(der.SEQUENCE, len(body.entries)) if body.entries else b"",
        )
    )
    after = der.explicit(0, der.sequence(*_extensions(issuer, frame)))
    length = len(before) + len(body.entries) + len(after)
    return b"".join((der.header(der.SEQUENCE, length), before, body.entries, after))


def _extensions(issuer: x509.Certificate, frame: Frame) -> list[bytes]:
    """In the order of the real CRLs: an authority writes its key first, a root its number."""
    key = der.extension(x509.AuthorityKeyIdentifier(key_identifier(issuer), None, None))
    number = der.extension(x509.CRLNumber(frame.number))
    is_root = issuer.subject == issuer.issuer
    extensions = [number, key] if is_root else [key, number]
    if frame.base is not None:
        extensions.append(der.extension(x509.DeltaCRLIndicator(frame.base), critical=True))
    return extensions
