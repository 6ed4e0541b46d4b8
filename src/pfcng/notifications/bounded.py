"""Templates that come to an end: an operator's mistake costs its mails, not the worker.

The bounds are far above what a mail needs. They are for mistakes: whoever writes the templates has the machine.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sized
from contextvars import ContextVar
from functools import wraps
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

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.globals["range"] = _few
        del self.globals["lipsum"]
        del self.filters["format"]  # a text says how wide it makes another
        self.filters |= {name: _with_few(function) for name, function in self.filters.items()}

    def call(self, context: Context, function: Any, *arguments: Any, **named: Any) -> Any:
        """Call a macro, or a method of a value, unless it could make a text too long.

        Raises:
            SecurityError: It could.
        """
        if getattr(function, "__name__", None) in {"format", "format_map"}:
            raise SecurityError("« format » n’est pas permis")
        if function is not _few:
            _check_numbers((*arguments, *named.values()))
        return super().call(context, function, *arguments, **named)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply, unless a text would become too long.

        Raises:
            SecurityError: It would.
        """
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"« {operator} » n’est pas permis")
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


def _with_few(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that takes no great number beside its value: a width, a size, a count."""
    value = 2 if hasattr(function, "jinja_pass_arg") else 1

    @wraps(function)
    def bounded(*arguments: Any, **named: Any) -> Any:
        _check_numbers((*arguments[value:], *named.values()))
        return function(*arguments, **named)

    return bounded


def _check_numbers(arguments: Iterable[Any]) -> None:
    if any(isinstance(argument, int) and argument > _CHARACTERS for argument in arguments):
        raise SecurityError(f"un nombre de plus de {_CHARACTERS}")


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
