"""What a ceremony notes before it does it, so that one that was cut anywhere goes on with the very same values."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

_VERSION: Final = 1
_FILE_MODE: Final = 0o644


class NotesFault(Exception):
    """The notes cannot be read, or are another ceremony's; the message is French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What was decided of an authority before its key was made.

    Attributes:
        serial: Of its certificate.
        not_before: The first second.
        not_after: The last one.
        key: Where its key is, in words.
        existed: Whether the key was there before, and was accepted.
    """

    serial: int
    not_before: datetime
    not_after: datetime
    key: str
    existed: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            **asdict(self),
            "serial": f"{self.serial:X}",
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Reservation":
        """The reverse of `to_json`."""
        return cls(
            serial=int(content["serial"], 16),
            not_before=datetime.fromisoformat(content["not_before"]),
            not_after=datetime.fromisoformat(content["not_after"]),
            key=content["key"],
            existed=content["existed"],
        )


class Notes:
    """The notes of one ceremony, in one file that is always whole.

    Args:
        path: The file; made with the first note.
        choices: What was chosen for all of the ceremony; a run that goes on must have chosen the same.

    Raises:
        NotesFault: the file cannot be read, or other choices were made.
    """

    def __init__(self, path: Path, choices: Mapping[str, Any]) -> None:
        self._path = path
        self._choices = dict(choices)
        self._reservations: dict[str, Reservation] = {}
        if path.exists():
            self._read()

    def find(self, stem: str) -> Reservation | None:
        """What was decided of an authority."""
        return self._reservations.get(stem)

    def reserve(self, stem: str, reservation: Reservation) -> None:
        """Note it, for good."""
        self._reservations[stem] = reservation
        content = {
            "version": _VERSION,
            "choix": self._choices,
            "autorites": {name: one.to_json() for name, one in self._reservations.items()},
        }
        write_whole(self._path, json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n")

    def _read(self) -> None:
        try:
            content = json.loads(self._path.read_bytes())
            choices, found = content["choix"], content["autorites"]
            self._reservations = {name: Reservation.from_json(one) for name, one in found.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotesFault(f"{self._path} ne se lit pas : ces notes de cérémonie sont endommagées.") from error
        others = sorted(name for name in {*choices, *self._choices} if choices.get(name) != self._choices.get(name))
        if others:
            raise NotesFault(
                f"Une cérémonie a commencé dans ce dossier avec d’autres choix ({', '.join(others)}) : reprenez-la "
                "avec les mêmes, ou donnez un autre dossier."
            )


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place at once, whole, and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.nouveau")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
