"""Programs of these tests that run in a process of their own, so that a test can kill them: ``support/*_driver.py``."""

import os
import sys
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]


def driver(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of ``support``; it goes with ``driver_environment``."""
    return [sys.executable, "-m", f"support.{module}", *map(str, arguments)]


def driver_environment(**others: str) -> dict[str, str]:
    """The environment in which a driver finds ``support``, from whatever folder it is started."""
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **others}
