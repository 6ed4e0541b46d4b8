"""What the pages say can be followed: links lead somewhere, commands, options and settings exist."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from pydantic import ValidationError

from pfcng.cli import app
from pfcng.mistakes import french
from pfcng.settings import IgcSettings, PlatformSettings
from pfcng.settings.loading import FileSettings

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
COMMANDS: Final[Any] = typer.main.get_command(app)
_PROGRAMS: Final = ("pfcng", "/opt/pfcng/bin/pfcng", "pfcng-exploiter")
"""How a page calls the command."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Those that a reader of Markdown makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", sentences(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def text(page: Path) -> str:
    return unicodedata.normalize("NFC", page.read_text("utf-8"))


def sentences(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text(page), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or file.suffix != ".md" or anchor in anchors(file), target


def calls(page: Path) -> Iterator[list[str]]:
    """What a page has people type after ``pfcng``, in its blocks and in its sentences."""
    blocks = re.findall(r"^ *```(?:console|bash|text)\n(.*?)^ *```$", text(page), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", sentences(page))
    for line in lines:
        words = re.sub(r"\s#\s.*", "", line).replace("'", " ").replace('"', " ").split()
        for place, word in enumerate(words):
            following = "".join(words[place + 1 : place + 2])
            if word in _PROGRAMS and following not in _PROGRAMS and re.fullmatch(r"[a-z][a-z-]*", following):
                yield list(_until_a_shell_takes_over(words[place + 1 :]))
                break


def _until_a_shell_takes_over(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in {"|", ">", "&&", ";", "||", "&"}:
            return
        yield word


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    """Nobody types what was renamed."""
    for words in calls(page):
        command = COMMANDS
        for word in words:
            if not hasattr(command, "commands") or not re.fullmatch(r"[a-z-]+", word):
                break
            assert word in command.commands, words
            command = command.commands[word]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        typed = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert typed <= {*known, "--help"}, (command.name, words)


def settings_of(block: str) -> type[FileSettings] | None:
    """Whose settings a block has; None for a client's profile."""
    if "[signature]" in block:
        return None
    return IgcSettings if "[clients]" in block else PlatformSettings


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_settings_of_a_page_lack_nothing_but_their_files(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every name and every value is one; the files are the reader's."""
    monkeypatch.setenv("PFCNG_DSN", "host=base.interne dbname=pfcng user=pfcng")
    for block in re.findall(r"^```toml\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE):
        kind = settings_of(block)
        if kind is None:
            assert set(tomllib.loads(block)) <= {"url", "confiance", "autorites", "delai", "tls", "signature"}
            continue
        with pytest.raises(ValidationError) as raised:
            kind.parse(block, tmp_path)
        faults = [french(fault) for fault in raised.value.errors()]
        assert [fault for fault in faults if not fault.endswith("n’existe pas")] == []
