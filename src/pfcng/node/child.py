"""A process of the node as its parent sees it: started, told, waited for."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from pfcng.mistakes import reason
from pfcng.node.faults import StartFault
from pfcng.node.messages import Assignment, Said, line, read_line

_KEPT: Final = str(8 * 1024 * 1024)
_FRUGAL: Final = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": _KEPT, "MALLOC_MMAP_THRESHOLD_": _KEPT}
"""Has glibc give back what a request took, but for the 7 MiB of argon2id: taken anew for every retrait, their pages
cost a tenth of its processor. A variable that is already there counts more; other C libraries do not know them."""


class Child:
    """One process, from its start to its end."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, assignment: Assignment) -> Self:
        """Start a process with a program of its own: it inherits the sockets that are named, and nothing else.

        Raises:
            StartFault: The system cannot.
        """
        try:
            return await cls._start(assignment)
        except OSError as error:
            raise StartFault(f"le système refuse un processus de plus ({reason(error)}).", is_outage=True) from error

    @classmethod
    async def _start(cls, assignment: Assignment) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            told = replace(assignment, control=theirs.fileno())
            try:
                Path(told.counts).mkdir(mode=0o700, exist_ok=True)  # who tidies up may have taken it away
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "pfcng.node.process",
                    stdin=asyncio.subprocess.PIPE,
                    pass_fds=told.descriptors,
                    # prometheus-client looks at it as it is imported.
                    env={**_FRUGAL, **os.environ, "PROMETHEUS_MULTIPROC_DIR": told.counts},
                )
            except OSError:
                writer.close()
                raise
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(told.to_json())
        process.stdin.close()
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def hear(self) -> tuple[Said, StartFault | None] | None:
        """The next thing it says; None at its end."""
        try:
            content = await self._reader.readline()
        except ConnectionError:
            return None
        return read_line(content) if content else None

    def order(self, said: Said) -> None:
        """Tell it; one that is gone does not listen."""
        if not self._writer.is_closing():
            self._writer.write(line(said))

    def kill(self) -> None:
        """End it now."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit status; minus the signal's number when one ended it."""
        try:
            return await self._process.wait()
        finally:
            self._writer.close()
