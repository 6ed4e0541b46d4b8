"""PFCNG-IGC in another process, over HTTPS with a client certificate (docs/igc.md).

A typed refusal of the service is for good. Everything else that is not the expected answer (another status, a proxy's
page, a cut, too late, a certificate that is not believed) says nothing of what became of the call.
"""

import json
import ssl
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.igc.authority import AuthorityUnavailable, Dossier, Status
from pfcng.igc.connectors.caller import Answer, Caller
from pfcng.igc.requests import CertificateRequest
from pfcng.igc.wire import (
    CERTIFICATE,
    JSON,
    REFUSALS,
    dossier_from_json,
    dossier_to_json,
    moment_from_json,
    reason_to_json,
    status_from_json,
)

log = structlog.get_logger()

T = TypeVar("T")
_OK: Final = 200
_DONE: Final = 204


class RemoteAuthority:
    """The service of PFCNG-IGC. Threads may share it.

    Args:
        url: Where it listens.
        context: `client_context`.
        issuers: The authorities whose certificates are believed.
        timeout: Seconds that a call may take as a whole.
    """

    def __init__(
        self, url: str, *, context: ssl.SSLContext, issuers: Iterable[x509.Certificate], timeout: float
    ) -> None:
        self._caller = Caller(url, context=context, timeout=timeout)
        self._issuers = tuple(issuers)

    def register(self, numero: int, request: CertificateRequest) -> None:
        """Take the request in, once; the same number with the same request is fine (step R1).

        Raises:
            RequestRefused: a name or key that X.509 or the profile cannot hold.
            RegistrationConflict: the number has another request.
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("PUT", f"/demandes/{numero}", json=request.to_json())
        if answer.status != _DONE:
            _refuse(answer, "requete", "conflit")

    def issue(self, numero: int) -> x509.Certificate:
        """The certificate of a registered number: the same one at every call (R3).

        Raises:
            NotRegistered: `register` was never called.
            RequestRefused: the certificate was not fit to be signed.
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("POST", f"/demandes/{numero}/certificat")
        if answer.status != _OK or answer.media_type != CERTIFICATE:
            _refuse(answer, "inconnu", "requete")
        certificate = _read(x509.load_der_x509_certificate, answer.content)
        self._check_issuer(numero, certificate)
        return certificate

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        """Revoke the certificate of a number, once: a repeated call changes nothing (V2).

        Raises:
            NotRegistered: no certificate was reserved for the number.
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("POST", f"/demandes/{numero}/revocation", json={"raison": reason_to_json(reason)})
        told = _json(answer, "inconnu")
        return _read(lambda content: moment_from_json(content["revoque_le"]), told)

    def status(self, numero: int) -> Status:
        """What became of a number.

        Raises:
            AuthorityUnavailable: try later.
        """
        status = _read(status_from_json, _json(self._caller.call("GET", f"/demandes/{numero}")))
        if status.numero != numero:
            raise AuthorityUnavailable(f"the status of {status.numero} instead of {numero}'s")
        return status

    def list_issued(self, *, after: int, limit: int) -> Sequence[Status]:
        """The numbers above ``after`` that have a serial, in their order, ``limit`` at most.

        Raises:
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("GET", "/demandes", parameters={"apres": after, "limite": limit})
        listed = _read(lambda told: [status_from_json(each) for each in told], _json(answer))
        numbers = [status.numero for status in listed]
        if numbers != sorted({number for number in numbers if number > after}) or len(numbers) > limit:
            raise AuthorityUnavailable("a list that is not in its order")
        return listed

    def publish(self) -> None:
        """Bring what is published up to date.

        Raises:
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("POST", "/publication")
        if answer.status != _DONE:
            _refuse(answer)

    def read_dossier(self, numero: int) -> Dossier:
        """Everything that is held of a number.

        Raises:
            NotRegistered: nothing is.
            AuthorityUnavailable: try later.
        """
        dossier = _read(dossier_from_json, _json(self._caller.call("GET", f"/demandes/{numero}/dossier"), "inconnu"))
        if dossier.numero != numero:
            raise AuthorityUnavailable(f"the dossier of {dossier.numero} instead of {numero}'s")
        if dossier.certificate is not None:
            self._check_issuer(numero, dossier.certificate)
        return dossier

    def adopt(self, dossier: Dossier) -> None:
        """Take back what was forgotten of a number; what is known already stays as it is.

        Raises:
            RequestRefused: the certificate is none of an authority there, or not the request's.
            RegistrationConflict: the number has another request, or another certificate.
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("PUT", f"/demandes/{dossier.numero}/dossier", json=dossier_to_json(dossier))
        if answer.status != _DONE:
            _refuse(answer, "requete", "conflit")

    def is_attested(self) -> bool:
        """Whether its database is the one it was left as; else nothing is issued or published.

        Raises:
            AuthorityUnavailable: try later.
        """
        told = _json(self._caller.call("GET", "/reconciliation"))
        return _read(lambda told: not bool(told["a_reconcilier"]), told)

    def attest(self) -> None:
        """Both sides were compared: issue and publish again.

        Raises:
            AuthorityUnavailable: try later.
        """
        answer = self._caller.call("POST", "/reconciliation")
        if answer.status != _DONE:
            _refuse(answer)

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def _check_issuer(self, numero: int, certificate: x509.Certificate) -> None:
        """What one of the known authorities did not sign is nobody's certificate."""
        for issuer in self._issuers:
            try:
                certificate.verify_directly_issued_by(issuer)
            except (InvalidSignature, ValueError, TypeError):
                continue
            return
        der = certificate.public_bytes(Encoding.DER).hex()
        log.error("igc.certificate_not_believed", numero=numero, serial=f"{certificate.serial_number:X}", der=der)
        raise AuthorityUnavailable(f"demande {numero}: a certificate of an authority that is not known")


def client_context(*, confiance: Path, certificat: Path, cle: Path) -> ssl.SSLContext:
    """TLS 1.2 or later towards a server that these authorities vouch for, and with a client's certificate.

    Args:
        confiance: PEM of the authorities, roots or not.
        certificat: PEM of the client's certificate, followed by its chain.
        cle: PEM of its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(confiance)
    context.load_cert_chain(certificat, cle)
    return context


def _refuse(answer: Answer, *expected: str) -> NoReturn:
    """Raise what an answer means that is not the expected one.

    Raises:
        AuthorityRefused: A typed refusal, among those that the call may meet.
        AuthorityUnavailable: Anything else.
    """
    told = _document(answer)
    name = told.get("refus") if isinstance(told, dict) else None
    if isinstance(name, str) and name in expected:
        status, kind = REFUSALS[name]
        if answer.status == status:
            raise kind(_explain(told, answer))
    raise AuthorityUnavailable(_explain(told, answer))


def _explain(told: Any, answer: Answer) -> str:
    """For the log: what the service said, and the number under which its own log tells more."""
    if not isinstance(told, dict):
        return f"HTTP {answer.status}"
    return f"HTTP {answer.status}: {told.get('message', '')} ({told.get('incident', '')})"[:500]


def _document(answer: Answer) -> Any:
    try:
        return json.loads(answer.content) if answer.media_type == JSON else None
    except ValueError:
        return None


def _json(answer: Answer, *expected: str) -> Any:
    """The document of an answer that is the expected one."""
    if answer.status != _OK or (told := _document(answer)) is None:
        _refuse(answer, *expected)
    return told


def _read(read: Callable[[Any], T], content: Any) -> T:
    try:
        return read(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuthorityUnavailable(f"an answer that cannot be read: {error}") from error
