"""The shape of an element: its child elements, and whether text stands where none should."""

from typing import Final

from lxml import etree

XML_SPACE: Final = " \t\r\n"
"""White space as XML means it; Unicode has more."""


def child_elements(parent: etree._Element) -> list[etree._Element]:
    """The children of ``parent`` that are elements: neither comments nor processing instructions."""
    return [child for child in parent if isinstance(child.tag, str)]


def has_text(parent: etree._Element) -> bool:
    """Whether ``parent`` directly holds text other than white space."""
    return any(text and text.strip(XML_SPACE) for text in (parent.text, *(child.tail for child in parent)))
