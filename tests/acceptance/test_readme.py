"""The README's commands do what it says, on a running sandbox."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.live import Sandbox, running_sandbox

README = Path(__file__).parents[2] / "README.md"
CLIENT = README.parent / "docs" / "client.md"
OPTIONAL = ("curl", "keytool")
"""Programs of which a machine may have none: their lines are then left out."""


def blocks(language: str, page: Path = README) -> list[str]:
    """A page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def script(page: Path) -> str:
    """Every ``bash`` block, in order, for one shell that stops at the first failure."""
    text = "set -euo pipefail\n" + "\n".join(blocks("bash", page))
    for program in OPTIONAL:
        if shutil.which(program) is None:
            text = re.sub(rf"^{program} (?:.*\\\n)*.*\n", "", text, flags=re.MULTILINE)
    return text


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder where ``sandbox`` is the running sandbox's, as the README has it."""
    (tmp_path / "sandbox").symlink_to(sandbox.directory)
    return tmp_path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)")
def test_shell_commands_of_the_readme_do_what_it_says(tmp_path: Path) -> None:
    """As they stand, with a sandbox of their own: they move its clock."""
    with running_sandbox() as sandbox:
        (tmp_path / "sandbox").symlink_to(sandbox.directory)
        said = run(README, tmp_path)
    for sentence in ("insi-auto.pem: OK", "Renouvellements faits : 1 sur 1.", "La révocation est enregistrée"):
        assert sentence in said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)")
def test_shell_commands_of_the_client_s_page_do_what_it_says(folder: Path) -> None:
    """As they stand, with the running sandbox."""
    said = run(CLIENT, folder)
    for sentence in ("Déployé : 1 copie, 1 crochet.", "La révocation est enregistrée"):
        assert sentence in said


def run(page: Path, folder: Path) -> str:
    """What the shell commands of a page print in a folder."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script(page)],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("page", "said"), [(README, "CN=www.hopital.example"), (CLIENT, "WSMG-00000027")], ids=["README", "client"]
)
def test_python_program_of_a_page_does_what_it_says(folder: Path, page: Path, said: str) -> None:
    """Every ``python`` block runs as it stands."""
    for program in blocks("python", page):
        done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
