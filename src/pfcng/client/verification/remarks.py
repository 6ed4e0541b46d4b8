"""What a verification says: one remark a fault, a doubt, or a thing worth knowing."""

from dataclasses import dataclass
from enum import Enum

from pfcng.contract.codes import Code


class Level(Enum):
    """How much a remark weighs; the values are what people and programs read."""

    FAULT = "faute"
    """The platform refuses it."""
    DOUBT = "doute"
    """The platform may take it, and it may still be wrong."""
    NOTE = "note"
    """What becomes of it, or what was not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One finding.

    Attributes:
        level: How much it weighs.
        element: The element of the contract that it is about; ``CSR`` for a key.
        text: French, whole sentences.
        code: What the platform would answer, where it is known.
    """

    level: Level
    element: str
    text: str
    code: Code | None = None


def fault(element: str, text: str, code: Code | None = None) -> Remark:
    """A fault."""
    return Remark(level=Level.FAULT, element=element, text=text, code=code)


def doubt(element: str, text: str) -> Remark:
    """A doubt."""
    return Remark(level=Level.DOUBT, element=element, text=text)


def note(element: str, text: str) -> Remark:
    """A note."""
    return Remark(level=Level.NOTE, element=element, text=text)
