"""One function per operation: the signed message that goes out, and how its answer is read. No network here.

The two clients, blocking and not, send what these functions make; a card may take a second to sign.
"""

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.client.errors import CardError, FaultError, RefusedError, RequestError
from pfcng.client.explanations import Answer, one_line, unreadable
from pfcng.contract import codes, operations
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
from pfcng.contract.operations import Operation
from pfcng.pki.keys import Credential
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.xml import codec, dsig, soap
from pfcng.xml.limits import describe_limits
from pfcng.xml.parsing import MalformedXml

OK: Final = "OK"
"""The statut of a lot, a demande or a retrait that succeeded (guide §14.2 table 12, §15.2 table 14)."""
REPEATABLE: Final = frozenset({Operation.RETIRER_CERTIFICAT, Operation.SUIVRE_ACTIVITE})
"""What may be sent again although the platform may have carried it out: a retrait gives the same certificate, a suivi
changes nothing. A second demande or renouvellement would be one more demande; a second révocation would be refused, and
the refusal would not tell that the first one succeeded."""
_NOTHING_FOUND: Final = (codes.WSMG_07.value, codes.WSMG_08.value)

_INCIDENT: Final = re.compile(r"incident\W+([0-9A-Za-z-]+)", re.IGNORECASE)
_Reply = TypeVar("_Reply", bound=Response)
_Result_co = TypeVar("_Result_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Generic[_Result_co]):
    """A message ready to be sent, and what its answer means."""

    content: bytes
    soap_action: str
    repeatable: bool
    read: Callable[[Answer], _Result_co]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrait:
    """A certificate that was withdrawn."""

    certificate: x509.Certificate
    reply: ReponseRetraitCertificat

    @property
    def pem(self) -> str:
        """The certificate as PEM with its BEGIN and END lines."""
        return self.certificate.public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What names a certificate in a révocation or a renouvellement (guide §16.1, §17.1).

    Attributes:
        aki: The authority key identifier, in hexadecimal.
        numero_serie: The serial number, in hexadecimal.
    """

    aki: str
    numero_serie: str

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "Reference":
        """The names of a certificate.

        Raises:
            ValueError: It names no authority key; the text is French.
        """
        try:
            extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        except x509.ExtensionNotFound:
            extension = None
        identifier = extension.value.key_identifier if extension else None
        if identifier is None:
            raise ValueError("Ce certificat ne dit pas quelle autorité l’a émis (AKI absent).")
        return cls(aki=identifier.hex().upper(), numero_serie=f"{certificate.serial_number:X}")


def any_request(signature: Credential, request: Request) -> Exchange[Response]:
    """Any request, whose reply is returned as it is, a refusal too."""
    reply_type = operations.by_request_type(type(request)).response_type
    return _exchange(signature, request, reply_type, lambda reply, _: reply)


def demander(signature: Credential, demandes: Iterable[DemandeCertificat]) -> Exchange[ReponseDemandeCertificats]:
    """A lot; refused only when no demande of it was looked at."""

    def accept(reply: ReponseDemandeCertificats, answer: Answer) -> ReponseDemandeCertificats:
        if not reply.demandes:
            if reply.statut_lot == OK:
                raise unreadable(answer)
            raise RefusedError(reply.statut_lot, reply.message, reply, diagnostic=answer.diagnostic)
        return reply

    request = RequeteDemandeCertificats(demandes=tuple(demandes))
    return _exchange(signature, request, ReponseDemandeCertificats, accept)


def retirer(signature: Credential, request: RequeteRetraitCertificat) -> Exchange[Retrait]:
    """A retrait."""

    def accept(reply: ReponseRetraitCertificat, answer: Answer) -> Retrait:
        _check(reply.statut, reply.message, reply, answer)
        try:
            return Retrait(certificate=_certificate(reply.certificat or ""), reply=reply)
        except ValueError as error:
            raise unreadable(answer) from error

    return _exchange(signature, request, ReponseRetraitCertificat, accept)


def revoquer(signature: Credential, request: RequeteRevocationCertificat) -> Exchange[ReponseRevocationCertificat]:
    """A révocation."""

    def accept(reply: ReponseRevocationCertificat, answer: Answer) -> ReponseRevocationCertificat:
        _check(reply.statut, reply.message, reply, answer)
        return reply

    return _exchange(signature, request, ReponseRevocationCertificat, accept)


def renouveler(
    signature: Credential, request: RequeteRenouvellementCertificat
) -> Exchange[ReponseRenouvellementCertificat]:
    """A renouvellement; accepted, it has an index."""

    def accept(reply: ReponseRenouvellementCertificat, answer: Answer) -> ReponseRenouvellementCertificat:
        _check(reply.statut, reply.message, reply, answer)
        if not reply.indice_retrait:
            raise unreadable(answer)
        return reply

    return _exchange(signature, request, ReponseRenouvellementCertificat, accept)


def suivre(
    signature: Credential, request: RequeteSuiviActivite, *, none_is_refused: bool
) -> Exchange[ReponseSuiviActivite]:
    """A page of a suivi; « nothing found » (WSMG-00000007, 08) is a refusal or an empty page."""

    def accept(reply: ReponseSuiviActivite, answer: Answer) -> ReponseSuiviActivite:
        if reply.statut in _NOTHING_FOUND and not none_is_refused:
            return ReponseSuiviActivite(statut=OK)
        message = next((line.erreur for line in reply.resultats if line.erreur), "")
        _check(reply.statut, message, reply, answer)
        return reply

    return _exchange(signature, request, ReponseSuiviActivite, accept)


def _check(statut: str, message: str, reply: Response, answer: Answer) -> None:
    if statut != OK:
        raise RefusedError(statut, message, reply, diagnostic=answer.diagnostic)


def _exchange(
    signature: Credential,
    request: Request,
    reply_type: type[_Reply],
    accept: Callable[[_Reply, Answer], _Result_co],
) -> Exchange[_Result_co]:
    operation = operations.by_request_type(type(request))
    try:
        payload = codec.encode(request)
    except ValueError as error:
        raise _invalid(error) from error

    def read(answer: Answer) -> _Result_co:
        try:
            reply = codec.decode_response(soap.read_reply(answer.content), operation)
        except soap.SoapFault as fault:
            raise _fault(fault, answer) from fault
        except (MalformedXml, ValueError) as error:
            raise unreadable(answer) from error
        if not isinstance(reply, reply_type):
            raise unreadable(answer)
        return accept(reply, answer)

    try:
        content = dsig.sign(payload, certificate=signature.certificate, key=signature.key)
    except KeyUnavailable as error:
        raise CardError(f"{error} La requête n’a pas été envoyée.") from error
    return Exchange(
        content=content,
        soap_action=operation.soap_action,
        repeatable=operation in REPEATABLE,
        read=read,
    )


def _invalid(error: ValueError) -> RequestError:
    """The codec ends its text with the name of the element; XML's own refusal of a character names none."""
    head = "La requête n’est pas conforme au contrat et n’a pas été envoyée"
    name = str(error).rpartition(": ")[2]
    if not name.isalnum():
        return RequestError(f"{head} : un caractère n’est pas permis en XML.")
    limits = describe_limits(name)
    asked = f" Il est attendu : {limits}." if limits else ""
    return RequestError(f"{head} : l’élément « {name} » ne convient pas.{asked}", element=name, limite=limits)


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
