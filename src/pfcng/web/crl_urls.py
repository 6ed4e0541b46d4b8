"""CRLs that others publish over HTTP: fetched when they changed, kept on disk once they are believed."""

import hashlib
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from pfcng.web.crl_sources import Update, parse

MAX_BYTES: Final = 128 * 1024 * 1024
"""Three million entries."""
_PATIENCE: Final = 60.0
"""Seconds for the whole of a file."""
_CONNECT: Final = 10.0
"""Seconds for a connection, and for each piece."""
_RETRY: Final = timedelta(minutes=1)
"""After a failure, when that is sooner."""


class FetchError(Exception):
    """The CRL could not be fetched; the message is for the log."""


class UrlSource:
    """A URL.

    Args:
        url: http or https.
        cache: Folder of what was believed; made when it does not exist.
        every: How often it is asked.
    """

    channels = ()

    def __init__(self, url: str, *, cache: Path, every: timedelta) -> None:
        self._url = url
        self._file = cache / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.crl"
        self._every = every
        self._due = 0.0
        self._validators: dict[str, str] = {}
        self._fetched: tuple[bytes, dict[str, str]] | None = None

    @property
    def label(self) -> str:
        """The URL."""
        return self._url

    def kept(self) -> Update | None:
        """What was believed by an earlier process; the network is not asked."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        update = Update(crls=(parse(content),))
        try:
            told = json.loads(self._beside.read_bytes())
        except (FileNotFoundError, ValueError):
            told = {}
        if (told.get("url"), told.get("sha256")) == (self._url, _digest(content)):
            self._validators = dict(told.get("validators", {}))
        return update

    def forget(self) -> None:
        """Whatever the server says, it is fetched whole."""
        self._validators = {}

    def fetch(self) -> Update | None:
        """The CRL, when its time has come and it changed.

        Raises:
            FetchError: no answer, or none that will do.
            ValueError: it is no CRL.
        """
        if time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + min(self._every, _RETRY).total_seconds()
        self._fetched = self._get()
        if self._fetched is None:
            self.believed()
            return None
        return Update(crls=(parse(self._fetched[0]),))

    def believed(self) -> None:
        """Keep it on disk."""
        self._due = time.monotonic() + self._every.total_seconds()
        if self._fetched is None:
            return
        content, self._validators = self._fetched
        self._fetched = None
        self._file.parent.mkdir(parents=True, exist_ok=True)
        _write(self._file, content)
        # They name the content: with those of another, from a process beside this one, it would be kept for ever.
        told = {"url": self._url, "sha256": _digest(content), "validators": self._validators}
        _write(self._beside, json.dumps(told).encode())

    @property
    def _beside(self) -> Path:
        return self._file.with_suffix(".json")

    def _get(self) -> tuple[bytes, dict[str, str]] | None:
        """The content and what to ask the next time with; None when it did not change."""
        deadline = time.monotonic() + _PATIENCE
        try:
            with (
                httpx.Client(timeout=_CONNECT, follow_redirects=True, max_redirects=3) as client,
                client.stream("GET", self._url, headers=self._validators) as response,
            ):
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return None
                if response.status_code != httpx.codes.OK:
                    raise FetchError(f"HTTP {response.status_code}")
                return _bounded(response, deadline), _validators(response)
        except httpx.HTTPError as error:
            raise FetchError(f"{type(error).__name__}: {error}") from error


def _bounded(response: httpx.Response, deadline: float) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > MAX_BYTES:
            raise FetchError(f"more than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise FetchError(f"not whole after {_PATIENCE:.0f} s")
    return bytes(content)


def _validators(response: httpx.Response) -> dict[str, str]:
    asked = {"If-None-Match": response.headers.get("etag"), "If-Modified-Since": response.headers.get("last-modified")}
    return {name: value for name, value in asked.items() if value}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place at once and whole; the processes of a node share the folder."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)
