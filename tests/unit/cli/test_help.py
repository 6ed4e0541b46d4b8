"""The help: at once, in French, with an example for every command."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pfcng.cli import app


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words that lead to each command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    """One that begins with the command's own words, and no word of English or of Python."""
    shown = CliRunner().invoke(app, [*path, "--help"], prog_name="pfcng").stdout
    assert re.search(rf"Exemples? :\n(.*\n)*? +pfcng {' '.join(path)}\b", shown), shown
    assert not re.search(r"Usage:|Options:|\[required\]|default:|x>=|<=x|<Path>|<str>|list\[", shown)


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_no_line_of_the_help_breaks_against_french_typography(path: tuple[str, ...]) -> None:
    """No guillemet or punctuation mark is alone at an end of a line; arguments are written bare or in brackets."""
    shown = CliRunner().invoke(app, [*path, "--help"], prog_name="pfcng").stdout
    assert not re.search(r"«$|^\s*[»:;!?]|[{}]|\[\[", shown, re.MULTILINE), shown


def test_the_help_waits_for_nothing_slow() -> None:
    """What takes long to import is imported by the command that needs it; the time itself is in docs/client.md."""
    slow = ("cryptography", "lxml", "httpx", "psycopg", "rich", "structlog", "pkcs11", "xmlsec")
    code = f"import sys; import pfcng.cli; print([name for name in {slow!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
