"""Each message in a thread of its own."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

import pytest

from pfcng.web.threads import MAX_THREADS, MessageThreads
from pfcng.xml.parsing import MalformedXml

T = TypeVar("T")
INCIDENT: ContextVar[str] = ContextVar("incident", default="")


def run(work: Callable[[], T]) -> T:
    return asyncio.run(MessageThreads().run(work))


def test_each_message_has_a_thread_that_ends_with_it() -> None:
    """The names that a message invents stay in no thread of the server: lxml keeps them as long as the thread lives."""
    remains: list[weakref.ref[object]] = []

    class Left: ...

    local = threading.local()

    def work() -> int:
        local.left = Left()  # goes away with the thread
        remains.append(weakref.ref(local.left))
        return threading.get_ident()

    async def two() -> list[int]:
        threads = MessageThreads()
        return [await threads.run(work), await threads.run(work)]

    assert threading.get_ident() not in asyncio.run(two())
    assert wait_until(lambda: all(each() is None for each in remains))


def wait_until(holds: Callable[[], bool]) -> bool:
    event = threading.Event()
    return any(holds() or event.wait(0.01) for _ in range(500)) and holds()


def test_result_comes_back() -> None:
    """What the work returns is what the caller gets."""
    assert run(lambda: 42) == 42


def test_failure_comes_back() -> None:
    """An exception comes back to who asked."""
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)


def test_work_sees_the_context_of_the_request() -> None:
    """The incident number of the request is in whatever the thread logs."""

    async def request() -> str:
        INCIDENT.set("1234")
        return await MessageThreads().run(INCIDENT.get)

    assert asyncio.run(request()) == "1234"


def test_refused_message_leaves_nothing_behind() -> None:
    """Its tree is freed at once, not when the cycle collector comes by: floods of refusals take no memory."""

    class Tree: ...

    def refuse(tree: Tree) -> None:
        raise MalformedXml(f"{type(tree).__name__} refused")

    async def request() -> str:
        tree = Tree()
        remains.append(weakref.ref(tree))
        try:
            await MessageThreads().run(refuse, tree)
        except MalformedXml as error:
            return error.reason
        return ""

    remains: list[weakref.ref[Tree]] = []
    gc.disable()
    try:
        assert asyncio.run(request()) == "Tree refused"
        assert wait_until(lambda: remains[0]() is None)
    finally:
        gc.enable()


def test_messages_at_once_are_bounded() -> None:
    """However many are sent, a process works on so many at once; the others wait and are answered."""
    at_once: list[int] = []
    running = 0
    lock = threading.Lock()
    full = threading.Event()

    def work() -> None:
        nonlocal running
        with lock:
            running += 1
            at_once.append(running)
            if running == MAX_THREADS:
                full.set()
        full.wait(10)
        with lock:
            running -= 1

    async def crowd() -> None:
        threads = MessageThreads()
        await asyncio.gather(*(threads.run(work) for _ in range(MAX_THREADS + 5)))

    asyncio.run(crowd())
    assert len(at_once) == MAX_THREADS + 5
    assert max(at_once) == MAX_THREADS
