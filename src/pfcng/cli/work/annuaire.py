"""The work of ``pfcng annuaire``: from files to an outcome, with a progress bar on a terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from pfcng.cli.output import Outcome, Status, counted
from pfcng.cli.work.base import BaseFault, open_base
from pfcng.cli.work.exploitation import exploitation, failure, told
from pfcng.contract.catalogue import Environment
from pfcng.operations import importer_annuaire as operation
from pfcng.operations.importer_annuaire import FileAccount, FileRefused, ImportAccount, Note, importer_annuaire

_OPERATION = "annuaire.importer"


def importer(base: str | None, data: Path | None, files: Sequence[Path], environment: Environment) -> Outcome:
    """Import the files into the annuaire of an environment."""
    try:
        with open_base(base, data) as database, _progress() as on_progress:
            account = importer_annuaire(
                database, files, environment, exploitation=exploitation(data), on_progress=on_progress
            )
    except FileRefused as error:
        return failure(_OPERATION, Status.USAGE, str(error), fichiers=None, changements=None)
    except BaseFault as error:
        return failure(_OPERATION, error.status, str(error), fichiers=None, changements=None)
    return _describe(account, environment)


@contextmanager
def _progress() -> Iterator[operation.Progress]:
    """A bar for each step, on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {}

        def advance(step: str, done: int, size: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=size)
            bars.update(tasks[step], completed=done)

        yield advance


def _describe(account: ImportAccount, environment: Environment) -> Outcome:
    headline = f"L’annuaire {environment} est à jour."
    changes = account.changes
    lines = [
        ("Structures", _counts(ajoutée=changes.structures_ajoutees, modifiée=changes.structures_modifiees)),
        ("Personnes", _counts(ajoutée=changes.personnes_ajoutees, modifiée=changes.personnes_modifiees)),
        ("Rattachements", _counts(ajouté=changes.rattachements_ajoutes, retiré=changes.rattachements_retires)),
    ]
    if changes.rattachements_ignores:
        lines.append(("", f"{_counts(ignoré=changes.rattachements_ignores)} : la structure n’est pas connue"))
    for file in account.files:
        lines += _file_lines(file)
    data = {"fichiers": [_file_data(file) for file in account.files], "changements": asdict(changes)}
    return Outcome(status=Status.DONE, headline=headline, lines=tuple(lines), data=told(_OPERATION, headline, **data))


def _counts(**numbers: int) -> str:
    return ", ".join(counted(number, word) for word, number in numbers.items())


def _file_lines(file: FileAccount) -> list[tuple[str, str]]:
    return [
        (
            file.path.name,
            f"{file.format}, {_counts(ligne=file.lines, prise=file.taken, rejetée=file.rejected, doute=file.doubts)}",
        ),
        *_note_lines("rejetée", file.first_rejected, file.rejected),
        *_note_lines("doute", file.first_doubts, file.doubts),
    ]


def _note_lines(kind: str, notes: Sequence[Note], total: int) -> list[tuple[str, str]]:
    lines = [("", f"{kind}, ligne {note.line} : {note.text}") for note in notes]
    if total > len(notes):
        lines.append(("", f"{kind} : … et {_counts(autre=total - len(notes))}"))
    return lines


def _file_data(file: FileAccount) -> dict[str, object]:
    return {
        "fichier": str(file.path),
        "format": file.format,
        "lignes": file.lines,
        "prises": file.taken,
        "rejetees": file.rejected,
        "premieres_rejetees": [_note_data(note) for note in file.first_rejected],
        "douteuses": file.doubts,
        "premieres_douteuses": [_note_data(note) for note in file.first_doubts],
    }


def _note_data(note: Note) -> dict[str, object]:
    return {"ligne": note.line, "raison": note.text}
