"""Families 9 to 13: an envelope or a signature of another shape."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Final

from lxml import etree

from hostile.scene import Family, Scene, Variant, ds_element, new_element
from support.raw_signature import C14N, DS, EXCLUSIVE, SOAP

SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"


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
        "#new_element(/1/2)",
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
            transform = ds_element("Transform", Algorithm=algorithm)
            if content:
                transform.append(etree.fromstring(content))
            if place == "alone":
                transforms.remove(transforms[0])
            if label == "a second enveloped" and place == "alone":
                transform.append(etree.fromstring(f'<XPath xmlns="{DS}">self::node()</XPath>'))
            transforms.insert(0 if place == "first" else len(transforms), transform)
            yield f"{label} {place}, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("Transforms").insert(0, ds_element("Transform", Algorithm=C14N))
    yield "canonicalisation before enveloped, signed again", scene.sealed(message)
    message = scene.message()
    for algorithm in (C14N, EXCLUSIVE):
        message.ds("Transforms").append(ds_element("Transform", Algorithm=algorithm))
    yield "two canonicalisations, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("Transforms").append(ds_element("Other"))
    yield "something else than a Transform, signed again", scene.sealed(message)


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
    leaf.append(new_element("{urn:evil}b", "evil"))
    leaf.append(etree.Comment("evil"))
    yield "comment in mixed content, signed again", scene.signed(message)


FAMILIES: Final[dict[int, Family]] = {
    9: Family(title="SOAP 1.2", variants=_soap_12),
    10: Family(title="two signatures, SignedInfos or References", variants=_too_many),
    11: Family(title="Reference URI", variants=_reference_uri),
    12: Family(title="transforms", variants=_transforms),
    13: Family(title="comments and processing instructions in values", variants=_remarks),
}
