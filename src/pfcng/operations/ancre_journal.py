"""The head of the journal, kept outside the database, in a file or in syslog (docs/journal.md, J3)."""

import os
import re
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from pfcng.store.sealing import Head

_MARK: Final = "pfcng.journal.ancre"
"""Begins what syslog is told; what stands before it in a syslog file is syslog's."""
_LINE: Final = re.compile(rf"(?:.*\b{re.escape(_MARK)} )?([1-9][0-9]{{0,18}}) ([0-9T:.+-]+) ([0-9a-f]{{64}})")
_LONGEST: Final = 400
"""More octets than two lines have."""


class UnreadableAnchor(Exception):
    """A line of an anchor file is none; the message is French."""


class Anchor(Protocol):
    """Where heads are kept; lines are added and never changed."""

    @property
    def every(self) -> int:
        """Entries between two lines."""

    def last(self) -> Head | None:
        """The head of the last line, or None when there is none that is known.

        Raises:
            OSError: It cannot be read.
        """

    def append(self, head: Head) -> None:
        """Add the line of a head. One process at a time calls this.

        Raises:
            OSError: It cannot be written.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFile:
    """A file that takes ``rang date empreinte``, one line at a time.

    Attributes:
        path: The file; best on another machine or a medium that only takes additions.
        every: Entries between two lines.
    """

    path: Path
    every: int = 100

    def __post_init__(self) -> None:
        _check(self.every)

    def check(self) -> None:
        """See that the file takes lines; one that does not exist is made.

        Raises:
            OSError: It does not.
        """
        self.path.open("ab").close()

    def last(self) -> Head | None:
        """That of the last whole line of the file."""
        found = [match for line in self._end().splitlines() if (match := _LINE.fullmatch(line))]
        return _head(found[-1]) if found else None

    def append(self, head: Head) -> None:
        """Add the line and have the disk take it."""
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


@dataclass(slots=True, kw_only=True)
class AnchorSyslog:
    """The machine's syslog, which may carry the lines elsewhere. Each process tells it the heads it comes to.

    Attributes:
        every: Entries between two lines.
        address: The socket that syslog listens on.
    """

    every: int = 100
    address: Path = Path("/dev/log")
    _last: Head | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        _check(self.every)

    def check(self) -> None:
        """See that syslog listens.

        Raises:
            OSError: It does not.
        """
        self._connect().close()

    def last(self) -> Head | None:
        """That of the last line of this process: syslog is not read."""
        return self._last

    def append(self, head: Head) -> None:
        """Send the line, as RFC 3164 has it."""
        with self._connect() as connection:
            connection.send(f"<{_AUTHPRIV_NOTICE}>pfcng[{os.getpid()}]: {_MARK} {format_line(head)}".encode())
        self._last = head

    def _connect(self) -> socket.socket:
        if sys.platform == "win32":
            raise OSError("no syslog")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            connection.connect(str(self.address))
        except OSError as error:
            connection.close()
            raise OSError(error.errno, error.strerror, str(self.address)) from error
        return connection


_AUTHPRIV_NOTICE: Final = 10 * 8 + 5


def _check(every: int) -> None:
    if every < 1:
        raise ValueError("every is a number of entries")


def _head(line: re.Match[str]) -> Head:
    return Head(rang=int(line[1]), empreinte=bytes.fromhex(line[3]), scelle_le=datetime.fromisoformat(line[2]))


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
