"""``pfcng config verifier``: every fault of a file of settings at once."""

from pathlib import Path

from pfcng.node.faults import read_settings
from pfcng.settings import PlatformSettings
from pfcng.settings.soundness import unsound


def check_settings(file: Path) -> None:
    """Read the settings and look at every file that they name.

    Raises:
        StartFault: With all the faults.
    """

    def look() -> list[str]:
        return unsound(PlatformSettings.valid_parts(file.read_text("utf-8"), file.resolve().parent))

    read_settings(str(file), lambda: PlatformSettings.load(file), look)
