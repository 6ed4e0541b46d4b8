"""``pfcng config verifier``, ``pfcng igc verifier``: every fault of a file of settings at once."""

from pathlib import Path

from pfcng.node.faults import read_settings
from pfcng.settings.loading import FileSettings
from pfcng.settings.soundness import unsound


def check_settings(file: Path, kind: type[FileSettings]) -> None:
    """Read the settings and look at every file that they name.

    Args:
        file: TOML.
        kind: What it has the settings of.

    Raises:
        StartFault: With all the faults.
    """

    def look() -> list[str]:
        return unsound(kind.valid_parts(file.read_text("utf-8"), file.resolve().parent))

    read_settings(str(file), lambda: kind.load(file), look)
