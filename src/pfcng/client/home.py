"""Where a person's inventory and vault are: one folder, chosen by the environment or by the system's habits."""

import os
import sys
from pathlib import Path
from typing import Final

VARIABLE: Final = "PFCNG_PARC"
"""Environment variable that names the folder."""


def default_home() -> Path:
    """The folder of the parc."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    match sys.platform:
        case "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        case "darwin":
            base = Path.home() / "Library" / "Application Support"
        case _:
            base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "pfcng"
