"""SOAP 1.1 envelopes: one in, one payload out, and what answers when there is none.

Source: guide §9; docs/choices.md §9; SOAP 1.1 §4.
"""

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from pfcng.contract.operations import NAMESPACE, Operation, by_request_element
from pfcng.xml.parsing import MalformedXml, parse
from pfcng.xml.shape import XML_SPACE, child_elements, has_text

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_SEC: Final = "http://schemas.xmlsoap.org/soap/security/2000-12"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

ENVELOPE: Final = f"{{{SOAP}}}Envelope"
HEADER: Final = f"{{{SOAP}}}Header"
BODY: Final = f"{{{SOAP}}}Body"
SIGNATURE_ENTRIES: Final = (f"{{{SOAP_SEC}}}Signature", f"{{{DS}}}Signature", f"{{{WSSE}}}Security")
"""Header entries that hold the signature, or are it (docs/choices.md §11); the only ones that are understood."""

_FAULT: Final = f"{{{SOAP}}}Fault"
_MUST_UNDERSTAND: Final = f"{{{SOAP}}}mustUnderstand"
_ACTOR: Final = f"{{{SOAP}}}actor"
_NEXT: Final = "http://schemas.xmlsoap.org/soap/actor/next"
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\";\s]*)", re.IGNORECASE)


class ClientFault(Exception):
    """A message that has no typed reply: answered by a SOAP Fault ``Client``.

    Attributes:
        text: What the client reads, in French.
        diagnostic: The precise cause, for the log; it holds nothing of the message.
    """

    def __init__(self, text: str, diagnostic: str) -> None:
        super().__init__(diagnostic)
        self.text = text
        self.diagnostic = diagnostic


class SoapFault(Exception):
    """The platform answered with a Fault."""

    def __init__(self, faultcode: str, faultstring: str) -> None:
        super().__init__(faultcode, faultstring)
        self.faultcode = faultcode
        self.faultstring = faultstring


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A well-formed call, not yet authentic: nothing in it may be decoded before `dsig.verify`.

    Attributes:
        root: The ``Envelope`` element.
        header: Its ``Header``, if any.
        body: Its one ``Body``.
        payload: The one element in the Body.
        operation: The operation that the payload calls.
    """

    root: etree._Element
    header: etree._Element | None
    body: etree._Element
    payload: etree._Element
    operation: Operation


def open_envelope(raw: bytes, *, soap_action: str | None, content_type: str | None = None) -> Envelope:
    """Parse a request and find what it calls.

    Args:
        raw: The HTTP body, at most 10 MiB.
        soap_action: The header's value, quoted or not; ``None`` when absent.
        content_type: The header's value; ``None`` when absent.

    Raises:
        ClientFault: no SOAP 1.1 envelope with one known request element in its Body.
    """
    _check_charset(content_type)
    try:
        root = parse(raw)
    except MalformedXml as error:
        raise ClientFault("Le message n’est pas un document XML accepté.", f"xml: {error.reason}") from error
    header, body = _parts(root)
    if header is not None:
        _check_header(header)
    payload = _only_child(body)
    operation = _operation(payload)
    _check_action(soap_action, operation)
    return Envelope(root=root, header=header, body=body, payload=payload, operation=operation)


def wrap(payload: etree._Element) -> bytes:
    """A reply: the envelope around ``payload``, which moves into it. UTF-8, with XML declaration."""
    envelope = etree.Element(ENVELOPE, nsmap={"soap": SOAP})
    etree.SubElement(envelope, BODY).append(payload)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def client_fault(text: str) -> bytes:
    """The Fault that answers a `ClientFault`."""
    return _fault("soap:Client", text)


def server_fault(incident: str) -> bytes:
    """The Fault that answers a defect of ours: an incident number and nothing else (docs/choices.md §9)."""
    return _fault("soap:Server", f"Erreur interne de la plateforme. Numéro d’incident : {incident}.")


def read_reply(raw: bytes) -> etree._Element:
    """The payload of a reply.

    Raises:
        SoapFault: the platform answered with a Fault.
        MalformedXml: not a SOAP 1.1 envelope with one element in its Body.
    """
    try:
        payload = _only_child(_parts(parse(raw))[1])
    except ClientFault as fault:
        raise MalformedXml(fault.diagnostic) from fault
    if payload.tag == _FAULT:
        raise SoapFault(payload.findtext("faultcode", "").strip(), payload.findtext("faultstring", "").strip())
    return payload


def _fault(faultcode: str, text: str) -> bytes:
    fault = etree.Element(_FAULT, nsmap={"soap": SOAP})
    etree.SubElement(fault, "faultcode").text = faultcode
    etree.SubElement(fault, "faultstring").text = text
    return wrap(fault)


def _check_charset(content_type: str | None) -> None:
    for charset in _CHARSET.findall(content_type or ""):
        if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
            raise ClientFault("Le message doit être codé en UTF-8.", "soap: charset of Content-Type")


def _parts(root: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """The Header, if any, and the Body: nothing else, in that order."""
    if root.tag != ENVELOPE:
        raise ClientFault("Le message n’est pas une enveloppe SOAP 1.1.", "soap: root is not a SOAP 1.1 Envelope")
    match _elements(root):
        case [body] if body.tag == BODY:
            return None, body
        case [header, body] if header.tag == HEADER and body.tag == BODY:
            return header, body
    raise ClientFault(
        "L’enveloppe SOAP doit contenir un Header au plus, puis un seul Body, et rien d’autre.",
        "soap: not one optional Header then one Body",
    )


def _check_header(header: etree._Element) -> None:
    for entry in _elements(header):
        if not etree.QName(entry).namespace:
            raise ClientFault(
                "Un élément de l’en-tête SOAP n’a pas d’espace de noms.", "soap: unqualified header entry"
            )
        if entry.get(_ACTOR, _NEXT) not in ("", _NEXT):
            continue  # meant for somebody else on the way (SOAP 1.1 §4.2.2)
        if entry.tag not in SIGNATURE_ENTRIES and entry.get(_MUST_UNDERSTAND, "0").strip(XML_SPACE) not in (
            "0",
            "false",
        ):
            raise ClientFault("Un élément obligatoire de l’en-tête SOAP n’est pas reconnu.", "soap: mustUnderstand")


def _only_child(body: etree._Element) -> etree._Element:
    children = _elements(body)
    if len(children) != 1:
        raise ClientFault("Le Body de l’enveloppe doit contenir un seul élément.", "soap: not one element in Body")
    return children[0]


def _operation(payload: etree._Element) -> Operation:
    name = etree.QName(payload)
    operation = by_request_element(name.localname) if name.namespace == NAMESPACE else None
    if operation is None:
        raise ClientFault("L’opération demandée n’existe pas.", "soap: unknown request element")
    return operation


def _check_action(soap_action: str | None, operation: Operation) -> None:
    action = (soap_action or "").strip().strip('"').strip()
    if action not in ("", operation.soap_action):
        raise ClientFault(
            "L’en-tête SOAPAction ne désigne pas l’opération du message.", "soap: SOAPAction names another operation"
        )


def _elements(parent: etree._Element) -> list[etree._Element]:
    if has_text(parent):
        raise ClientFault("Du texte se trouve hors de sa place dans l’enveloppe SOAP.", "soap: stray text")
    return child_elements(parent)
