"""A turn that is taken again and again in a thread, and at once when the database tells something (NOTIFY)."""

import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socketpair
from threading import Event, Thread
from typing import Final, Self

import structlog
from psycopg import sql

from pfcng.store.database import Database, DbConnection

log = structlog.get_logger()

_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""One that needs no descriptor of its own; Windows has no poll."""
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
    with _End() as end:
        thread = Thread(target=_run, args=(turn, database, channels, end), name=f"pfcng-{name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.come()
            thread.join()


class _End:
    """The end of a thread, which may wait for it beside a socket: nothing has to look again and again."""

    def __init__(self) -> None:
        self._event = Event()
        self.coming, self._told = socketpair()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.coming.close()
        self._told.close()

    def come(self) -> None:
        """From now on the socket ``coming`` is readable."""
        self._event.set()
        self._told.send(b".")

    def has_come(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Wait for it that long at most."""
        self._event.wait(seconds)


def _run(turn: Callable[[], float], database: Database, channels: tuple[str, ...], end: _End) -> None:
    """Whatever fails, and not the database alone (no descriptor is left for its socket), the thread goes on."""

    def guarded() -> float:
        try:
            return turn()
        except Exception as error:  # noqa: BLE001 - the edge of the thread
            log.error("turn.failed", channels=channels, kind=type(error).__name__, cause=str(error))  # noqa: TRY400 - idem
            return _RETRY

    while not end.has_come():
        try:
            _turn(guarded, database, channels, end)
        except Exception as error:  # noqa: BLE001 - idem
            log.error("database.lost", channels=channels, kind=type(error).__name__, cause=str(error))  # noqa: TRY400 - the trace tells nothing more
            end.wait(min(guarded(), _RETRY))


def _turn(turn: Callable[[], float], database: Database, channels: tuple[str, ...], end: _End) -> None:
    """Turn for as long as the session lasts that hears the notices."""
    with database.session() as session:
        # Before the turn: what is told while it is taken brings the next one about.
        for channel in channels:
            session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        while not end.has_come():
            list(session.notifies(timeout=0))  # the turn will see what they tell
            began = time.monotonic()
            _await_notice(session, turn(), end)
            end.wait(began + APART - time.monotonic())


def _await_notice(session: DbConnection, seconds: float, end: _End) -> None:
    deadline = time.monotonic() + seconds
    with _Selector() as selector:
        for each in (session, end.coming):
            selector.register(each, selectors.EVENT_READ)
        while not end.has_come() and (left := deadline - time.monotonic()) > 0:
            if selector.select(left) and list(session.notifies(timeout=0)):
                return
