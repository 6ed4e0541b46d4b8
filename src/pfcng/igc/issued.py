"""Whether a certificate is the one that was asked for: the last look before it is accepted and delivered."""

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from pfcng.igc.authority import AuthorityUnavailable
from pfcng.igc.profiles import issuing_authority
from pfcng.igc.requests import CertificateRequest
from pfcng.pki import names

log = structlog.get_logger()


def check_issued(certificate: x509.Certificate, request: CertificateRequest) -> None:
    """See that a certificate has the request's key and comes from the authority that signs such requests.

    Raises:
        AuthorityUnavailable: It has not: whatever answered, it was not the authority, and nothing became of the
            call. It is logged as an error.
    """
    fault = _fault(certificate, request)
    if fault is not None:
        log.error("igc.not_the_certificate_asked_for", fault=fault, serial=f"{certificate.serial_number:X}")
        raise AuthorityUnavailable(f"not the certificate that was asked for: {fault}")


def _fault(certificate: x509.Certificate, request: CertificateRequest) -> str | None:
    try:
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return "its key cannot be read"
    if spki != request.spki:
        return "it has another key"
    if names.first(certificate.issuer, NameOID.COMMON_NAME) != issuing_authority(request).common_name:
        return f"it comes from {names.rfc4514(certificate.issuer)}"
    return None
