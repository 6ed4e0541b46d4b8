"""A process's end of the socket pair that it shares with its parent: orders come, states go."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from pfcng.node.faults import StartFault
from pfcng.node.messages import Said, line, read_line

log = structlog.get_logger()

BEAT: Final = 2.0
"""Seconds between two signs of life."""


class Control:
    """The link to the parent; its end is the parent's, and an order to stop."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def tell(self, said: Said, fault: StartFault | None = None) -> None:
        """Send a line; they are few and short, and fit the socket's buffer. A parent that is no more hears nothing."""
        with suppress(BrokenPipeError):
            self._socket.sendall(line(said, fault))

    async def beat(self) -> None:
        """Tell, again and again, that the event loop turns. A parent that stands still itself keeps nobody waiting."""
        while True:
            with suppress(BlockingIOError, ConnectionError):
                self._socket.send(line(Said.ALIVE), socket.MSG_DONTWAIT)
            await asyncio.sleep(BEAT)

    async def obey(self, *, stop: Callable[[], None], renew: Callable[[], Awaitable[None]] | None = None) -> None:
        """Do what the parent orders until it says stop, or is no more.

        Args:
            stop: Called at the end.
            renew: Reads again what can be read again; raises StartFault when it cannot, and changes nothing then.
        """
        reader, writer = await asyncio.open_connection(sock=self._socket.dup())
        try:
            while await self._next(reader) is Said.RENEW:
                if renew is not None:
                    await self._renew(renew)
        finally:  # whatever went wrong: a process that hears no orders any more is replaced
            writer.close()
            stop()

    async def _renew(self, renew: Callable[[], Awaitable[None]]) -> None:
        try:
            await renew()
        except StartFault as fault:
            self.tell(Said.RENEWED, fault)
        except Exception as error:  # the edge of an order: all processes have it, and would all end at once
            log.exception("tls.renewal_failed")
            self.tell(Said.RENEWED, StartFault(f"une erreur imprévue ({type(error).__name__})"))
        else:
            self.tell(Said.RENEWED)

    @staticmethod
    async def _next(reader: asyncio.StreamReader) -> Said:
        try:
            content = await reader.readline()
        except ConnectionError:
            return Said.STOP
        return read_line(content)[0] if content else Said.STOP
