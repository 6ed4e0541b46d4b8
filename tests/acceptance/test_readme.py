"""The README's commands do what it says, on a running sandbox."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.live import Sandbox

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder where ``sandbox`` is the running sandbox's, as the README has it."""
    (tmp_path / "sandbox").symlink_to(sandbox.directory)
    return tmp_path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)")
def test_shell_commands_of_the_readme_give_a_verified_certificate(folder: Path) -> None:
    """Every ``bash`` block, in order, in one shell that stops at the first failure."""
    script = "set -euo pipefail\n" + "\n".join(blocks("bash"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "insi-auto.pem: OK" in done.stdout


def test_python_program_of_the_readme_gives_a_certificate(folder: Path) -> None:
    """Every ``python`` block runs as it stands."""
    for program in blocks("python"):
        done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "CN=www.hopital.example" in done.stdout
