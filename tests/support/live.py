"""A live sandbox: the program itself, started as its users start it, on free ports, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pfcng.client import Client, Profile
from support.folders import shared_folder

START_SECONDS: Final = 60
"""How long a start may take on a busy machine."""
STOP_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: its folder, what ``sandbox.json`` says, and its process."""

    directory: Path
    description: dict[str, Any]
    process: subprocess.Popen[str]

    def path(self, relative: str) -> Path:
        """A path of the description."""
        return self.directory / relative

    def client(self, profile: str = "cpa-editeur") -> Client:
        """A client with one of the sandbox's profiles."""
        return Client(Profile.load(self.path(self.description["profils"][profile])))

    def authority(self, common_name: str) -> Path:
        """The certificate of an authority."""
        return self.path(self.description["autorites"][common_name]["certificat"])

    @property
    def anchors(self) -> Path:
        """The roots."""
        return self.path(self.description["confiance"])


def start(directory: Path, *options: str, settings: Mapping[str, str] | None = None) -> Sandbox:
    """Start a sandbox and wait until it listens; ``settings`` are variables of its environment."""
    log = directory.with_suffix(".log")
    descriptor = directory / "sandbox.json"
    stale = _written(descriptor)
    with log.open("a") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pfcng",
                "sandbox",
                "--data",
                directory,
                "--port",
                "0",
                "--http-port",
                "0",
                *options,
            ],
            stdout=output,
            stderr=output,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(settings or {})},
        )
    deadline = time.monotonic() + START_SECONDS
    while _written(descriptor) in {None, stale}:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the sandbox did not start:\n{log.read_text()}")
        time.sleep(0.05)  # another process: there is nothing else to wait on
    return Sandbox(directory, json.loads(descriptor.read_text("utf-8")), process)


def _written(path: Path) -> int | None:
    """When a file was written, None when there is none: a killed sandbox leaves its own."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def stop(sandbox: Sandbox) -> int:
    """Stop a sandbox as Ctrl-C does and give its exit status."""
    sandbox.process.send_signal(signal.SIGINT)
    return sandbox.process.wait(STOP_SECONDS)


@contextmanager
def running_sandbox(settings: Mapping[str, str] | None = None) -> Iterator[Sandbox]:
    """A sandbox in a folder of its own, with these settings."""
    with shared_folder() as folder:
        running = start(folder / "sandbox", settings=settings)
        try:
            yield running
        finally:
            assert stop(running) == 0


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for every test that needs no sandbox of its own."""
    with running_sandbox() as running:
        yield running
