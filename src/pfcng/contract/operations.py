"""The five operations of the Web Service: SOAPAction, elements, and the reply that says no.

Source: guide §9.2, §14 to §18; the element names are those of the WSDL.
"""

from enum import Enum
from typing import Final, Self

from pfcng.contract.messages import (
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
    Resultat,
)

NAMESPACE: Final = "http://www.pfcng.in.com/WS/"
"""Target namespace of the WSDL and the XSD; only the root of a message is in it (guide §9.2, §14.2.2)."""


class Operation(Enum):
    """An operation; its value is its WSDL name, which is its SOAPAction too.

    Attributes:
        request_element: Local name of the request's root, in ``NAMESPACE``.
        request_type: The request's dataclass.
        response_element: Local name of the reply's root, in ``NAMESPACE``.
        response_type: The reply's dataclass.
    """

    request_element: str
    request_type: type[Request]
    response_element: str
    response_type: type[Response]

    DEMANDER_CERTIFICATS = (
        "demanderCertificats",
        "DemandeCertificats",
        RequeteDemandeCertificats,
        ReponseDemandeCertificats,
    )
    RETIRER_CERTIFICAT = (
        "retirerCertificat",
        "RetraitCertificat",
        RequeteRetraitCertificat,
        ReponseRetraitCertificat,
    )
    REVOQUER_CERTIFICAT = (
        "revoquerCertificat",
        "RevocationCertificat",
        RequeteRevocationCertificat,
        ReponseRevocationCertificat,
    )
    RENOUVELER_CERTIFICAT = (
        "renouvelerCertificat",
        "RenouvellementCertificat",
        RequeteRenouvellementCertificat,
        ReponseRenouvellementCertificat,
    )
    SUIVRE_ACTIVITE = (
        "suivreActivite",
        "SuiviActivite",
        RequeteSuiviActivite,
        ReponseSuiviActivite,
    )

    def __new__(cls, name: str, noun: str, request: type[Request], response: type[Response]) -> Self:
        """Make the member whose elements are ``requete`` and ``reponse`` followed by the noun."""
        member = object.__new__(cls)
        member._value_ = name
        member.request_element, member.request_type = f"requete{noun}", request
        member.response_element, member.response_type = f"reponse{noun}", response
        return member

    @property
    def soap_action(self) -> str:
        """The SOAPAction, without quotes."""
        return str(self.value)


_BY_REQUEST_ELEMENT: Final = {operation.request_element: operation for operation in Operation}
_BY_SOAP_ACTION: Final = {operation.soap_action: operation for operation in Operation}
_BY_REQUEST_TYPE: Final = {operation.request_type: operation for operation in Operation}


def by_request_element(name: str) -> Operation | None:
    """The operation whose request has the root ``name`` (local name, to be found in ``NAMESPACE``), if any."""
    return _BY_REQUEST_ELEMENT.get(name)


def by_soap_action(name: str) -> Operation | None:
    """The operation that SOAPAction ``name`` (without quotes) names, if any."""
    return _BY_SOAP_ACTION.get(name)


def by_request_type(request_type: type[Request]) -> Operation:
    """The operation whose requests are of ``request_type``."""
    return _BY_REQUEST_TYPE[request_type]


def error_response(operation: Operation, code_value: str, message: str) -> Response:
    """The typed reply by which ``operation`` refuses a whole message.

    Args:
        operation: The operation that was called.
        code_value: What the ``statut`` carries, for example ``WSMG-00000002``.
        message: The code's text, raison filled in.

    Source: guide §14.2.2 (empty ``indiceLot``, no ``demande``), §15.2, §16.2, §17.2, §18.2 (one ``resultat`` with
    ``erreur``).
    """
    match operation:
        case Operation.DEMANDER_CERTIFICATS:
            return ReponseDemandeCertificats(indice_lot="", statut_lot=code_value, message=message)
        case Operation.RETIRER_CERTIFICAT:
            return ReponseRetraitCertificat(statut=code_value, message=message)
        case Operation.REVOQUER_CERTIFICAT:
            return ReponseRevocationCertificat(statut=code_value, message=message)
        case Operation.RENOUVELER_CERTIFICAT:
            return ReponseRenouvellementCertificat(statut=code_value, message=message)
        case Operation.SUIVRE_ACTIVITE:
            return ReponseSuiviActivite(statut=code_value, resultats=(Resultat(erreur=message),))


def statut_of(response: Response) -> str:
    """``OK``, or the code by which a whole message is refused."""
    return response.statut_lot if isinstance(response, ReponseDemandeCertificats) else response.statut
