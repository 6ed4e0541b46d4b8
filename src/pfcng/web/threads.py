"""A thread for each message: what libxml2 keeps of it goes away with it."""

import _thread
import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

MAX_THREADS: Final = 40
"""Messages that a process works on at once; the others wait."""


class NoThread(Exception):
    """The system gives the process no thread more."""


class MessageThreads:
    """Runs each piece of work in a thread that does nothing else.

    lxml keeps every name it meets in a dictionary of the thread, for as long as the thread lives. So the names that a
    stranger invents, megabytes of them, go away with the tree and do not fill up the threads of a server.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_THREADS)

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What the work returns or raises; it sees the caller's context variables.

        Raises:
            NoThread: The work was not begun.
        """
        async with self._free:
            loop = asyncio.get_running_loop()
            outcome: asyncio.Future[_T] = loop.create_future()
            # `threading` would have the loop wait until the thread has begun: three times the cost.
            try:
                _thread.start_new_thread(_run, (loop, outcome, partial(copy_context().run, work, *args, **kwargs)))
            except (RuntimeError, MemoryError) as error:
                raise NoThread(str(error)) from error
            try:
                return await outcome
            finally:
                del outcome  # see _run


def _run(loop: asyncio.AbstractEventLoop, outcome: "asyncio.Future[_T]", work: Callable[[], _T]) -> None:
    try:
        told = partial(_succeed, outcome, work())
    except BaseException as error:  # noqa: BLE001 (handed over to who asked, whatever it is)
        told = partial(_fail, outcome, error)
    del outcome
    with suppress(RuntimeError):  # the server stopped without waiting for this
        loop.call_soon_threadsafe(told)
    del told  # an exception's traceback leads back to it: the tree would wait for the cycle collector


def _succeed(outcome: "asyncio.Future[_T]", result: _T) -> None:
    if not outcome.cancelled():  # nobody waits any more
        outcome.set_result(result)


def _fail(outcome: "asyncio.Future[_T]", error: BaseException) -> None:
    if not outcome.cancelled():
        outcome.set_exception(error)
