"""The programs of ``examples/`` do the five operations on a running sandbox, each with its own language's tools.

A program whose runtime is missing is skipped with the reason; CI sets PFCNG_EXEMPLES, and there it is a failure.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.live import Sandbox

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
REQUIRED = "PFCNG_EXEMPLES"
"""Environment variable: set, every runtime must be there."""
MAX_LINES = 149

EXPECTED = re.compile(
    r"demanderCertificats : OK, indice de retrait \d+\n"
    r"retirerCertificat : OK, numéro de série [1-9A-F][0-9A-F]*\n"
    r"suivreActivite : OK, Produit actif\n"
    r"renouvelerCertificat : OK, indice de retrait \d+\n"
    r"revoquerCertificat : OK\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One program: how it is run, and what says what it lacks (empty when nothing)."""

    file: str
    command: tuple[str, ...]
    missing: Callable[[], str]

    @property
    def path(self) -> Path:
        return EXAMPLES / self.file

    def run(self, profile: Path) -> subprocess.CompletedProcess[str]:
        # The client of another language knows nothing of ours: neither its sources nor its environment.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [*self.command, str(self.path), str(profile)],
            env={**environment, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


def programs(*names: str) -> Callable[[], str]:
    """What of these programs is not on the machine."""
    return lambda: ", ".join(name for name in names if shutil.which(name) is None)


def php() -> str:
    """PHP, or those of its extensions that are missing."""
    if shutil.which("php") is None:
        return "php (Debian packages php-cli php-soap php-xml)"
    loaded = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.lower().split()
    return ", ".join(f"php extension {name}" for name in ("soap", "dom", "openssl") if name not in loaded)


def node() -> str:
    """Node.js, or the two packages."""
    if shutil.which("node") is None:
        return "node"
    return "" if (EXAMPLES / "node" / "node_modules").is_dir() else "npm packages (cd examples/node && npm ci)"


ALL = {
    "shell": Example(
        file="shell/exemple.sh", command=("bash",), missing=programs("xmlsec1", "curl", "openssl", "xmllint", "awk")
    ),
    "python": Example(file="python/exemple.py", command=(sys.executable,), missing=lambda: ""),
    "php": Example(file="php/exemple.php", command=("php",), missing=php),
    "node": Example(file="node/exemple.js", command=("node",), missing=node),
    "java": Example(file="java/Exemple.java", command=("java",), missing=programs("java", "keytool")),
}


@pytest.fixture(params=ALL)
def example(request: pytest.FixtureRequest) -> Example:
    found = ALL[request.param]
    missing = found.missing()
    if missing and os.environ.get(REQUIRED):
        pytest.fail(f"{request.param} cannot be tried: {missing} missing, and {REQUIRED} is set")
    if missing:
        pytest.skip(f"{missing} missing")
    return found


def test_example_does_the_five_operations(example: Example, sandbox: Sandbox) -> None:
    """Signed and called by other libraries than ours, at ws-apt with the card (§3.2)."""
    done = example.run(sandbox.path(sandbox.description["profils"]["cpa-editeur"]))
    assert done.returncode == 0, done.stderr
    assert EXPECTED.fullmatch(done.stdout), done.stdout


@pytest.mark.parametrize("example", ["shell"], indirect=True)
def test_same_program_works_at_ws_srv(example: Example, sandbox: Sandbox) -> None:
    """Only the profile changes: the card signs, a server of the white list connects (§3.2)."""
    done = example.run(sandbox.path(sandbox.description["profils"]["cpa-editeur-srv"]))
    assert done.returncode == 0, done.stderr
    assert EXPECTED.fullmatch(done.stdout), done.stdout


def test_example_tells_a_refusal(example: Example, sandbox: Sandbox) -> None:
    """An acteur without a right: the platform's code on the standard error, and a failing exit status (§14.4)."""
    done = example.run(sandbox.path(sandbox.description["profils"]["cde-directeur"]))
    assert done.returncode != 0
    assert (done.stdout, "WSMG-00000010" in done.stderr or "KO" in done.stderr) == ("", True), done.stderr


@pytest.mark.parametrize("name", ALL)
def test_example_is_short_and_explained(name: str) -> None:
    """Under 150 lines, and a section of docs/integrer.md."""
    found = ALL[name]
    assert len(found.path.read_text("utf-8").splitlines()) <= MAX_LINES
    assert f"examples/{found.file}" in (ROOT / "docs" / "integrer.md").read_text("utf-8")


def test_every_example_is_run() -> None:
    """A new folder comes with its line here."""
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == set(ALL)


def test_lock_of_the_packages_names_no_host() -> None:
    """Versions and digests; where packages come from is the machine's own setting."""
    assert "://" not in (EXAMPLES / "node" / "package-lock.json").read_text("utf-8")
