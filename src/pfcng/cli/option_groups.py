"""Options that several commands have, written once: a parameter whose type is a dataclass of options."""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every field of its dataclasses as an option of its own: typer knows no groups of options."""
    signature = inspect.signature(command, eval_str=True)
    kinds: dict[str, Any] = {one.name: one.annotation for one in signature.parameters.values()}
    groups = {name: kind for name, kind in kinds.items() if isinstance(kind, type) and is_dataclass(kind)}

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{one.name: given.pop(one.name) for one in fields(group)})
        command(**given)

    options: list[inspect.Parameter] = []
    for one in signature.parameters.values():
        options += inspect.signature(groups[one.name]).parameters.values() if one.name in groups else [one]
    run.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
    return run
