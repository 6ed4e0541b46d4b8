"""Templates that come to an end: an operator's mistake costs its mails, not the worker.

The bounds are far above what a mail needs. They are for mistakes: whoever writes the templates has the machine.
"""

import time
from collections.abc import Mapping, Sized
from contextvars import ContextVar
from typing import Any, Final

from jinja2 import Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

_CHARACTERS: Final = 100_000
_TURNS: Final = 1_000
_SECONDS: Final = 5.0
_END: Final[ContextVar[float]] = ContextVar("end")
"""When the text that is being made has to be done."""


class BoundedEnvironment(SandboxedEnvironment):
    """Templates see values and no more of Python; what they repeat is bounded."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.globals["range"] = _few

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply, unless a text would become too long.

        Raises:
            SecurityError: It would.
        """
        if operator == "**":
            raise SecurityError("« ** » n’est pas permis")
        text, times = (left, right) if isinstance(left, Sized) else (right, left)
        if isinstance(text, Sized) and isinstance(times, int) and len(text) * times > _CHARACTERS:
            raise SecurityError(f"un texte de plus de {_CHARACTERS} caractères")
        return super().call_binop(context, operator, left, right)


def render(template: Template, values: Mapping[str, Any]) -> str:
    """The text, piece by piece.

    Raises:
        SecurityError: It is too long, or takes too long.
        TemplateError: The template is wrong.
    """
    _END.set(time.monotonic() + _SECONDS)
    pieces, length = list[str](), 0
    for piece in template.generate(values):
        pieces.append(piece)
        length += len(piece)
        if length > _CHARACTERS:
            raise SecurityError(f"un texte de plus de {_CHARACTERS} caractères")
        _check_time()
    return "".join(pieces)


def _check_time() -> None:
    if time.monotonic() > _END.get():
        raise SecurityError(f"plus de {_SECONDS:.0f} secondes")


def _few(*bounds: int) -> range:
    """``range``; asked for again by each turn of a loop around it, it sees loops in loops that write nothing."""
    _check_time()
    turns = range(*bounds)
    if len(turns) > _TURNS:
        raise SecurityError(f"une boucle de plus de {_TURNS} tours")
    return turns
