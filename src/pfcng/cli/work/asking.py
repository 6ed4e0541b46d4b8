"""A question before something that is not taken back."""

from typing import Final

import typer

_YES: Final = frozenset({"o", "oui"})


def is_agreed(question: str, *, err: bool = False) -> bool:
    """Ask; anything but a yes is a no.

    Args:
        question: In French.
        err: Ask on the standard error: the standard output is for the result.
    """
    answer: str = typer.prompt(f"{question} (oui/non)", default="non", show_default=False, err=err)
    return answer.strip().lower() in _YES
