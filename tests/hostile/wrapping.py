"""Families 1 to 8: what was signed is moved, and something else stands where it is read."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Final

from lxml import etree

from hostile.scene import Family, Message, Scene, Variant, new_element
from support.raw_signature import DS, SOAP, SOAP_SEC, WS, WSSE, WSU, find


def _moved_body(scene: Scene) -> Iterator[Variant]:
    for evil in ({}, {"id": "Other"}, {f"{{{SOAP_SEC}}}id": "Other"}, {"id": "Body"}):
        label = " ".join(f"{name}={value}" for name, value in evil.items()) or "no id"
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
    wrapper = new_element("{urn:evil}Wrapper")
    wrapper.append(message.put_evil_body())
    message.root.insert(1, wrapper)
    yield "into a wrapper before the evil Body", message.octets
    message = scene.message()
    message.root.append(wrapper := new_element("{urn:evil}Wrapper"))
    wrapper.append(message.put_evil_body())
    yield "into a wrapper after the evil Body", message.octets


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
    message.entry.addnext(new_element("{urn:evil}Other", "evil", Id=" Body\t"))
    yield "with white space around", message.octets


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


def _beside_the_signature(scene: Scene) -> Iterator[Variant]:
    evils: dict[str, Callable[[Message], etree._Element]] = {
        "payload": Message.evil_payload,
        "Body": lambda message: message.evil_body(),
        "unqualified payload": lambda message: new_element(etree.QName(message.payload).localname, "evil"),
        "second SignedInfo": lambda message: deepcopy(message.signed_info),
    }
    for label, evil in evils.items():
        for place in ("before the entry", "after the entry", "before Signature", "after Signature"):
            message = scene.message()
            element = message.entry if "entry" in place else message.signature
            (element.addprevious if "before" in place else element.addnext)(evil(message))
            yield f"{label} {place}", message.octets
    message = scene.message()
    message.signature.addprevious(new_element("{urn:evil}Anything", "evil"))
    yield "foreign element before Signature", message.octets
    message = scene.message()
    message.header.insert(0, new_element("{urn:evil}Anything", "evil", **{f"{{{SOAP}}}mustUnderstand": "1"}))
    yield "foreign entry that must be understood", message.octets
    message = scene.message()
    wrapper = etree.SubElement(message.header, "{urn:evil}Wrapper")
    wrapper.append(message.evil_payload())
    yield "payload in a foreign entry", message.octets
    message = scene.message()
    message.header.insert(0, new_element(f"{{{WSSE}}}Security"))
    yield "a second entry for a signature", message.octets


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
    outer = new_element(f"{{{SOAP}}}Body")
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
    wrapper = new_element("{urn:evil}Wrapper")
    message.root.replace(message.header, wrapper)
    wrapper.append(message.header)
    yield "Header in a wrapper", message.octets
    message = scene.message()
    outer = new_element("{urn:evil}Wrapper")
    outer.append(message.root)
    yield "Envelope in a wrapper", bytes(etree.tostring(outer))
    message = scene.message()
    deep = etree.SubElement(etree.SubElement(message.header, "{urn:evil}Wrapper"), "{urn:evil}Deeper")
    deep.append(message.signature)
    yield "signature deep in a foreign entry", message.octets


FAMILIES: Final[dict[int, Family]] = {
    1: Family(title="signed Body moved, an evil one in its place", variants=_moved_body),
    2: Family(title="two Body", variants=_two_bodies),
    3: Family(title="duplicate identifier", variants=_duplicate_identifier),
    4: Family(title="identifier under another name", variants=_other_identifier),
    5: Family(title="evil element beside or before the signature", variants=_beside_the_signature),
    6: Family(title="signed Body inside the signature", variants=_inside_the_signature),
    7: Family(title="Body in Body", variants=_body_in_body),
    8: Family(title="foreign namespace", variants=_foreign_namespace),
}
