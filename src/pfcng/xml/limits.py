"""What the schema asks of each element's value, as a French sentence: read from the XSD, so said nowhere else."""

from functools import cache

from lxml import etree

from pfcng.contract.schemas import xsd

_XSD = "{http://www.w3.org/2001/XMLSchema}"


def describe_limits(element: str) -> str:
    """The sentence for an element of the messages, without a period; empty when its value is free or unknown."""
    return _sentences().get(element, "")


@cache
def _sentences() -> dict[str, str]:
    schema = etree.XML(xsd())
    types = {node.get("name", ""): node for node in schema.iterchildren(f"{_XSD}simpleType")}
    return {
        node.get("name", ""): _sentence(types[name])
        for node in schema.iter(f"{_XSD}element")
        if (name := node.get("type", "").removeprefix("tns:")) in types
    }


def _sentence(declaration: etree._Element) -> str:
    values = [node.get("value", "") for node in declaration.iter(f"{_XSD}enumeration")]
    if values:
        return "une de ces valeurs : " + ", ".join(values)
    documentation = declaration.findtext(f".//{_XSD}documentation") or ""
    text = " ".join(documentation.split()).rstrip(".")
    longest = next((node.get("value", "") for node in declaration.iter(f"{_XSD}maxLength")), "")
    known = not longest or longest in text.replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if text[1:2].islower():  # no acronym
        text = text[:1].lower() + text[1:]
    return text if known else f"{text} ; {longest} caractères au plus"
