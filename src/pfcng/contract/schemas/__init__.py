"""The published contract: ``pfcng-ws.xsd``, and ``pfcng-ws.wsdl`` as a client that asks for it gets it."""

from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

XSD_NAME: Final = "pfcng-ws.xsd"
"""Name under which the WSDL imports the schema, and value of the query parameter ``xsd`` that asks for it."""

_PLACEHOLDER: Final = "www.pfcng.in.com"


@cache
def xsd() -> bytes:
    """The XML schema of the ten messages (guide §9.1, tables 11 to 21)."""
    return files(__name__).joinpath(XSD_NAME).read_bytes()


def wsdl(location: str) -> bytes:
    """The WSDL of the five operations, as served at ``location`` (guide §9.2).

    Args:
        location: URL of the endpoint, without query. It becomes the ``soap:address``, and the schema is imported from
            ``location`` with the query ``?xsd=pfcng-ws.xsd``, so that any client can fetch it.
    """
    published = files(__name__).joinpath("pfcng-ws.wsdl").read_text(encoding="utf-8")
    address = escape(location)
    return (
        published.replace(f'"{XSD_NAME}"', f'"{address}?xsd={XSD_NAME}"')
        .replace(f'location="{_PLACEHOLDER}"', f'location="{address}"')
        .encode()
    )
