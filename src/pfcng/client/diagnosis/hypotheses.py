"""What a tool may have digested or signed instead of what it says: the usual slips, tried one by one.

A digest tells nothing of what went into it, so each slip is made again and its digest compared. The first that fits is
very likely what happened.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from lxml import etree

from pfcng.client.diagnosis import loose
from pfcng.xml.canonical import Canonicalisation
from pfcng.xml.parsing import MalformedXml, parse_again
from pfcng.xml.shape import child_elements

_FORMS: Final = (
    (Canonicalisation(), "la canonicalisation inclusive (C14N 1.0)"),
    (Canonicalisation(comments=True), "la canonicalisation inclusive avec commentaires"),
    (Canonicalisation(exclusive=True), "la canonicalisation exclusive"),
    (Canonicalisation(exclusive=True, comments=True), "la canonicalisation exclusive avec commentaires"),
)
_MAX_OCTETS: Final = 256 << 10
"""Above this nothing is tried: a lot of twenty has 60 KiB, and thirty forms of a hostile message take minutes."""


def candidates(element: etree._Element, raw: bytes, identifier: str | None = None) -> Iterator[tuple[str, bytes]]:
    """What the slips would have digested, each with the French name of the slip.

    Args:
        element: What should have been digested.
        raw: The whole message.
        identifier: Name of the attribute by which the element is referred to, which a tool may have added too late.
    """
    if len(raw) > _MAX_OCTETS:
        return
    yield from _forms(element, "{}")
    for child in child_elements(element)[:1]:
        yield from _forms(child, "le contenu de l’élément sans lui, avec {}")
    yield from _forms(_unindented(_copy(element)), "le message avant son indentation, avec {}")
    if identifier:
        bare = _copy(element)
        bare.attrib.pop(identifier, "")
        yield from _forms(bare, "l’élément avant qu’il ait son identifiant, avec {}")
        yield from _forms(_unindented(bare), "l’élément sans identifiant et avant l’indentation, avec {}")
    yield from _forms(_alone(element), "l’élément seul, avant sa mise en enveloppe, avec {}")
    for form, name in _FORMS[::2]:
        octets = loose.canonical(element, form)
        if octets is not None:
            yield f"des fins de ligne Windows, avec {name}", octets.replace(b"\n", b"&#xD;\n")
            yield f"des fins de ligne Windows non canonisées, avec {name}", octets.replace(b"\n", b"\r\n")
    yield from _lxml(element)
    yield from _written(element, raw)


def _forms(element: etree._Element | None, sentence: str) -> Iterator[tuple[str, bytes]]:
    for form, name in _FORMS:
        octets = loose.canonical(element, form)
        if octets is not None:
            yield sentence.format(name), octets


def _copy(element: etree._Element) -> etree._Element:
    """The element in a copy of its whole document: an inclusive form shows what it inherits."""
    root = element.getroottree().getroot()
    return next(copy for one, copy in zip(root.iter(), deepcopy(root).iter(), strict=True) if one is element)


def _unindented(element: etree._Element) -> etree._Element:
    """The element, in place, without the white space that only indents."""
    for one in element.iter():
        if len(one) and not (one.text or "").strip():
            one.text = None
        if one is not element and not (one.tail or "").strip():
            one.tail = None
    return element


def _alone(element: etree._Element) -> etree._Element | None:
    """The element with the namespaces that it uses and none that it inherits."""
    octets = loose.canonical(element, Canonicalisation(exclusive=True))
    try:
        return None if octets is None else parse_again(octets, comments=True, instructions=True)
    except MalformedXml:
        return None


def _lxml(element: etree._Element) -> Iterator[tuple[str, bytes]]:
    """Lxml's inclusive form of an inner element, wrong where a default namespace is in scope."""
    try:
        yield (
            'la canonicalisation de lxml, fausse sous un espace de noms par défaut (xmlns="" en trop)',
            etree.tostring(element, method="c14n", with_tail=False),
        )
    except (etree.LxmlError, ValueError):
        return


def _written(element: etree._Element, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The octets as they are in the file, not canonicalised."""
    name = etree.QName(element).localname.encode()
    prefix = f"{element.prefix}:".encode() if element.prefix else b""
    start, end = raw.find(b"<" + prefix + name), raw.rfind(b"</" + prefix + name + b">")
    if 0 <= start < end:
        yield "les octets du fichier, sans canonicalisation", raw[start : end + len(prefix + name) + 3]
