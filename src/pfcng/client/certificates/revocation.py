"""Whether a certificate is revoked: what its authority's CRL and OCSP responder say, once their signatures hold.

Source: RFC 5280 §5, RFC 6960.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from pfcng.client.certificates.chain import access_urls, has_issued
from pfcng.client.certificates.fetching import Fetch, Unreachable
from pfcng.contract.paris import PARIS

_SKEW: Final = timedelta(minutes=5)
"""How far the clocks of a responder and of this machine may differ."""
_REASONS: Final = {
    x509.ReasonFlags.key_compromise: "clé compromise",
    x509.ReasonFlags.cessation_of_operation: "fin d’activité",
    x509.ReasonFlags.superseded: "remplacé",
    x509.ReasonFlags.affiliation_changed: "rattachement changé",
    x509.ReasonFlags.certificate_hold: "suspendu",
    x509.ReasonFlags.ca_compromise: "autorité compromise",
    x509.ReasonFlags.privilege_withdrawn: "droit retiré",
}


class State(Enum):
    """What a source says; the values are what people and programs read."""

    GOOD = "bon"
    REVOKED = "révoqué"
    UNKNOWN = "inconnu"
    """The responder does not know it."""
    UNCERTAIN = "incertain"
    """The source could not be reached, or cannot be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one source says.

    Attributes:
        source: ``OCSP`` or ``CRL``.
        place: Its address, or its file.
        state: What it says.
        detail: French, the end of a sentence; may be empty.
    """

    source: str
    place: str
    state: State
    detail: str = ""


class _NotBelieved(Exception):
    """An answer that proves nothing; its text ends a French sentence."""


def ask(certificate: x509.Certificate, issuer: x509.Certificate, *, fetch: Fetch, now: datetime) -> list[Answer]:
    """Ask every OCSP responder and CRL address that the certificate names."""
    answers = [_ocsp(certificate, issuer, url, fetch, now) for url in ocsp_urls(certificate)]
    for url in crl_urls(certificate):
        try:
            answers.append(by_crl(certificate, issuer, fetch(url, None), place=url, now=now))
        except Unreachable as error:
            answers.append(Answer(source="CRL", place=url, state=State.UNCERTAIN, detail=str(error)))
    return answers


def ocsp_urls(certificate: x509.Certificate) -> list[str]:
    """The responders that the certificate names."""
    return access_urls(certificate, AuthorityInformationAccessOID.OCSP)


def crl_urls(certificate: x509.Certificate) -> list[str]:
    """The HTTP addresses of its CRLs; those of a directory (ldap) are left out."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [name for point in points for name in point.full_name or ()]
    urls = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return [url for url in urls if url.lower().startswith("http")]


def by_crl(
    certificate: x509.Certificate, issuer: x509.Certificate, content: bytes, *, place: str, now: datetime
) -> Answer:
    """What a CRL, PEM or DER, says."""
    try:
        crl = read_crl(content)
        _check_crl(crl, issuer, now)
    except (ValueError, UnsupportedAlgorithm) as error:
        detail = "ce n’est pas une CRL" if not isinstance(error, UnsupportedAlgorithm) else "algorithme non admis"
        return Answer(source="CRL", place=place, state=State.UNCERTAIN, detail=detail)
    except _NotBelieved as error:
        return Answer(source="CRL", place=place, state=State.UNCERTAIN, detail=str(error))
    published = f"publiée le {_moment(crl.last_update_utc)}"
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return Answer(source="CRL", place=place, state=State.GOOD, detail=published)
    detail = f"le {_moment(entry.revocation_date_utc)}{_reason(_crl_reason(entry))} ; {published}"
    return Answer(source="CRL", place=place, state=State.REVOKED, detail=detail)


def read_crl(content: bytes) -> x509.CertificateRevocationList:
    """A CRL, PEM or DER.

    Raises:
        ValueError: it is none.
    """
    pem = b"-----BEGIN" in content
    try:
        return x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error


def _check_crl(crl: x509.CertificateRevocationList, issuer: x509.Certificate, now: datetime) -> None:
    key = issuer.public_key()
    if crl.issuer != issuer.subject or not isinstance(key, rsa.RSAPublicKey) or not crl.is_signature_valid(key):
        raise _NotBelieved("elle n’est pas signée par l’autorité de ce certificat")
    if any(extension.critical for extension in crl.extensions):
        raise _NotBelieved("elle est partielle ou incrémentale")
    if crl.next_update_utc is None or crl.next_update_utc < now:
        until = _moment(crl.next_update_utc) if crl.next_update_utc else "une date absente"
        raise _NotBelieved(f"elle est périmée : elle valait jusqu’au {until}")
    if crl.last_update_utc > now + _SKEW:
        raise _NotBelieved("elle est datée de l’avenir")


def _crl_reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (x509.ExtensionNotFound, ValueError):
        return None


def _ocsp(certificate: x509.Certificate, issuer: x509.Certificate, url: str, fetch: Fetch, now: datetime) -> Answer:
    # SHA-1 only names the issuer here, and is the one hash that every responder knows (RFC 5019 §2.1.1).
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    try:
        response = ocsp.load_der_ocsp_response(fetch(url, builder.build().public_bytes(Encoding.DER)))
        single = _checked(response, certificate, issuer, now)
    except Unreachable as error:
        return Answer(source="OCSP", place=url, state=State.UNCERTAIN, detail=str(error))
    except ValueError:
        return Answer(source="OCSP", place=url, state=State.UNCERTAIN, detail="ce n’est pas une réponse OCSP")
    except _NotBelieved as error:
        return Answer(source="OCSP", place=url, state=State.UNCERTAIN, detail=str(error))
    said = f"réponse du {_moment(single.this_update_utc)}"
    if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
        return Answer(source="OCSP", place=url, state=State.GOOD, detail=said)
    if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        return Answer(source="OCSP", place=url, state=State.UNKNOWN, detail=said)
    when = _moment(single.revocation_time_utc) if single.revocation_time_utc else "?"
    detail = f"le {when}{_reason(single.revocation_reason)} ; {said}"
    return Answer(source="OCSP", place=url, state=State.REVOKED, detail=detail)


def _checked(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> ocsp.OCSPSingleResponse:
    """The answer on this certificate, once it is known to be its authority's and of the day."""
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise _NotBelieved(f"le répondeur refuse ({response.response_status.name.lower()})")
    if not any(_has_signed(signer, response) for signer in _signers(response, issuer, now)):
        raise _NotBelieved("elle n’est pas signée par l’autorité de ce certificat, ni pour elle")
    single = next((one for one in response.responses if one.serial_number == certificate.serial_number), None)
    if single is None:
        raise _NotBelieved("elle est d’un autre certificat")
    if single.this_update_utc > now + _SKEW:
        raise _NotBelieved("elle est datée de l’avenir")
    if single.next_update_utc is not None and single.next_update_utc < now - _SKEW:
        raise _NotBelieved(f"elle est périmée depuis le {_moment(single.next_update_utc)}")
    return single


def _signers(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> list[x509.Certificate]:
    """The authority, and the responders that it has certified for this (RFC 6960 §4.2.2.2)."""
    return [issuer, *(one for one in response.certificates if _is_delegate(one, issuer, now))]


def _is_delegate(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    dated = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    return dated and ExtendedKeyUsageOID.OCSP_SIGNING in usages and has_issued(issuer, certificate)


def _has_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    try:
        key, algorithm = signer.public_key(), response.signature_hash_algorithm
        if not isinstance(key, rsa.RSAPublicKey) or algorithm is None:
            return False
        key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _reason(reason: x509.ReasonFlags | None) -> str:
    return f" ({_REASONS.get(reason, reason.value)})" if reason else ""


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(PARIS):%d/%m/%Y à %H:%M}, heure de Paris"
