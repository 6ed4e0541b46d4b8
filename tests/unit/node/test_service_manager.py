"""What a service manager hears of a program that it watches: sd_watchdog_enabled(3)."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from pfcng.node.service_manager import keep_alive


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(b"")  # any free name
        opened.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + opened.getsockname()[1:].decode())
        yield opened


def test_program_that_is_watched_says_again_and_again_that_it_is_alive(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as its loop turns."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    async def hear() -> list[bytes]:
        alive = asyncio.create_task(keep_alive())
        heard = [await asyncio.get_running_loop().sock_recv(manager, 100) for _ in range(3)]
        alive.cancel()
        return heard

    assert asyncio.run(hear()) == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "told", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}]
)
def test_program_that_is_not_watched_says_nothing(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, told: dict[str, str]
) -> None:
    """Nor one whose parent is: the variables are inherited."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    asyncio.run(keep_alive())
    with pytest.raises(BlockingIOError):
        manager.recv(100)
