"""The sandbox's clock: the machine's, ahead by what it was moved; everything of the sandbox reads it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pfcng.sandbox.mistakes import SandboxError
from pfcng.sandbox.pairs import write

FILE_NAME: Final = "horloge.json"
MAX_AHEAD: Final = timedelta(days=3652)
"""Ten years: the sandbox's authorities last longer, whenever the folder was made."""


class TooFar(ValueError):
    """The clock would be further ahead than the authorities last."""


def machine_now() -> datetime:
    """The machine's present."""
    return datetime.now(UTC)


class SandboxClock:
    """Gives the sandbox's present; how far it is ahead stays in the folder from one start to the next."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE_NAME
        self._ahead = self._read()

    def __call__(self) -> datetime:
        """The sandbox's present."""
        return machine_now() + self._ahead

    @property
    def ahead(self) -> timedelta:
        """How far the sandbox's clock is ahead of the machine's."""
        return self._ahead

    def check(self, by: timedelta) -> None:
        """See whether the clock may be moved that far.

        Raises:
            TooFar: It may not.
        """
        if self._ahead + by > MAX_AHEAD:
            raise TooFar

    def advance(self, by: timedelta) -> None:
        """Move the clock; it never goes back."""
        ahead = self._ahead + by
        write(self._file, json.dumps({"avance_secondes": ahead.total_seconds()}).encode())
        self._ahead = ahead

    def _read(self) -> timedelta:
        try:
            ahead = timedelta(seconds=float(json.loads(self._file.read_bytes())["avance_secondes"]))
        except FileNotFoundError:
            return timedelta()
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise SandboxError(f"{self._file} ne se lit pas. Effacez-le : l’horloge sera celle de ce poste.") from error
        if not timedelta() <= ahead <= MAX_AHEAD:
            raise SandboxError(f"{self._file} va trop loin. Effacez-le : l’horloge sera celle de ce poste.")
        return ahead
