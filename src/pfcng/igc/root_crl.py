"""The CRL of a root, made where its key is: what it had, what is revoked since, under a greater number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.igc import crl
from pfcng.igc.crl import Entry, Frame
from pfcng.igc.serials import to_octets
from pfcng.pki.keys import Credential

LIFE: Final = timedelta(days=366)
"""Long: a root is away between two ceremonies."""
REASONS: Final = {
    "COMPROMISSION": x509.ReasonFlags.ca_compromise,
    "REMPLACEMENT": x509.ReasonFlags.superseded,
    "CESSATION": x509.ReasonFlags.cessation_of_operation,
}
"""Why an authority is revoked (RFC 5280 §5.3.1), as people say it."""


class UnfitCrl(ValueError):
    """The CRL before this one, or what is to be revoked, is not of this root; the message is French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """An authority to be revoked, and why."""

    certificate: x509.Certificate
    reason: x509.ReasonFlags


def renew(
    root: Credential,
    previous: x509.CertificateRevocationList | None,
    withdrawn: Sequence[Withdrawn] = (),
    *,
    now: datetime,
) -> bytes:
    """The next CRL of a root, DER.

    Args:
        root: The root with its key.
        previous: The CRL before, if there was one.
        withdrawn: What is revoked now; what was revoked before stays as it was.
        now: The present, aware.

    Raises:
        UnfitCrl: something is not of this root.
        UnfitToSign: what was put together is not what it should be.
        KeyUnavailable: the key cannot sign now.
    """
    for one in withdrawn:
        check_issued(root.certificate, one.certificate)
    if previous is not None:
        check_crl(root.certificate, previous)
    now = now.replace(microsecond=0)
    entries = {serial: (when, reason) for serial, when, reason in _entries(previous)}
    for one in withdrawn:
        entries.setdefault(to_octets(one.certificate.serial_number), (now, one.reason.value))
    frame = Frame(
        # The present in seconds is greater than any number before; a clock that was set back does not count.
        number=max(int(now.timestamp()), 0 if previous is None else number_of(previous) + 1),
        base=None,
        this_update=now,
        next_update=min(now + LIFE, root.certificate.not_valid_after_utc),
    )
    return crl.sign(root, frame, crl.encode((serial, *told) for serial, told in entries.items()))


def number_of(made: x509.CertificateRevocationList) -> int:
    """The cRLNumber.

    Raises:
        UnfitCrl: it has none.
    """
    try:
        return made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound as error:
        raise UnfitCrl("La CRL précédente n’a pas de numéro.") from error


def check_crl(root: x509.Certificate, made: x509.CertificateRevocationList) -> None:
    """See that a CRL is this root's.

    Raises:
        UnfitCrl: it is not.
    """
    public_key = root.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)  # noqa: S101 - a Credential's key is one
    if made.issuer != root.subject or not made.is_signature_valid(public_key):
        raise UnfitCrl("La CRL précédente n’est pas de cette racine.")


def check_issued(root: x509.Certificate, certificate: x509.Certificate) -> None:
    """See that an authority is this root's.

    Raises:
        UnfitCrl: it is not.
    """
    try:
        certificate.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise UnfitCrl("Cette AC n’est pas de cette racine.") from error


def _entries(made: x509.CertificateRevocationList | None) -> Iterator[Entry]:
    for entry in made or ():
        try:
            reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
        except x509.ExtensionNotFound:
            reason = None
        yield to_octets(entry.serial_number), entry.revocation_date_utc, reason
