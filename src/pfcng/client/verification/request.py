"""A request as XML, of any tool and of any quality: read leniently, so that every fault of it can be told at once.

What is read here serves remarks alone; a platform decodes what was verified, and nothing else (`xml.codec`).
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from lxml import etree

from pfcng.client.diagnosis.french import explain
from pfcng.client.verification.remarks import Remark, fault
from pfcng.contract import codes
from pfcng.contract.messages import XML_NAME, Request
from pfcng.contract.operations import NAMESPACE, Operation, by_request_element
from pfcng.xml.parsing import MalformedXml, parse
from pfcng.xml.shape import XML_SPACE, child_elements, has_text
from pfcng.xml.soap import BODY, ENVELOPE

_SHOWN: Final = 60
"""Characters of a stranger's value that are shown."""


class UnreadableRequest(ValueError):
    """The document holds no request of the Web Service; its text is a French sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A request as far as it could be read.

    Attributes:
        operation: What it calls.
        message: The request, with those of its demandes that could be read; None when it is too wrong to be one.
        remarks: What was wrong, and where.
        positions: For a lot, the place in it (from 1) of each demande of `message`.
    """

    operation: Operation
    message: Request | None
    remarks: tuple[Remark, ...]
    positions: tuple[int, ...] = ()


def read_request(content: bytes) -> ReadRequest:
    """Read an envelope, signed or not, or its request element alone.

    Raises:
        UnreadableRequest: it is neither.
    """
    try:
        root = parse(content)
    except MalformedXml as error:
        raise UnreadableRequest(f"Ce n’est pas un document XML accepté : {explain(error.reason)}.") from error
    payload = _payload(root)
    operation = by_request_element(etree.QName(payload).localname)
    if operation is None:
        raise UnreadableRequest(
            f"« {etree.QName(payload).localname[:_SHOWN]} » n’est pas une requête du Web Service : "
            f"{', '.join(one.request_element for one in Operation)}."
        )
    reader = _Reader()
    if etree.QName(payload).namespace != NAMESPACE:
        reader.say(operation.request_element, f"L’espace de noms de la requête doit être {NAMESPACE}.")
    message = reader.read(payload, operation.request_type)
    return ReadRequest(
        operation=operation, message=message, remarks=tuple(reader.remarks), positions=tuple(reader.positions)
    )


def _payload(root: etree._Element) -> etree._Element:
    if root.tag != ENVELOPE:
        return root
    bodies = [child for child in child_elements(root) if child.tag == BODY]
    payloads = child_elements(bodies[0]) if len(bodies) == 1 else []
    if len(payloads) != 1:
        raise UnreadableRequest("L’enveloppe SOAP doit avoir un seul Body, et lui un seul élément.")
    return payloads[0]


class _Reader:
    """Reads by the fields of the dataclasses and keeps a remark for each thing that does not fit."""

    def __init__(self) -> None:
        self.remarks: list[Remark] = []
        self.positions: list[int] = []

    def say(self, element: str, text: str) -> None:
        self.remarks.append(fault(element, text, codes.WSMG_05))

    def read(self, node: etree._Element, message_type: type) -> Any:
        """The message, or None when an element that it must have is missing or wrong."""
        hints = get_type_hints(message_type)
        known = {field.metadata[XML_NAME]: field for field in fields(message_type)}
        found: dict[str, list[etree._Element]] = {name: [] for name in known}
        for child in child_elements(node):
            name = etree.QName(child).localname
            if name in found:
                found[name].append(child)
            else:
                self.say(name[:_SHOWN], f"« {name[:_SHOWN]} » n’est pas un élément de cette requête.")
        if has_text(node):
            self.say(etree.QName(node).localname, "Du texte se trouve entre les éléments.")
        values: dict[str, Any] = {}
        for name, field in known.items():
            values |= self._field(found[name], name, field, hints[field.name])
        complete = all(field.default is not MISSING or field.name in values for field in known.values())
        return message_type(**values) if complete else None

    def _field(self, nodes: list[etree._Element], name: str, field: Any, hint: Any) -> dict[str, Any]:
        arguments = [argument for argument in get_args(hint) if argument not in {NoneType, Ellipsis}]
        value_type = arguments[0] if arguments else hint
        repeated = Ellipsis in get_args(hint)
        if not nodes:
            if field.default is MISSING:
                self.say(name, f"« {name} » est obligatoire.")
            return {}
        if len(nodes) > 1 and not repeated:
            self.say(name, f"« {name} » est donné {len(nodes)} fois.")
        values = list(self._values(nodes if repeated else nodes[:1], name, value_type))
        if repeated:
            return {field.name: tuple(values)}
        return {field.name: values[0]} if values else {}

    def _values(self, nodes: list[etree._Element], name: str, value_type: Any) -> Iterator[Any]:
        for position, node in enumerate(nodes, 1):
            if is_dataclass(value_type):
                before = len(self.remarks)
                value = self.read(node, value_type)  # type: ignore[arg-type]  # a dataclass, not an instance
                self.remarks[before:] = [_in_demande(remark, position) for remark in self.remarks[before:]]
                if value is not None:
                    self.positions.append(position)
                    yield value
                continue
            text = (node.text or "").strip(XML_SPACE)
            try:
                yield date.fromisoformat(text) if value_type is date else value_type(text)
            except ValueError:
                allowed = f" : {', '.join(map(str, value_type))}" if issubclass(value_type, Enum) else ""
                self.say(name, f"« {name} » : « {text[:_SHOWN]} » n’est pas une valeur permise{allowed}.")


def _in_demande(remark: Remark, position: int) -> Remark:
    return fault(remark.element, f"Demande {position} : {remark.text}", remark.code)
