"""The canonical octets of an element of a larger document.

lxml canonicalises whole documents well, but the inclusive form of an inner element wrongly when a default namespace is
in scope (``xmlns=""`` that nobody wrote). So the element becomes the root of a document of its own first, with all that
it inherits.
Source: Canonical XML 1.0 §2.3, §2.4; Exclusive XML Canonicalization 1.0 §3.
"""

from dataclasses import dataclass
from typing import Final

from lxml import etree

from pfcng.xml.parsing import parse_again

_XML_ATTRIBUTES: Final = "{http://www.w3.org/XML/1998/namespace}"
_DEFAULT: Final = "#default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonicalisation:
    """A canonicalisation algorithm.

    Attributes:
        exclusive: Exclusive C14N rather than inclusive.
        comments: Whether comments are part of the form.
        prefixes: The InclusiveNamespaces PrefixList of the exclusive form.
    """

    exclusive: bool = False
    comments: bool = False
    prefixes: tuple[str, ...] = ()


def canonical_octets(element: etree._Element, form: Canonicalisation) -> bytes:
    """The canonical form of ``element`` as the apex of its subtree.

    Raises:
        MalformedXml: it cannot stand alone.
        lxml.etree.LxmlError: it has no canonical form (a relative namespace name, for example).
    """
    root = parse_again(etree.tostring(element, with_tail=False), comments=form.comments, instructions=True)
    if not form.exclusive:
        _inherit_xml_attributes(root, element)
    if _DEFAULT in form.prefixes:
        # lxml drops a prefix that is no name of the thread's dictionary yet; this one never is (lxml 4.9 to 6.1).
        etree.fromstring(f'<x xmlns:x="{_DEFAULT}"/>')
    octets: bytes = etree.tostring(
        root,
        method="c14n",
        exclusive=form.exclusive,
        with_comments=form.comments,
        inclusive_ns_prefixes=list(form.prefixes) or None,
    )
    return octets


def _inherit_xml_attributes(root: etree._Element, element: etree._Element) -> None:
    """An apex takes over the ``xml:`` attributes of its ancestors, the nearest first."""
    for ancestor in element.iterancestors():
        for name, value in ancestor.items():
            if str(name).startswith(_XML_ATTRIBUTES) and name not in root.attrib:
                root.set(name, value)
