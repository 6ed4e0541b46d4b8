"""What reads the files of deploy/: large packages that CI has, and that a developer may do without."""

import importlib
import os
from pathlib import Path
from typing import Any, Final

import pytest

DEPLOY: Final = Path(__file__).parents[2] / "deploy"


def need(module: str) -> Any:
    """A module of .ci/deploy.txt: skip the test where it is not installed; fail where it has to be (CI)."""
    if os.environ.get("PFCNG_EXEMPLES"):
        return importlib.import_module(module)
    return pytest.importorskip(module, reason=f"{module} is not installed (.ci/deploy.txt)")
