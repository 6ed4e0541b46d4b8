"""What a program tells systemd, when a unit of ``Type=notify`` started it (sd_notify(3))."""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
_ALIVE: Final = "WATCHDOG=1"


def notify(state: str) -> None:
    """Tell the service manager, if there is one that wants to know; one that does not listen keeps nobody waiting."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.sendto(state.encode(), name)


async def keep_alive() -> None:
    """Tell it again and again that the event loop turns, where it watches (``WatchdogSec=``): else it starts another.

    Twice in the time it gives, as sd_watchdog_enabled(3) asks.
    """
    told = os.environ.get("WATCHDOG_USEC", "")
    pause = int(told) / 2_000_000 if told.isdigit() else 0.0
    if not pause or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        notify(_ALIVE)
        await asyncio.sleep(pause)
