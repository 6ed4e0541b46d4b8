"""What the platform asks of PFCNG-IGC, and the three ways in which it can answer: done, refused, unavailable.

Done is a return. `AuthorityRefused` is for good: the same call will be refused again. `AuthorityUnavailable` says
nothing of what became of the call: it may be made again, now or later, and every call is idempotent by the demande's
number. Source: guide §20 (RMT_ERR_003, 004, 006, 007, 012, 013); docs/igc.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cryptography import x509

from pfcng.igc.requests import CertificateRequest


class AuthorityRefused(Exception):
    """The authority refuses, for good; the message is for the log."""


class RequestRefused(AuthorityRefused):
    """No certificate can say what the request asks for."""


class RegistrationConflict(AuthorityRefused):
    """The number is registered with another request."""


class NotRegistered(AuthorityRefused):
    """The number was never registered, or has no certificate to revoke."""


class AuthorityUnavailable(Exception):
    """No answer, or one that says nothing: try later; the message is for the log."""


class Progress(StrEnum):
    """How far the authority came with a number."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    ISSUED = "issued"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the authority knows of a number.

    Attributes:
        numero: The demande's number.
        serial: Of its certificate; None before one was reserved.
        revoked_at: None unless revoked.
    """

    numero: int
    progress: Progress
    serial: int | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything that one side holds of a number, to be given to the other, which forgot it (docs/restore.md).

    Attributes:
        numero: The demande's number.
        certificate: None when none was signed, or none that left.
        revoked_at: None unless revoked.
        reason: What a CRL says of the revocation; None says nothing.
    """

    numero: int
    request: CertificateRequest
    certificate: x509.Certificate | None = None
    revoked_at: datetime | None = None
    reason: x509.ReasonFlags | None = None


class CertificateAuthority(Protocol):
    """PFCNG-IGC, wherever it runs. Every call may raise `AuthorityUnavailable`."""

    def register(self, numero: int, request: CertificateRequest) -> None:
        """Take the request in, once; the same number with the same request is fine (step R1).

        Raises:
            RequestRefused: a name or key that X.509 or the profile cannot hold.
            RegistrationConflict: the number has another request.
        """

    def issue(self, numero: int) -> x509.Certificate:
        """The certificate of a registered number: signed at the first call, the same one ever after (R3).

        Raises:
            NotRegistered: `register` was never called.
            RequestRefused: the certificate was not fit to be signed.
        """

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        """Revoke the certificate of a number, once: a repeated call changes nothing (V2).

        Args:
            numero: The demande's number.
            reason: What a CRL will say; None says nothing.

        Returns:
            The moment of the revocation, the same at every call.

        Raises:
            NotRegistered: no certificate was reserved for the number.
        """

    def status(self, numero: int) -> Status:
        """What became of a number."""

    def list_issued(self, *, after: int, limit: int) -> Sequence[Status]:
        """The numbers above ``after`` that have a serial, in their order, ``limit`` at most: for the reconciliation."""

    def publish(self) -> None:
        """Bring what is published up to date; who calls it does not wait for the hour."""


class ReconcilableAuthority(CertificateAuthority, Protocol):
    """PFCNG-IGC for `pfcng reconcilier`, after one of the databases was restored (docs/restore.md)."""

    def read_dossier(self, numero: int) -> Dossier:
        """Everything that is held of a number.

        Raises:
            NotRegistered: nothing is.
        """

    def adopt(self, dossier: Dossier) -> None:
        """Take back what was forgotten of a number; what is known already stays as it is.

        Raises:
            RequestRefused: the certificate is none of an authority here, or not the request's.
            RegistrationConflict: the number has another request, or another certificate.
        """

    def is_attested(self) -> bool:
        """Whether its database is the one it was left as; else nothing is issued or published."""

    def attest(self) -> None:
        """Both sides were compared: issue and publish again."""
