"""The one way in for XML: strict UTF-8, no DTD, no entity, no network, bounded work.

What is refused here never reaches libxml2's canonicalisation, whose cost is elements × namespaces in scope, nor Python
code that walks the tree. Comments and processing instructions are kept: they are part of what a signature covers.
Source: decisions §1, §3; guide §19 (WSMG-00000024, 10 MiB, is the web layer's).
"""

import re
import threading
from typing import Any, Final

from lxml import etree

MAX_TAGS: Final = 250_000
"""``<`` in a message. A lot of 7 000 demandes, the most that 10 MiB hold, has 200 000: it can be answered its code."""
MAX_NAMESPACES: Final = 2_000
"""Namespace declarations in a message. Stacks that declare one on every element of a full lot write 400."""
MAX_TAGS_TIMES_NAMESPACES: Final = 2_500_000
"""Bounds elements × namespaces in scope, whatever the shape of the tree."""
MAX_DEPTH: Final = 64
"""Levels of elements; a signed message has eight. libxml2 stops at 256 on its own, before this is counted."""
MAX_ATTRIBUTES: Final = 32
"""Attributes of one element; canonicalisation sorts them by insertion."""
MAX_ATTRIBUTE_BYTES: Final = 1_024
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
_TOO_MANY_ATTRIBUTES: Final = etree.XPath(f"boolean(//*[@*[{MAX_ATTRIBUTES + 1}]])")


class MalformedXml(Exception):
    """Bytes that are not XML as this platform takes it; the reason is for the log and holds none of them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(raw: bytes) -> etree._Element:
    """Parse a message of any origin.

    lxml keeps every name it ever met in a dictionary of the thread, for as long as the thread lives. A message of a
    stranger is parsed in a thread of its own, so that the names it invents go away with the tree.

    Args:
        raw: The whole message, in UTF-8 with or without byte order mark.

    Returns:
        The root element; comments and processing instructions are in the tree, CDATA is text.

    Raises:
        MalformedXml: not UTF-8, not well-formed, with a DTD, or too much work.
    """
    text = raw.removeprefix(_BOM)
    _check_bytes(text)
    outcome: list[etree._Element | MalformedXml] = []
    thread = threading.Thread(target=lambda: outcome.append(_outcome(text)), name="pfcng-xml")
    thread.start()
    thread.join()
    [root] = outcome
    if isinstance(root, MalformedXml):
        raise root
    _check_tree(root)
    return root


def parse_verified(octets: bytes, *, comments: bool = False, instructions: bool = False) -> etree._Element:
    """Parse again, in the calling thread, what a verified signature covers.

    Args:
        octets: A canonical form, or an element serialised with all that it inherits.
        comments: Whether to keep comments.
        instructions: Whether to keep processing instructions.

    Raises:
        MalformedXml: not well-formed.
    """
    return _parse(octets, comments=comments, instructions=instructions)


def _outcome(text: bytes) -> etree._Element | MalformedXml:
    try:
        return _parse(text, comments=True, instructions=True)
    except MalformedXml as error:
        return error


def _parse(text: bytes, *, comments: bool, instructions: bool) -> etree._Element:
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
        return etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedXml(f"not well-formed: libxml2 error {getattr(error, 'code', 0)}") from None


def _check_bytes(text: bytes) -> None:
    """Everything that can be refused without a parser, the cheapest first; each is one pass in C."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedXml(f"not UTF-8: byte {error.start}") from None
    if b"\0" in text:
        raise MalformedXml("not UTF-8 text: a zero byte")
    if text.startswith(b"<?xml") and text[5:6].isspace() and not _DECLARATION.match(text):
        raise MalformedXml("an XML declaration other than 1.0 in UTF-8")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise MalformedXml("a document type declaration")
    tags, namespaces = text.count(b"<"), text.count(b"xmlns")
    if tags > MAX_TAGS or namespaces > MAX_NAMESPACES or tags * namespaces > MAX_TAGS_TIMES_NAMESPACES:
        raise MalformedXml(f"too much to canonicalise: {tags} tags, {namespaces} namespace declarations")
    if _LONG_ATTRIBUTE.search(text):
        raise MalformedXml(f"an attribute over {MAX_ATTRIBUTE_BYTES} bytes")


def _check_tree(root: etree._Element) -> None:
    document: Any = root.getroottree().docinfo
    if document.internalDTD is not None or document.externalDTD is not None or document.doctype:
        raise MalformedXml("a document type declaration")
    if _TOO_DEEP(root):
        raise MalformedXml(f"over {MAX_DEPTH} levels")
    if _TOO_MANY_ATTRIBUTES(root):
        raise MalformedXml(f"over {MAX_ATTRIBUTES} attributes on an element")
