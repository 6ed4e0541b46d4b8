"""What a command says and how it exits: aligned French for people, one JSON object for programs.

Every JSON object has these keys, ``null`` where there is nothing to say, and those of its command:

- ``etat``: ``fait``, ``refus``, ``usage``, ``transport`` or ``deploiement``, as the exit status 0, 1, 2, 3 or 4
- ``operation``: the operation of the Web Service
- ``code``: the platform's statut, ``OK`` or ``WSMG-…``; ``null`` when no reply came
- ``message``: the platform's text, or what went wrong
- ``diagnostic``: the precise cause, when the platform tells it
- ``incident``: the number to give to the platform's support
- ``conseil``: what to do
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import zip_longest
from typing import Final, NoReturn

import typer

COMMON_KEYS: Final = ("operation", "code", "message", "diagnostic", "incident", "conseil")
"""The keys of every JSON object but ``etat``."""


class Status(IntEnum):
    """Exit statuses of the commands that call the platform."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    TRANSPORT = 3
    DEPLOYMENT = 4


ETATS: Final = {
    Status.DONE: "fait",
    Status.REFUSED: "refus",
    Status.USAGE: "usage",
    Status.TRANSPORT: "transport",
    Status.DEPLOYMENT: "deploiement",
}
"""What ``etat`` says for each exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command.

    Attributes:
        status: The exit status.
        headline: What happened, a French sentence.
        lines: Under it: a label and its value, or the columns of a list.
        advice: What to do next; may be empty.
        data: The keys of the JSON object but ``etat``.
    """

    status: Status
    headline: str
    lines: tuple[tuple[str, ...], ...] = ()
    advice: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


def counted(number: int, noun: str) -> str:
    """A number and its noun, or participle, which takes an s from two on."""
    return f"{number} {noun}{'s' if number > 1 else ''}"


def finish(outcome: Outcome, *, as_json: bool) -> NoReturn:
    """Print the outcome and exit with its status."""
    if as_json:
        advice = {"conseil": outcome.advice or None}
        document = {"etat": ETATS[outcome.status], **dict.fromkeys(COMMON_KEYS), **outcome.data, **advice}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(outcome)
    raise typer.Exit(outcome.status)


def _print(outcome: Outcome) -> None:
    from rich.console import Console  # noqa: PLC0415 - the help must not wait for it
    from rich.text import Text  # noqa: PLC0415 - idem

    done = outcome.status is Status.DONE
    console = Console(stderr=not done, highlight=False, soft_wrap=True)
    console.print(Text(outcome.headline, style="bold green" if done else "bold red"))
    columns = [column for column in zip_longest(*outcome.lines, fillvalue="") if any(column)]
    padded = [[f"{cell:<{max(map(len, column))}}" for cell in column] for column in columns]
    for label, *values in zip(*padded, strict=True):
        line = Text.assemble("  ", (label, "dim"), "  ", "  ".join(values))
        line.rstrip()
        console.print(line)
    if outcome.advice:
        console.print(Text(outcome.advice))
