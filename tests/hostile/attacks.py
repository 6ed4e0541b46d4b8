"""Hostile messages, made from one valid signed message: what the border has to refuse.

`attacks` yields every variant of every family. Each is to be answered by WSMG-00000002 or a Fault ``Client`` (by
WSMG-00000024 where it is over 10 MiB), never by a business answer. Where a rule of its own refuses a variant, the
variant is signed again by a card that is believed, so that the signature is not what gives it away.
Source: docs/choices.md §9, §11; the catalogue of signature wrapping by Somorovsky et al. (USENIX Security 2012).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from hostile import floods, keys, structure, wrapping
from hostile.scene import Scene
from pfcng.contract.catalogue import MAX_MESSAGE_BYTES
from pfcng.contract.operations import by_request_element
from support.minimal_pki import Card

FAMILIES: Final = wrapping.FAMILIES | structure.FAMILIES | keys.FAMILIES | floods.FAMILIES
"""Number → family; the first eighteen are those of the requirement, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One hostile HTTP request.

    Attributes:
        family: Key of `FAMILIES`.
        name: What is wrong, unique in its family.
        body: Octets to send.
        headers: HTTP headers to send.
    """

    family: int
    name: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def over_limit(self) -> bool:
        """Whether its size alone refuses it, before any parsing."""
        return len(self.body) > MAX_MESSAGE_BYTES

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"


def attacks(octets: bytes, *, signer: Card, stranger: Card, canary: Path) -> Iterator[Attack]:
    """Every hostile variant of one valid message in SOAP-SEC form.

    Args:
        octets: The message, signed by ``signer``, its Body named ``SOAP-SEC:id="Body"``.
        signer: A card that is believed.
        stranger: A card that is not.
        canary: Absolute path of a file that external entities point to.
    """
    scene = Scene(octets=octets, signer=signer, stranger=stranger, canary=canary)
    operation = by_request_element(etree.QName(scene.message().payload).localname)
    assert operation is not None
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation.soap_action}"'}
    for number, family in FAMILIES.items():
        for name, body, *more in family.variants(scene):
            yield Attack(family=number, name=name, body=body, headers=headers | dict(*more))
