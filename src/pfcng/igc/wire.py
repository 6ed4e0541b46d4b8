"""What the service of PFCNG-IGC and its connector say to each other over HTTP (docs/igc.md)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.igc.authority import (
    AuthorityRefused,
    Dossier,
    NotRegistered,
    Progress,
    RegistrationConflict,
    RequestRefused,
    Status,
)
from pfcng.igc.requests import CertificateRequest

CALL_HEADER: Final = "Pfcng-Appel"
"""The number of a call: the answer says it again, so that no answer is taken for that of another call."""
CERTIFICATE: Final = "application/pkix-cert"
JSON: Final = "application/json"
MAX_BODY: Final = 64 * 1024
"""Octets of a request; that of a demande has two or three thousand."""
MAX_LISTED: Final = 1000
"""Numbers that one answer lists at most."""

REFUSALS: Final[dict[str, tuple[int, type[AuthorityRefused]]]] = {
    "requete": (422, RequestRefused),
    "conflit": (409, RegistrationConflict),
    "inconnu": (404, NotRegistered),
}
"""What ``refus`` says in a refusal's body: the status that goes with it, and what it is here."""


def refusal_name(refusal: AuthorityRefused) -> str:
    """What ``refus`` says of a refusal."""
    return next((name for name, (_, kind) in REFUSALS.items() if isinstance(refusal, kind)), "requete")


def reason_to_json(reason: x509.ReasonFlags | None) -> str | None:
    """A revocation's reason, by its name in RFC 5280."""
    return None if reason is None else str(reason.value)


def reason_from_json(told: Any) -> x509.ReasonFlags | None:
    """The reverse of `reason_to_json`."""
    return None if told is None else x509.ReasonFlags(told)


def status_to_json(status: Status) -> dict[str, Any]:
    """A status; the serial number is hexadecimal, since JSON's numbers are not that long everywhere."""
    return {
        "numero": status.numero,
        "etat": status.progress,
        "numero_serie": None if status.serial is None else f"{status.serial:X}",
        "revoque_le": None if status.revoked_at is None else status.revoked_at.isoformat(),
    }


def status_from_json(told: Mapping[str, Any]) -> Status:
    """The reverse of `status_to_json`.

    Raises:
        ValueError: or KeyError or TypeError: this is no status.
    """
    serial, revoked = told["numero_serie"], told["revoque_le"]
    return Status(
        numero=int(told["numero"]),
        progress=Progress(told["etat"]),
        serial=None if serial is None else int(serial, 16),
        revoked_at=None if revoked is None else moment_from_json(revoked),
    )


def dossier_to_json(dossier: Dossier) -> dict[str, Any]:
    """A dossier; the certificate is DER in hexadecimal."""
    certificate, revoked = dossier.certificate, dossier.revoked_at
    return {
        "numero": dossier.numero,
        "requete": dossier.request.to_json(),
        "certificat": None if certificate is None else certificate.public_bytes(Encoding.DER).hex(),
        "revoque_le": None if revoked is None else revoked.isoformat(),
        "raison": reason_to_json(dossier.reason),
    }


def dossier_from_json(told: Mapping[str, Any]) -> Dossier:
    """The reverse of `dossier_to_json`.

    Raises:
        ValueError: or KeyError, TypeError or AttributeError: this is no dossier.
    """
    der, revoked = told["certificat"], told["revoque_le"]
    return Dossier(
        numero=int(told["numero"]),
        request=CertificateRequest.from_json(told["requete"]),
        certificate=None if der is None else x509.load_der_x509_certificate(bytes.fromhex(der)),
        revoked_at=None if revoked is None else moment_from_json(revoked),
        reason=reason_from_json(told["raison"]),
    )


def moment_from_json(told: Any) -> datetime:
    """A moment with its offset.

    Raises:
        ValueError: or TypeError: this is none.
    """
    moment = datetime.fromisoformat(told)
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset")
    return moment
