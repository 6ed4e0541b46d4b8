"""The head of the journal, kept outside the database: one line of a file every N entries (docs/journal.md, J3)."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from pfcng.store.sealing import Head

_LINE: Final = re.compile(r"([1-9][0-9]{0,18}) ([0-9T:.+-]+) ([0-9a-f]{64})")
_LONGEST: Final = 400
"""More octets than two lines have."""


class UnreadableAnchor(Exception):
    """A line of an anchor file is none; the message is French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A file that takes ``rang date empreinte``, one line at a time, and where lines are never changed.

    Attributes:
        path: The file; best on another machine or a medium that only takes additions.
        every: Entries between two lines.
    """

    path: Path
    every: int = 100

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("every is a number of entries")

    def last(self) -> tuple[int, bytes] | None:
        """The rank and hash of the last whole line, or None when there is none yet.

        Raises:
            OSError: The file cannot be read.
        """
        found = [match for line in self._end().splitlines() if (match := _LINE.fullmatch(line))]
        return (int(found[-1][1]), bytes.fromhex(found[-1][3])) if found else None

    def append(self, head: Head) -> None:
        """Add the line of a head and have the disk take it. One process at a time calls this for a file.

        Raises:
            OSError: The file cannot be written.
        """
        end = self._end()
        with self.path.open("ab") as file:
            # A line that a full disk cut short must not take this one with it.
            file.write(("" if not end or end.endswith("\n") else "\n").encode() + format_line(head).encode())
            file.flush()
            os.fsync(file.fileno())

    def _end(self) -> str:
        """The last octets of the file; empty when it does not exist."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST))
            return file.read().decode("utf-8", "replace")


def format_line(head: Head) -> str:
    """The line of a head: its rank, the time of its seal (UTC) and its hash."""
    return f"{head.rang} {head.scelle_le.astimezone(UTC).isoformat()} {head.empreinte.hex()}\n"


def read_anchors(lines: Iterable[str]) -> dict[int, bytes]:
    """Rank → hash, of every line.

    Raises:
        UnreadableAnchor: A line is none, or two lines contradict each other.
    """
    anchors: dict[int, bytes] = {}
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line.rstrip("\r\n"))
        if found is None:
            raise UnreadableAnchor(f"La ligne {number} n’est pas « rang date empreinte ».")
        rang, empreinte = int(found[1]), bytes.fromhex(found[3])
        if anchors.setdefault(rang, empreinte) != empreinte:
            raise UnreadableAnchor(f"La ligne {number} contredit une autre ligne du même rang.")
    return anchors
