"""The files of registers as streams of lines: plain or zipped, of any size, in UTF-8 or in latin-1."""

import errno
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from zipfile import BadZipFile, ZipFile

MAX_LINE: Final = 65_536
"""Bytes of the longest line that is read; real ones have under 2 000."""
_ZIP: Final = b"PK\x03\x04"
_OTHERS: Final = {
    b"": "ce fichier est vide",
    b"\x1f\x8b": "c’est un fichier gzip : décompressez-le d’abord",
    b"\xff\xfe": "ce texte est en UTF-16 : enregistrez-le en UTF-8",
    b"\xfe\xff": "ce texte est en UTF-16 : enregistrez-le en UTF-8",
}
"""First two octets of files that are not read, and what to do."""
_ZIPPED: Final = "Personne_activite"
"""What the name of the file to read in an archive of PS_LibreAcces contains."""
_BOM: Final = b"\xef\xbb\xbf"


class UnreadableFile(ValueError):
    """A file that cannot be opened; the message is French."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open file.

    Attributes:
        size: Bytes to read, or None when nobody knows (a pipe).
    """

    stream: IO[bytes]
    size: int | None

    def lines(self) -> Iterator[bytes]:
        """Its lines with their ends; of one that is longer than MAX_LINE, the beginning.

        Raises:
            UnreadableFile: The rest of the file cannot be read.
        """
        read = self.stream.readline
        try:
            while line := read(MAX_LINE):
                yield line
                while is_cut(line):
                    line = read(MAX_LINE)
        except (BadZipFile, zlib.error, EOFError, OSError) as error:
            raise UnreadableFile("lecture interrompue : le fichier est abîmé ou inaccessible") from error


def is_cut(line: bytes) -> bool:
    """Whether only the beginning of a line was read."""
    return len(line) == MAX_LINE and not line.endswith(b"\n")


class Decoder:
    """Decodes line after line; the first one that is not ASCII tells whether the file is in UTF-8 or in latin-1."""

    def __init__(self) -> None:
        self._encoding: str | None = None

    def first(self, line: bytes) -> str:
        """The first line, without the mark of UTF-8 that some tools write."""
        if line.startswith(_BOM):
            self._encoding = "utf-8"
        return self.text(line.removeprefix(_BOM))

    def text(self, line: bytes) -> str:
        """A line without its end.

        Raises:
            UnicodeDecodeError: The file is in UTF-8, and this line is not.
        """
        if self._encoding is None and not line.isascii():
            self._encoding = _encoding(line)
        return line.decode(self._encoding or "ascii").rstrip("\r\n")


def _encoding(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a file, or the one of a zip archive that holds persons and their activities.

    Raises:
        UnreadableFile: It cannot be opened.
    """
    try:
        opened = path.open("rb")
    except OSError as error:
        raise UnreadableFile(_reason(error)) from error
    with opened:
        first = opened.peek(len(_ZIP))
        if first[:2] in _OTHERS:
            raise UnreadableFile(_OTHERS[first[:2]])
        if first.startswith(_ZIP):
            with _open_zip(path) as source:
                yield source
        else:
            yield Source(opened, path.stat().st_size if path.is_file() else None)


@contextmanager
def _open_zip(path: Path) -> Iterator[Source]:
    try:
        archive = ZipFile(path)
    except (BadZipFile, OSError) as error:
        raise UnreadableFile("archive zip illisible") from error
    with archive:
        members = [member for member in archive.infolist() if _ZIPPED.lower() in member.filename.lower()]
        if len(members) != 1:
            raise UnreadableFile(f"l’archive zip doit contenir un fichier …{_ZIPPED}…, et un seul")
        try:
            stream = archive.open(members[0])
        except (BadZipFile, RuntimeError) as error:
            raise UnreadableFile("archive zip chiffrée ou d’un type inconnu") from error
        with stream:
            yield Source(stream, members[0].file_size)


def _reason(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "ce fichier n’existe pas"
        case IsADirectoryError():
            return "c’est un dossier, pas un fichier"
        case PermissionError():
            return "lecture interdite"
        case _:
            return f"lecture impossible ({errno.errorcode.get(error.errno or 0, error.errno)})"
