"""The one way in for XML: strict UTF-8, no DTD, no entity, no network, bounded work.

What is refused here never reaches libxml2's canonicalisation, whose cost is elements × namespaces in scope, nor Python
code that walks the tree. Comments and processing instructions are kept: they are part of what a signature covers.
Source: docs/choices.md §9, §11; guide §19 (WSMG-00000024, 10 MiB, is the web layer's).
"""

import re
from typing import Any, Final

from lxml import etree

MAX_NODES: Final = 100_000
"""Elements, comments and the like. A lot of 7 000 demandes, all that 10 MiB can hold, has 98 000 at the most."""
MAX_EQUALS_SIGNS: Final = 120_000
"""Attributes and namespace declarations, and what base64 ends with; stacks that declare one on every element of such a
lot stay below."""
MAX_NAMESPACES_IN_SCOPE: Final = 32
"""Namespaces declared on an element and above it; a dozen is a lot."""
MAX_NODES_TIMES_NAMESPACES: Final = 600_000
"""What canonicalisation takes time for: 0.2 µs each, and libxmlsec1 four times that."""
MAX_DEPTH: Final = 10
"""Levels of elements; a signed message has seven. libxml2 stops at 256 on its own, before this is counted."""
MAX_ATTRIBUTES: Final = 32
"""Attributes of one element; canonicalisation sorts them by insertion."""
MAX_ATTRIBUTE_BYTES: Final = 512
"""Bytes of an attribute's value. Exclusive canonicalisation may repeat a namespace's name on every element."""

_BOM: Final = b"\xef\xbb\xbf"
_DECLARATION: Final = re.compile(
    rb"<\?xml\s+version\s*=\s*([\"'])1\.0\1(?:\s+encoding\s*=\s*([\"'])utf-8\2)?"
    rb"(?:\s+standalone\s*=\s*([\"'])(?:yes|no)\3)?\s*\?>",
    re.IGNORECASE,
)
_LONG_ATTRIBUTE: Final = re.compile(
    rb"=\s*(?:\"[^\"<]{%d}|'[^'<]{%d})" % (MAX_ATTRIBUTE_BYTES + 1, MAX_ATTRIBUTE_BYTES + 1)
)
_TOO_DEEP: Final = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")
_TOO_MANY_ATTRIBUTES: Final = etree.XPath(f"boolean(//*/@*[{MAX_ATTRIBUTES + 1}])")


class MalformedXml(Exception):
    """Bytes that are not XML as this platform takes it; the reason is for the log and holds none of them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(raw: bytes) -> etree._Element:
    """Parse a message of any origin.

    Args:
        raw: The whole message, in UTF-8 with or without byte order mark.

    Returns:
        The root element; comments and processing instructions are in the tree, CDATA is text.

    Raises:
        MalformedXml: not UTF-8, not well-formed, with a DTD, or too much work.
    """
    text = raw.removeprefix(_BOM)
    _check_bytes(text)
    root = parse_again(text, comments=True, instructions=True)
    _check_tree(root, text)
    return root


def parse_again(octets: bytes, *, comments: bool, instructions: bool) -> etree._Element:
    """Parse, in the calling thread, what was accepted once: an element of a message, or its canonical form.

    Args:
        octets: UTF-8.
        comments: Whether to keep comments.
        instructions: Whether to keep processing instructions.

    Raises:
        MalformedXml: not well-formed.
    """
    # A parser a message: they cost 2 µs, and lxml locks those that threads share.
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the declaration says
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=not comments,
        remove_pis=not instructions,
    )
    try:
        return etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedXml(f"not well-formed: libxml2 error {getattr(error, 'code', 0)}") from None


def _check_bytes(text: bytes) -> None:
    """Everything that can be refused without a parser, the cheapest first; each is one pass in C."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedXml(f"not UTF-8: byte {error.start}") from None
    if b"\0" in text or text.startswith(_BOM):
        raise MalformedXml("not UTF-8 text: a zero byte, or two byte order marks")
    if text.startswith(b"<?xml") and text[5:6].isspace() and not _DECLARATION.match(text):
        raise MalformedXml("an XML declaration other than 1.0 in UTF-8")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise MalformedXml("a document type declaration")
    nodes, equals_signs = _nodes(text), text.count(b"=")
    if nodes > MAX_NODES or equals_signs > MAX_EQUALS_SIGNS:
        raise MalformedXml(f"too much: {nodes} nodes, {equals_signs} equals signs")
    if _LONG_ATTRIBUTE.search(text):
        raise MalformedXml(f"an attribute over {MAX_ATTRIBUTE_BYTES} bytes")


def _nodes(text: bytes) -> int:
    return text.count(b"<") - text.count(b"</")


def _check_tree(root: etree._Element, text: bytes) -> None:
    document: Any = root.getroottree().docinfo
    if document.internalDTD is not None or document.externalDTD is not None or document.doctype:
        raise MalformedXml("a document type declaration")
    if _TOO_DEEP(root):
        raise MalformedXml(f"over {MAX_DEPTH} levels")
    if _TOO_MANY_ATTRIBUTES(root):
        raise MalformedXml(f"over {MAX_ATTRIBUTES} attributes on an element")
    limit = min(MAX_NAMESPACES_IN_SCOPE, MAX_NODES_TIMES_NAMESPACES // _nodes(text))
    # There are no more in scope than declarations in all; where that is not enough to know, they are followed.
    if text.count(b"xmlns") > limit and _scope_exceeds(root, limit):
        raise MalformedXml(f"over {limit} namespaces in scope")


def _scope_exceeds(root: etree._Element, limit: int) -> bool:
    in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        in_scope += 1 if event == "start-ns" else -1
        if in_scope > limit:
            return True
    return False
