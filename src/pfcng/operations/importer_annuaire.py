"""Import of the annuaire: files of registers in, one transaction, and an account of what was read and changed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pfcng.contract.catalogue import Environment
from pfcng.operations.annuaire_files import Decoder, Source, UnreadableFile, is_cut, open_source
from pfcng.operations.annuaire_formats import BadLine, Reader, UnknownFormat, doubts, recognise
from pfcng.operations.exploitation import Exploitation
from pfcng.store import journal
from pfcng.store.annuaire_import import Changes, PersonneRow, Row, merge, open_staging, stage
from pfcng.store.database import Database

SHOWN: Final = 10
"""How many rejected lines, and how many doubts, of a file are kept to be shown."""
_STEP: Final = 2_000
"""Lines between two calls of the progress."""

MERGE: Final = "fusion"
"""The step after the files."""
Progress = Callable[[str, int, int | None], None]
"""Told now and then: the step, which is the name of a file or MERGE; the bytes done; how many there are, if known."""


class FileRefused(ValueError):
    """A file that cannot be imported, and with it the whole import; the message is French."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line, and what there is to say about it."""

    line: int
    text: str


@dataclass(slots=True, kw_only=True)
class FileAccount:
    """What was read in a file.

    Attributes:
        lines: Lines after the first one.
        taken: Those that told something; the others are rejected, blank, or of a kind that is ignored.
        first_rejected: The first SHOWN of the rejected lines.
        first_doubts: The first SHOWN of the doubts.
    """

    path: Path
    format: str
    lines: int = 0
    taken: int = 0
    rejected: int = 0
    doubts: int = 0
    first_rejected: list[Note] = field(default_factory=list)
    first_doubts: list[Note] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """Count a rejected line."""
        self.rejected += 1
        if len(self.first_rejected) < SHOWN:
            self.first_rejected.append(Note(line, reason))

    def doubt(self, line: int, text: str) -> None:
        """Count a doubt."""
        self.doubts += 1
        if len(self.first_doubts) < SHOWN:
            self.first_doubts.append(Note(line, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAccount:
    """What an import read and changed."""

    files: tuple[FileAccount, ...]
    changes: Changes


def importer_annuaire(
    database: Database,
    files: Sequence[Path],
    environment: Environment,
    *,
    exploitation: Exploitation,
    on_progress: Progress = lambda _step, _done, _size: None,
) -> ImportAccount:
    """Bring the annuaire of an environment to what the files say, all of them or nothing.

    A line that cannot be read is counted and left out. Persons and structures that no file names stay as they are.

    Raises:
        FileRefused: A file cannot be opened, is of no known format, or has lines and none that can be read.
    """
    with database.transaction() as connection:
        open_staging(connection)
        accounts = []
        for path in files:
            try:
                with open_source(path) as source:
                    lines = _Lines(path, source, on_progress)
                    stage(connection, lines.reader.kind, lines.rows())
            except (UnreadableFile, UnknownFormat) as error:
                raise FileRefused(f"{path} : {error}.") from error
            if lines.account.rejected and not lines.account.taken:
                first = lines.account.first_rejected[0]
                raise FileRefused(f"{path} : aucune ligne n’est lisible ; ligne {first.line} : {first.text}.")
            accounts.append(lines.account)
        on_progress(MERGE, 0, None)
        account = ImportAccount(files=tuple(accounts), changes=merge(connection, environment))
        journal.write(connection, [exploitation.entry("annuaire.importer", _detail(account), environment)])
    return account


class _Lines:
    """The lines of one file as rows of staging, and the account of them."""

    def __init__(self, path: Path, source: Source, on_progress: Progress) -> None:
        self._name, self._size, self._on_progress = path.name, source.size, on_progress
        self._lines = source.lines()
        self._decoder = Decoder()
        first = next(self._lines, b"")
        self._read = len(first)
        self.reader: Reader = recognise(self._decoder.first(first))
        self.account = FileAccount(path=path, format=self.reader.name)

    def rows(self) -> Iterator[Row]:
        """Every row that can be read; a person of a rejected line is named in one too, without anything else."""
        for number, line in enumerate(self._lines, start=2):
            self._read += len(line)
            if number % _STEP == 0:
                self._on_progress(self._name, self._read, self._size)
            self.account.lines += 1
            try:
                row = self._row(line)
            except BadLine as fault:
                self.account.reject(number, str(fault))
                if fault.id_nat is not None:
                    yield PersonneRow(fault.id_nat)
                continue
            if row is not None:
                self.account.taken += 1
                for doubt in doubts(row):
                    self.account.doubt(number, doubt)
                yield row
        self._on_progress(self._name, self._read, self._size)

    def _row(self, line: bytes) -> Row | None:
        if is_cut(line):
            raise BadLine("ligne trop longue")
        try:
            text = self._decoder.text(line)
        except UnicodeDecodeError:
            raise BadLine("caractères illisibles : la ligne n’est pas en UTF-8") from None
        return self.reader.read(text) if text else None


def _detail(account: ImportAccount) -> str:
    read = ", ".join(
        f"{file.path.name} ({file.format}, {file.taken} lignes, {file.rejected} rejetées)" for file in account.files
    )
    changes = account.changes
    return (
        f"{read} ; structures +{changes.structures_ajoutees} ~{changes.structures_modifiees}, "
        f"personnes +{changes.personnes_ajoutees} ~{changes.personnes_modifiees}, "
        f"rattachements +{changes.rattachements_ajoutes} -{changes.rattachements_retires}"
    )
