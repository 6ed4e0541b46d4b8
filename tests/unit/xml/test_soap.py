"""SOAP 1.1 envelopes, in and out (guide §9; docs/choices.md §9)."""

import pytest
from lxml import etree

from pfcng.contract.operations import NAMESPACE, Operation
from pfcng.xml.parsing import MalformedXml, parse
from pfcng.xml.soap import (
    SOAP,
    SOAP_SEC,
    ClientFault,
    SoapFault,
    client_fault,
    open_envelope,
    read_reply,
    server_fault,
    wrap,
)

PAYLOAD = f'<ws:requeteRetraitCertificat xmlns:ws="{NAMESPACE}"/>'
BODY = f"<s:Body>{PAYLOAD}</s:Body>"


def envelope(content: str, *, namespace: str = SOAP, before: str = "") -> bytes:
    return f'{before}<s:Envelope xmlns:s="{namespace}">{content}</s:Envelope>'.encode()


@pytest.mark.parametrize("operation", Operation)
def test_operation_is_that_of_the_payload(operation: Operation) -> None:
    """The qualified name of the one element in Body decides (guide §9.2)."""
    payload = f'<ws:{operation.request_element} xmlns:ws="{NAMESPACE}"/>'
    opened = open_envelope(envelope(f"<s:Body>{payload}</s:Body>"), soap_action=None)
    assert opened.operation is operation
    assert opened.header is None
    assert opened.payload.getparent() is opened.body


@pytest.mark.parametrize(
    "soap_action", [None, "", '""', " ", "retirerCertificat", '"retirerCertificat"', ' "retirerCertificat" ']
)
def test_soap_action_of_the_body_absent_or_empty_is_accepted(soap_action: str | None) -> None:
    """Quoted or not (docs/choices.md §9)."""
    assert open_envelope(envelope(BODY), soap_action=soap_action).operation is Operation.RETIRER_CERTIFICAT


@pytest.mark.parametrize("soap_action", ["demanderCertificats", '"suivreActivite"', "urn:autre", "retirercertificat"])
def test_soap_action_of_another_operation_is_a_client_fault(soap_action: str) -> None:
    """Decisions §1."""
    with pytest.raises(ClientFault, match="SOAPAction"):
        open_envelope(envelope(BODY), soap_action=soap_action)


@pytest.mark.parametrize("content_type", [None, "", "text/xml", "text/xml; charset=utf-8", 'text/xml;charset="UTF-8"'])
def test_utf8_content_type_is_accepted(content_type: str | None) -> None:
    """UTF-8 is what a message is in, said or not."""
    open_envelope(envelope(BODY), soap_action=None, content_type=content_type)


@pytest.mark.parametrize(
    "content_type",
    ["text/xml; charset=iso-8859-1", "text/xml; charset=utf-8; charset=utf-7", "text/xml; CHARSET = utf-16"],
)
def test_other_charset_is_a_client_fault(content_type: str) -> None:
    """What the header announces and what is parsed must be the same text."""
    with pytest.raises(ClientFault, match="charset"):
        open_envelope(envelope(BODY), soap_action=None, content_type=content_type)


@pytest.mark.parametrize(
    "content",
    [
        f"<s:Header/>{BODY}",
        f"\n  <!-- a -->\n<s:Header/>\n<?b?>{BODY}\n",
        f"<s:Body>\n<!--Optional:-->{PAYLOAD}\n</s:Body>",
        f'<s:Header><a:To xmlns:a="urn:a">x</a:To></s:Header>{BODY}',
        f'<s:Header><a:To xmlns:a="urn:a" s:mustUnderstand="0">x</a:To></s:Header>{BODY}',
        f'<s:Header><e:Signature xmlns:e="{SOAP_SEC}" s:mustUnderstand="1"/></s:Header>{BODY}',
    ],
)
def test_envelope_is_opened(content: str) -> None:
    """A Header at most, then one Body with one element; remarks and foreign headers are passed over."""
    assert open_envelope(envelope(content), soap_action=None).operation is Operation.RETIRER_CERTIFICAT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<a/>",
        b"not xml",
        envelope(BODY, before="<!DOCTYPE a>"),
        envelope(BODY, namespace="http://www.w3.org/2003/05/soap-envelope"),
        envelope(""),
        envelope("<s:Header/>"),
        envelope(BODY + BODY),
        envelope(f"{BODY}<s:Header/>"),
        envelope(f"<s:Header/><s:Header/>{BODY}"),
        envelope(f"{BODY}<a/>"),
        envelope(f"<a/>{BODY}"),
        envelope(f"<Header/>{BODY}"),
        envelope(f"text{BODY}"),
        envelope(f"{BODY}text"),
        envelope("<s:Body/>"),
        envelope("<s:Body>text</s:Body>"),
        envelope(f"<s:Body>{PAYLOAD}text</s:Body>"),
        envelope(f"<s:Body><!-- -->\u00a0{PAYLOAD}</s:Body>"),
        envelope(f"<s:Body>{PAYLOAD * 2}</s:Body>"),
        envelope("<s:Body><requeteRetraitCertificat/></s:Body>"),
        envelope('<s:Body><a:requeteRetraitCertificat xmlns:a="urn:a"/></s:Body>'),
        envelope(f'<s:Body><a:reponseRetraitCertificat xmlns:a="{NAMESPACE}"/></s:Body>'),
        envelope(f"<s:Header><Unqualified/></s:Header>{BODY}"),
        envelope(f'<s:Header><a:To xmlns:a="urn:a" s:mustUnderstand="1">x</a:To></s:Header>{BODY}'),
        envelope(f'<s:Header><a:To xmlns:a="urn:a" s:mustUnderstand=" true ">x</a:To></s:Header>{BODY}'),
    ],
)
def test_anything_else_is_a_client_fault(raw: bytes) -> None:
    """What has no typed reply (docs/choices.md §9): its text is French, its diagnostic for the log."""
    with pytest.raises(ClientFault) as fault:
        open_envelope(raw, soap_action=None)
    assert fault.value.text.endswith(".")
    assert fault.value.diagnostic.startswith(("soap: ", "xml: "))


def test_reply_is_read_as_it_was_wrapped() -> None:
    """Document/literal: the payload is the one child of Body."""
    payload = etree.fromstring("<a:b xmlns:a='urn:a'>é</a:b>")
    canonical = etree.tostring(payload, method="c14n")
    raw = wrap(payload)
    assert raw.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert etree.tostring(read_reply(raw), method="c14n", exclusive=True) == canonical


@pytest.mark.parametrize(
    ("raw", "faultcode", "faultstring"),
    [
        (client_fault("Le message n’est pas accepté."), "soap:Client", "Le message n’est pas accepté."),
        (server_fault("I-1"), "soap:Server", "Erreur interne de la plateforme. Numéro d’incident : I-1."),
    ],
)
def test_fault_is_told_from_a_reply(raw: bytes, faultcode: str, faultstring: str) -> None:
    """SOAP 1.1 §4.4: faultcode and faultstring are unqualified."""
    assert parse(raw).find(f".//{{{SOAP}}}Fault/faultcode") is not None
    with pytest.raises(SoapFault) as fault:
        read_reply(raw)
    assert (fault.value.faultcode, fault.value.faultstring) == (faultcode, faultstring)


@pytest.mark.parametrize("raw", [b"<html/>", b"Bad gateway", envelope("<s:Body/>")])
def test_reply_that_is_no_envelope_is_malformed(raw: bytes) -> None:
    """A proxy in between answers what it likes."""
    with pytest.raises(MalformedXml):
        read_reply(raw)
