"""A turn that is taken again and again in a thread, and at once when the database tells something (NOTIFY)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

import psycopg
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
        turn: Answers for its failures; gives the seconds until the next turn.
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
    while not stopped.is_set():
        try:
            with database.session() as session:
                # Before the turn: what is told while it is taken brings the next one about.
                for channel in channels:
                    session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                while not stopped.is_set():
                    list(session.notifies(timeout=0))  # the turn will see what they tell
                    began = time.monotonic()
                    _await_notice(session, turn(), stopped)
                    stopped.wait(began + APART - time.monotonic())
        except psycopg.Error as error:  # a standby, or a migration under way, refuses in other ways than an outage
            log.error("database.lost", channels=channels, cause=str(error))  # noqa: TRY400 - the trace tells nothing more
            stopped.wait(min(turn(), _RETRY))


def _await_notice(session: DbConnection, seconds: float, stopped: Event) -> None:
    deadline = time.monotonic() + seconds
    while not stopped.is_set() and (left := deadline - time.monotonic()) > 0:
        if list(session.notifies(timeout=min(left, _GLANCE), stop_after=1)):
            return
