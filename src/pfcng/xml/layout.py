"""How the messages of the contract are carried: an element per field, as the dataclasses and the XSD say together."""

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from types import NoneType
from typing import Final, get_args, get_type_hints

from lxml import etree

from pfcng.contract.messages import XML_NAME
from pfcng.contract.operations import Operation
from pfcng.contract.schemas import xsd
from pfcng.xml.shape import XML_SPACE

_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_RUN_OF_WHITE_SPACE: Final = re.compile(f"[{XML_SPACE}]+")

ELEMENTS: Final[dict[type, str]] = {
    **{operation.request_type: operation.request_element for operation in Operation},
    **{operation.response_type: operation.response_element for operation in Operation},
}


@dataclass(frozen=True, slots=True)
class Child:
    """How one field of a message is carried."""

    attribute: str
    name: str
    mandatory: bool
    repeated: bool
    limit: int
    collapsed: bool
    convert: Callable[[str], object]
    nested: "Shape | None"

    def read(self, text: str) -> object:
        """The value that the text of the element stands for."""
        return self.convert(_collapse(text) if self.collapsed else text)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a message, or a structured element of one, is carried: its children in schema order."""

    message_type: type
    children: tuple[Child, ...]
    positions: dict[str, int]


def _collapse(text: str) -> str:
    """White space as XSD's ``collapse`` has it; outside ASCII, ``str.split`` would take other characters for space."""
    return " ".join(text.split()) if text.isascii() else _RUN_OF_WHITE_SPACE.sub(" ", text).strip(" ")


def _compile(message_type: type, declaration: etree._Element, named: dict[str, etree._Element]) -> Shape:
    structure = named[declaration.get("type", "").removeprefix("tns:")]
    declared = {node.get("name", ""): node for node in structure.iter(f"{_XSD}element")}
    hints = get_type_hints(message_type)
    children = []
    for field in fields(message_type):
        name = field.metadata[XML_NAME]
        hint = hints[field.name]
        arguments = [argument for argument in get_args(hint) if argument not in (NoneType, Ellipsis)]
        value_type = arguments[0] if arguments else hint
        structured = isinstance(value_type, type) and is_dataclass(value_type)
        children.append(
            Child(
                attribute=field.name,
                name=name,
                mandatory=field.default is MISSING,
                repeated=Ellipsis in get_args(hint),
                limit=int(declared[name].get("maxOccurs", "1")),
                collapsed=_built_in(declared[name].get("type", ""), named) != "xsd:string",
                convert=date.fromisoformat if value_type is date else value_type,
                nested=_compile(value_type, declared[name], named) if structured else None,
            )
        )
    return Shape(message_type, tuple(children), {child.name: i for i, child in enumerate(children)})


def _built_in(type_name: str, named: dict[str, etree._Element]) -> str:
    """The XSD's own type that a simple type restricts."""
    while type_name.startswith("tns:"):
        restriction = named[type_name.removeprefix("tns:")].find(f"{_XSD}restriction")
        if restriction is None:
            return ""  # a structure
        type_name = restriction.get("base", "")
    return type_name


def _compile_all() -> dict[type, Shape]:
    named = {node.get("name", ""): node for node in etree.XML(xsd()).iterchildren("*")}
    return {message_type: _compile(message_type, named[name], named) for message_type, name in ELEMENTS.items()}


SHAPES: Final = _compile_all()
