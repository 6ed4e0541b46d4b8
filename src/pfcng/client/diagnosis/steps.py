"""The steps of a diagnosis and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class State(Enum):
    """What became of a step; the values are what people and programs read."""

    GOOD = "bon"
    BAD = "faute"
    UNKNOWN = "non vérifié"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        name: Short, for programs: ``document``, ``place``, ``forme``…
        title: What is looked at, in French.
        state: What became of it.
        text: Why, in French; whole sentences.
        details: Label → value, worth showing whatever became of it.
    """

    name: str
    title: str
    state: State
    text: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
