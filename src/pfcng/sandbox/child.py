"""A sandbox in a process of its own, for programs and tests that need one beside them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pfcng.client import Client, Profile
from pfcng.sandbox.descriptor import FILE_NAME

START_SECONDS: Final = 60
"""How long a start may take on a busy machine; it takes a few seconds."""
_STOP_SECONDS: Final = 30
_PACE: Final = 0.05


class SandboxFailed(RuntimeError):
    """The sandbox did not start; the text is what it said."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that listens.

    Attributes:
        directory: Its folder.
        description: What its ``sandbox.json`` says (docs/bac-a-sable.md).
    """

    directory: Path
    description: dict[str, Any]

    @property
    def ws_srv(self) -> str:
        """Address for servers (guide §3.2)."""
        return str(self.description["urls"]["ws_srv"])

    @property
    def ws_apt(self) -> str:
        """Address for card holders (guide §3.2)."""
        return str(self.description["urls"]["ws_apt"])

    @property
    def confiance(self) -> Path:
        """The roots, PEM, for a TLS client."""
        return self.path(self.description["confiance"])

    def path(self, relative: str) -> Path:
        """A path of the description."""
        return self.directory / relative

    def profile(self, carte: str) -> Path:
        """The client profile of a card (``cpa-editeur``), or of a server for it (``cpa-editeur-srv``).

        Raises:
            KeyError: there is none; the text names those that there are.
        """
        profiles = self.description["profils"]
        if carte not in profiles:
            raise KeyError(f"{carte} : pas de tel profil ; {', '.join(sorted(profiles))}")
        return self.path(profiles[carte])

    def client(self, carte: str = "cpa-editeur") -> Client:
        """A client of the platform with a card; close it."""
        return Client(Profile.load(self.profile(carte)))


@contextmanager
def running_sandbox(*options: str) -> Iterator[RunningSandbox]:
    """Start a sandbox on free ports in a folder of its own, and take both away at the end.

    Args:
        options: Further options of ``pfcng sandbox``.

    Raises:
        SandboxFailed: It ended, or took too long, before it listened.
    """
    # Not one of pytest's folders: started by root, the database runs as a user of its own, whom pytest shuts out.
    with TemporaryDirectory(prefix="pfcng-", ignore_cleanup_errors=True) as folder:
        directory = Path(folder) / "sandbox"
        with Path(folder, "sandbox.log").open("w+b") as log:
            command = [sys.executable, "-m", "pfcng", "sandbox", "--data", str(directory), "--port", "0"]
            process = subprocess.Popen([*command, "--http-port", "0", *options], stdout=log, stderr=log)  # noqa: S603
            try:
                description = _wait(process, directory / FILE_NAME)
                if description is None:
                    log.seek(0)
                    raise SandboxFailed(log.read().decode("utf-8", "replace"))
                yield RunningSandbox(directory, description)
            finally:
                _stop(process)


def _wait(process: subprocess.Popen[bytes], descriptor: Path) -> dict[str, Any] | None:
    """What the sandbox says of itself once it listens; None when it never will."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if descriptor.exists():
            found: dict[str, Any] = json.loads(descriptor.read_text("utf-8"))
            return found
        time.sleep(_PACE)  # another process: there is nothing else to wait on
    return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop it as Ctrl-C does, so that its database stops too."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
