"""VerifiedBody <-> messages: one codec for the ten of them, checked against the XSD both ways.

The dataclasses of ``contract/messages.py`` say which elements there are and in which order; the XSD says how often,
with which values, and in which of them white space counts. Reading is tolerant of what integrators who hold another
edition of the schema send: children in any order, qualified or not. Writing is always in the published form.

The work is linear in the message, and a message that repeats an element is refused where the limit is passed.
"""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import date
from itertools import islice
from threading import Lock
from typing import Any, Final

from lxml import etree

from pfcng.contract.catalogue import MAX_DEMANDES, MAX_FQDN
from pfcng.contract.codes import WSMG_05, WSMG_23, WSMG_42
from pfcng.contract.messages import DemandeCertificat, Request, RequeteDemandeCertificats, Response
from pfcng.contract.operations import NAMESPACE, Operation
from pfcng.contract.refusal import Refusal
from pfcng.contract.schemas import xsd
from pfcng.xml.dsig import VerifiedBody
from pfcng.xml.layout import ELEMENTS, SHAPES, Child, Shape
from pfcng.xml.shape import XML_SPACE

_QUALIFIED: Final = f"{{{NAMESPACE}}}"
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"

# What a document says of its schema and types. Any element may carry them (XML Schema part 1, §2.6) and nothing follows
# them: they are dropped, and the contract's own types count.
_HINTS: Final = frozenset({f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation", f"{_XSI}type"})

_LONGEST_TEXT: Final = 65_536
"""Characters of one value. None of the contract comes near; the patterns of the XSD would take a second over 10 MiB."""


class _WrongElement(Exception):
    """The first element that the contract does not allow, by its local name."""


_SCHEMA: Final = etree.XMLSchema(etree.XML(xsd()))
_SCHEMA_LOCK: Final = Lock()
"""Held for a validation and the reading of its errors: ``error_log`` belongs to the object and not to the call."""


def check_lot_limits(body: VerifiedBody) -> None:
    """Refuse a lot that is too long, or a demande with too many names, before anything else is read of it.

    Raises:
        Refusal: WSMG-00000023 over 20 demandes, WSMG-00000042 over 5 FQDN in any of them. Both stop the lot.

    Source: guide §14, §19 table 22.
    """
    if body.operation is not Operation.DEMANDER_CERTIFICATS:
        return
    demandes = list(islice(_named(body.payload, "demandeCertificat"), MAX_DEMANDES + 1))
    if len(demandes) > MAX_DEMANDES:
        raise Refusal(WSMG_23)
    for demande in demandes:
        if next(islice(_named(demande, "FQDN"), MAX_FQDN, None), None) is not None:
            raise Refusal(WSMG_42)


def decode(body: VerifiedBody) -> Request:
    """The request that was signed.

    Raises:
        Refusal: WSMG-00000005 with the name of the first wrong element, first letter in upper case. What is there or
            missing is looked at before the values.

    Source: guide §14.4, example 2.
    """
    try:
        request: Request = _read(body.payload, body.operation.request_type)
    except _WrongElement as wrong:
        name = str(wrong)
        raise Refusal(WSMG_05, name[:1].upper() + name[1:], diagnostic=f"not schema-valid: {name}") from None
    return request


def decode_each_demande(body: VerifiedBody) -> tuple[DemandeCertificat, ...]:
    """Those demandes of a refused lot, among the first 20, that can be read alone: they are kept as not treated.

    Source: guide §14.2 (« Demande non traitée », « Produit annulé »).
    """
    if body.operation is not Operation.DEMANDER_CERTIFICATS:
        return ()
    demandes: list[DemandeCertificat] = []
    shape = SHAPES[RequeteDemandeCertificats]
    (child,) = shape.children
    for demande in islice(_named(body.payload, child.name), MAX_DEMANDES):
        with suppress(_WrongElement):
            _check_child(demande, child)
            lot = _root(RequeteDemandeCertificats)
            lot.append(deepcopy(demande))
            demandes += _interpret(lot, shape).demandes
    return tuple(demandes)


def decode_response(payload: etree._Element, operation: Operation) -> Response:
    """The reply of ``operation`` that ``payload`` carries.

    Raises:
        ValueError: It is not such a reply, or the schema does not allow it.
    """
    reply = deepcopy(payload)
    etree.strip_tags(reply, etree.Comment, etree.ProcessingInstruction)
    try:
        response: Response = _read(reply, operation.response_type)
    except _WrongElement as wrong:
        raise ValueError(f"reply to {operation.value} is not schema-valid: {wrong}") from None
    return response


def encode(message: Request | Response) -> etree._Element:
    """The message in its published form: root qualified, children not, in schema order.

    Raises:
        ValueError: The schema does not allow it, or XML cannot carry one of its characters. The text names the element
            and never its value.
    """
    root = _root(type(message))
    _fill(root, message, SHAPES[type(message)])
    try:
        _validate(root)
    except _WrongElement as wrong:
        raise ValueError(f"{type(message).__name__} is not schema-valid: {wrong}") from None
    return root


def schema_faults(message: Request) -> tuple[tuple[str, str], ...]:
    """Every element whose value the schema does not allow, with libxml2's name of the rule; for who corrects a message.

    Raises:
        ValueError: XML cannot carry one of its characters.
    """
    root = _root(type(message))
    _fill(root, message, SHAPES[type(message)])
    with _SCHEMA_LOCK:
        if _SCHEMA.validate(root):
            return ()
        errors: Any = _SCHEMA.error_log
        return tuple((_last_step(error.path), error.type_name) for error in errors)


def _read(message: etree._Element, message_type: type) -> Any:
    shape = SHAPES[message_type]
    if message.tag != f"{_QUALIFIED}{ELEMENTS[message_type]}":
        raise _WrongElement(_local_name(message))
    # Checked before it is copied: what passes has few elements, however long the message was.
    _check_structure(message, shape)
    return _interpret(deepcopy(message), shape)


def _interpret(message: etree._Element, shape: Shape) -> Any:
    _arrange(message, shape)
    _validate(message)
    return _build(message, shape)


def _root(message_type: type) -> etree._Element:
    # The prefix is the one of the guide's sample replies (§14.2.2).
    return etree.Element(f"{_QUALIFIED}{ELEMENTS[message_type]}", nsmap={"ns3": NAMESPACE})


def _named(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    return parent.iterchildren(name, f"{_QUALIFIED}{name}")


def _contract_name(element: etree._Element) -> str:
    """The name without the contract's own namespace; another namespace stays in it."""
    return element.tag.removeprefix(_QUALIFIED)


def _local_name(element: etree._Element) -> str:
    """The name for a refusal, which is not the place for what a hostile message may hold."""
    return etree.QName(element).localname[:64]


def _is_blank(text: str | None) -> bool:
    return not text or not text.strip(XML_SPACE)


def _check_structure(node: etree._Element, shape: Shape) -> None:
    """Find the first element that should not be there, or is missing."""
    _refuse_attributes(node)
    if not _is_blank(node.text):
        raise _WrongElement(_local_name(node))
    counts = [0] * len(shape.children)
    for element in node:
        position = shape.positions.get(_contract_name(element))
        if position is None:
            raise _WrongElement(_local_name(element))
        child = shape.children[position]
        counts[position] += 1
        if counts[position] > child.limit:
            raise _WrongElement(child.name)
        _check_child(element, child)
        if not _is_blank(element.tail):
            raise _WrongElement(_local_name(node))
    for child, count in zip(shape.children, counts, strict=True):
        if child.mandatory and not count:
            raise _WrongElement(child.name)


def _check_child(element: etree._Element, child: Child) -> None:
    if child.nested:
        _check_structure(element, child.nested)
        return
    _refuse_attributes(element)
    if len(element) or len(element.text or "") > _LONGEST_TEXT:
        raise _WrongElement(child.name)


def _refuse_attributes(element: etree._Element) -> None:
    if not _HINTS.issuperset(element.keys()):
        raise _WrongElement(_local_name(element))


def _arrange(node: etree._Element, shape: Shape) -> None:
    """Bring a message of sound structure into the published form."""
    node.attrib.clear()
    order = []
    for element in node:
        name = _contract_name(element)
        if name != element.tag:
            element.tag = name
        position = shape.positions[name]
        order.append(position)
        nested = shape.children[position].nested
        if nested:
            _arrange(element, nested)
        elif element.keys():
            element.attrib.clear()
    if order != sorted(order):
        node[:] = sorted(node, key=lambda element: shape.positions[element.tag])


def _validate(root: etree._Element) -> None:
    """Check values and numbers; the error names the element and keeps its value to itself."""
    with _SCHEMA_LOCK:
        if _SCHEMA.validate(root):
            return
        errors: Any = _SCHEMA.error_log
        raise _WrongElement(_last_step(errors[0].path))


def _last_step(path: str) -> str:
    """The element that ``/ns3:requeteDemandeCertificats/demandeCertificat[2]/mailDemandeur`` ends with."""
    return path.rpartition("/")[2].partition("[")[0].rpartition(":")[2]


def _build(node: etree._Element, shape: Shape) -> Any:
    """The dataclass that a validated copy stands for."""
    values: dict[str, Any] = {}
    for element in node:
        child = shape.children[shape.positions[element.tag]]
        value = _build(element, child.nested) if child.nested else child.read(element.text or "")
        values[child.attribute] = (*values.get(child.attribute, ()), value) if child.repeated else value
    return shape.message_type(**values)


def _fill(parent: etree._Element, message: object, shape: Shape) -> None:
    for child in shape.children:
        value = getattr(message, child.attribute)
        for item in value if child.repeated else (value,):
            if item is None:
                continue
            element = etree.SubElement(parent, child.name)
            if child.nested:
                _fill(element, item, child.nested)
            else:
                element.text = item.isoformat() if isinstance(item, date) else str(item)
