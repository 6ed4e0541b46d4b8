"""The client of the Web Service: signed SOAP messages over mutual TLS, typed on both sides."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, TypeVar, overload

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.client.errors import FaultError, RefusedError, RequestError
from pfcng.client.profile import Profile
from pfcng.client.transport import Answer, Transport, one_line
from pfcng.contract import operations
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemandeCertificats,
    ReponseRenouvellementCertificat,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    ReponseSuiviActivite,
    Request,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Response,
)
from pfcng.xml import codec, dsig, soap
from pfcng.xml.parsing import MalformedXml

OK: Final = "OK"
"""The statut of a lot, a demande or a retrait that succeeded (guide §14.2 table 12, §15.2 table 14)."""


_INCIDENT: Final = re.compile(r"incident\W+([0-9A-Za-z-]+)", re.IGNORECASE)
_Reply = TypeVar("_Reply", bound=Response)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrait:
    """A certificate that was withdrawn."""

    certificate: x509.Certificate
    reply: ReponseRetraitCertificat

    @property
    def pem(self) -> str:
        """The certificate as PEM with its BEGIN and END lines."""
        return self.certificate.public_bytes(Encoding.PEM).decode()


class Client:
    """Talks to one platform for the holder of one profile.

    Synchronous; connections are kept alive and threads may share a client. Close it, or use it in a ``with`` block::

        with Client(Profile.load(Path("profil.toml"))) as client:
            reply = client.demander_certificats([demande])

    Nothing is ever sent twice. Every method raises:
        RequestError: The request does not follow the schema; it was not sent.
        FaultError: The platform answered with a SOAP fault.
        TransportError: No usable answer came; ``maybe_received`` tells whether the platform may have acted.

    Source: guide §10, §11.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._transport = Transport(profile)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def demander_certificats(self, demandes: Iterable[DemandeCertificat]) -> ReponseDemandeCertificats:
        """Order 1 to 20 certificates in one lot.

        The reply has one answer per demande, in order. Some may be refused and the others accepted (statutLot ``KO``):
        read each ``statut_demande``. A demande is not idempotent: after a ``TransportError`` with ``maybe_received``,
        find out what was registered (``suivreActivite``, e-mails) before ordering again.

        Raises:
            RefusedError: The lot is refused whole and no demande was looked at.

        Source: guide §14.
        """
        reply, answer = self._exchange(RequeteDemandeCertificats(demandes=tuple(demandes)), ReponseDemandeCertificats)
        if reply.demandes:
            return reply
        if reply.statut_lot == OK:
            raise self._transport.unreadable(answer)
        raise RefusedError(reply.statut_lot, reply.message, reply, diagnostic=answer.diagnostic)

    def retirer_certificat(self, indice_retrait: str, code_revocation: str, id_nat_tiers: str | None = None) -> Retrait:
        """Withdraw the certificate of one demande.

        May be called again after a failure: the same certificate comes back.

        Args:
            indice_retrait: As the reply to the demande gave it.
            code_revocation: 1 to 64 characters chosen by the caller, who keeps them: they allow a revocation later.
            id_nat_tiers: For an AdminASIP acting for somebody else only.

        Raises:
            RefusedError: With the platform's code.

        Source: guide §15.
        """
        request = RequeteRetraitCertificat(
            id_nat_tiers=id_nat_tiers, indice_retrait=indice_retrait, code_revocation=code_revocation
        )
        reply, answer = self._exchange(request, ReponseRetraitCertificat)
        if reply.statut != OK:
            raise RefusedError(reply.statut, reply.message, reply, diagnostic=answer.diagnostic)
        try:
            return Retrait(certificate=_certificate(reply.certificat or ""), reply=reply)
        except ValueError as error:
            raise self._transport.unreadable(answer) from error

    @overload
    def call(self, request: RequeteDemandeCertificats) -> ReponseDemandeCertificats: ...
    @overload
    def call(self, request: RequeteRetraitCertificat) -> ReponseRetraitCertificat: ...
    @overload
    def call(self, request: RequeteRevocationCertificat) -> ReponseRevocationCertificat: ...
    @overload
    def call(self, request: RequeteRenouvellementCertificat) -> ReponseRenouvellementCertificat: ...
    @overload
    def call(self, request: RequeteSuiviActivite) -> ReponseSuiviActivite: ...
    def call(self, request: Request) -> Response:
        """Send any request and return its reply as it is, a refusal too: read its ``statut``."""
        return self._exchange(request, operations.by_request_type(type(request)).response_type)[0]

    def _exchange(self, request: Request, reply_type: type[_Reply]) -> tuple[_Reply, Answer]:
        operation = operations.by_request_type(type(request))
        try:
            payload = codec.encode(request)
        except ValueError as error:
            raise _invalid(error) from error
        signature = self._profile.signature
        message = dsig.sign(payload, certificate=signature.certificate, key=signature.key)
        answer = self._transport.post(message, operation.soap_action)
        try:
            reply = codec.decode_response(soap.read_reply(answer.content), operation)
        except soap.SoapFault as fault:
            raise _fault(fault, answer) from fault
        except (MalformedXml, ValueError) as error:
            raise self._transport.unreadable(answer) from error
        if not isinstance(reply, reply_type):
            raise self._transport.unreadable(answer)
        return reply, answer


def _invalid(error: ValueError) -> RequestError:
    """The codec ends its text with the name of the element; XML's own refusal of a character names none."""
    name = str(error).rpartition(": ")[2]
    element = f"l’élément « {name} » ne convient pas" if name.isalnum() else "un caractère n’est pas permis en XML"
    return RequestError(f"La requête n’est pas conforme au contrat et n’a pas été envoyée : {element}.")


def _fault(fault: soap.SoapFault, answer: Answer) -> FaultError:
    text = one_line(fault.faultstring)
    incident = _INCIDENT.search(text)
    return FaultError(
        fault.faultcode.rpartition(":")[2],
        text,
        incident=incident.group(1) if incident else None,
        diagnostic=answer.diagnostic,
    )


def _certificate(text: str) -> x509.Certificate:
    """The certificate of a reply: PEM, or its base64 alone (guide table 14 says « PEM base64 »)."""
    if "-----BEGIN" in text:
        return x509.load_pem_x509_certificate(text.encode())
    return x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
