"""A turn that is taken again and again in a thread, and at once when the database tells something (NOTIFY)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

import structlog
from psycopg import sql

from pfcng.store.database import Database, DbConnection

log = structlog.get_logger()

_GLANCE: Final = 0.1
"""Seconds between two looks at whether the thread is to end."""
APART: Final = 0.25
"""Seconds between two turns at least: the first of many notices brings one about at once, the others the next one."""
_RETRY: Final = 5.0
"""Seconds before a lost connection is sought again."""


@contextmanager
def keep_turning(
    name: str, turn: Callable[[], float], *, database: Database, channels: tuple[str, ...]
) -> Iterator[None]:
    """Take turns in a thread of its own until the end of the block.

    Args:
        name: Of the thread.
        turn: Gives the seconds until the next turn. One that fails is logged and taken again.
        database: Whose notices bring the next turn about at once; turns go on while it does not answer.
        channels: Of the notices.
    """
    stopped = Event()
    arguments = (turn, database, channels, stopped)
    thread = Thread(target=_run, args=arguments, name=f"pfcng-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _run(turn: Callable[[], float], database: Database, channels: tuple[str, ...], stopped: Event) -> None:
    """Whatever fails, and not the database alone (no descriptor is left for its socket), the thread goes on."""

    def guarded() -> float:
        try:
            return turn()
        except Exception as error:  # noqa: BLE001 - the edge of the thread
            log.error("turn.failed", channels=channels, kind=type(error).__name__, cause=str(error))  # noqa: TRY400 - idem
            return _RETRY

    while not stopped.is_set():
        try:
            _turn(guarded, database, channels, stopped)
        except Exception as error:  # noqa: BLE001 - idem
            log.error("database.lost", channels=channels, kind=type(error).__name__, cause=str(error))  # noqa: TRY400 - the trace tells nothing more
            stopped.wait(min(guarded(), _RETRY))


def _turn(turn: Callable[[], float], database: Database, channels: tuple[str, ...], stopped: Event) -> None:
    """Turn for as long as the session lasts that hears the notices."""
    with database.session() as session:
        # Before the turn: what is told while it is taken brings the next one about.
        for channel in channels:
            session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        while not stopped.is_set():
            list(session.notifies(timeout=0))  # the turn will see what they tell
            began = time.monotonic()
            _await_notice(session, turn(), stopped)
            stopped.wait(began + APART - time.monotonic())


def _await_notice(session: DbConnection, seconds: float, stopped: Event) -> None:
    deadline = time.monotonic() + seconds
    while not stopped.is_set() and (left := deadline - time.monotonic()) > 0:
        if list(session.notifies(timeout=min(left, _GLANCE), stop_after=1)):
            return
