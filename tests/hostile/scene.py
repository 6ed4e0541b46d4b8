"""What hostile messages are made of: one valid message, taken apart, and two cards."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from support.minimal_pki import Card
from support.raw_signature import DS, SOAP, digest_again, find, sign_again


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
"""Name, octets, and HTTP headers other than those of the valid message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Attacks of one kind."""

    title: str
    variants: Callable[[Scene], Iterator[Variant]]


def new_element(name: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.Element(name, attributes)
    element.text = text or None
    return element


def ds_element(name: str, text: str = "", **attributes: str) -> etree._Element:
    return new_element(f"{{{DS}}}{name}", text, **attributes)


def in_first_value(message: bytes, text: bytes) -> bytes:
    """The message with ``text`` at the start of the first value of its Body."""
    taken = Message(message)
    leaf = next(element for element in taken.payload.iter(etree.Element) if not len(element))
    leaf.text = "@@@"
    return taken.octets.replace(b"@@@", text)
