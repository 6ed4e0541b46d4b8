"""uvicorn as every server here runs it: several in one process, stopped together by a signal."""

import asyncio
import math
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from pfcng.web.connection import Config, Connection
from pfcng.web.limits import Limits
from pfcng.web.signals import call_on_signal

log = structlog.get_logger()

_GRACE: Final = 5
"""Seconds that the requests under way have to end."""


class Server(uvicorn.Server):
    """A server of several in one process: signals are taken once, for all of them."""

    config: Config

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on copies: what listens can then be replaced."""
        self._listening = sockets or []
        self.servers = [await self._listen(each.dup()) for each in self._listening]
        self.started = True

    async def renew(self, tls: SSLContext) -> None:
        """Greet new connections with another context; those that are there stay as they are."""
        former = self.servers
        self.config.ssl = tls
        await self.startup(self._listening)
        for each in former:
            each.close()
        if self.should_exit:  # the end, which waits for those that listen to close, may know the former ones alone
            for each in self.servers:
                each.close()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; in one of them, look after the connections."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for each in list(self.server_state.connections):
                if isinstance(each, Connection):
                    each.look(now)
        return await super().on_tick(counter)

    async def _listen(self, opened: socket.socket) -> asyncio.Server:
        tls = self.config.ssl
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(config=self.config, server_state=self.server_state, app_state={}),
            sock=opened,
            ssl=tls,
            ssl_handshake_timeout=self.config.limits.handshake if tls else None,
            backlog=self.config.backlog,
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


def server(
    application: ASGIApp, tls: SSLContext | None = None, *, grace: float = _GRACE, limits: Limits | None = None
) -> Server:
    """A server for an application, over TLS when there is a context.

    Args:
        application: ASGI.
        tls: The context of every connection.
        grace: Seconds that the requests under way have to end once the server is told to stop.
        limits: Of its connections.
    """
    limits = limits or Limits()
    # proxy_headers is off: the address of the TCP peer decides whose Client-Cert header counts.
    config = Config(
        application,
        http=Connection,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=math.ceil(limits.idle),
        timeout_graceful_shutdown=math.ceil(grace),
    )
    config.limits = limits
    return Server(config)


def serve_until_signal(
    servers: Sequence[tuple[Server, socket.socket]],
    ready: Callable[[], None],
    renew: Callable[[], Awaitable[None]] | None = None,
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
) -> None:
    """Serve each on its socket until a signal, then let the requests under way end; the main thread must call.

    Args:
        servers: With their listening sockets.
        ready: Called once all of them serve.
        renew: What SIGHUP does instead of ending them, one after the other; what it raises is logged.
        beside: What else is done while they serve.
    """
    call_on_signal(lambda: stop(servers))

    async def run() -> None:
        tasks = [asyncio.create_task(each()) for each in beside]
        if renew is not None and hasattr(signal, "SIGHUP"):  # Windows has none
            tasks.append(asyncio.create_task(_renew_at_hang_up(renew)))
        try:
            await serve(servers, ready)
        finally:
            for task in tasks:
                task.cancel()

    with asyncio.Runner(loop_factory=servers[0][0].config.get_loop_factory()) as runner:
        runner.run(run())


async def _renew_at_hang_up(renew: Callable[[], Awaitable[None]]) -> None:
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up.set)
    while await hang_up.wait():
        hang_up.clear()
        try:
            await renew()
        except Exception:  # the edge of a signal: the next one has to be heard too
            log.exception("tls.renewal_failed")


def stop(servers: Sequence[tuple[Server, socket.socket]]) -> None:
    """Let `serve` return once the requests under way have ended."""
    for each, _socket in servers:
        each.should_exit = True


async def serve(servers: Sequence[tuple[Server, socket.socket]], ready: Callable[[], None]) -> None:
    """Serve each on its socket until it is told to stop; ``ready`` is called once all of them serve."""
    serving = [asyncio.create_task(each.serve(sockets=[opened])) for each, opened in servers]
    while not all(each.started for each, _ in servers) and not any(task.done() for task in serving):
        await asyncio.sleep(0.01)
    if all(each.started for each, _ in servers):
        ready()
    await asyncio.gather(*serving)
