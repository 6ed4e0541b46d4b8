"""The parent of a node: starts the processes, replaces those that die, passes orders on (docs/serving.md)."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from pfcng.node.child import Child
from pfcng.node.faults import StartFault
from pfcng.node.messages import Assignment, Loss, Said

log = structlog.get_logger()

_MARGIN: Final = 5.0
"""Seconds that a process has to end, beyond those of its requests."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds before a process that died is replaced: doubled while replacements die young, so as to leave some processor
to the others, and never long, for the others may have died too."""
_SETTLED: Final = 10.0
"""Seconds after which a process did not die young."""
_START: Final = 300.0
"""Seconds that a process may take until it serves."""
_LOOK, _LOOKS = 10.0, 3
"""Seconds without a sign of life from a process, and how often in a row before it is killed. One look would not do:
whoever was stopped itself finds that time has passed before it finds what it was told meanwhile."""


class Parent:
    """Keeps the processes of a node.

    Args:
        assignments: One a process.
        grace: Seconds that requests under way may take to end.
        release: Gives the listening sockets back, once nobody is to connect any more.
        renewing: Called when SIGHUP came, before the processes are told.
    """

    def __init__(
        self,
        assignments: Sequence[Assignment],
        *,
        grace: float,
        release: Callable[[], None],
        renewing: Callable[[], None],
    ) -> None:
        self._assignments = assignments
        self._grace = grace
        self._release = release
        self._renewing = renewing
        self._children: dict[str, Child] = {}
        self._stopping = asyncio.Event()

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep the processes until a signal ends the node; ``ready`` is called once all of them serve.

        Raises:
            StartFault: One of them cannot start; none is left.
        """
        self._take_signals()
        starting = [asyncio.create_task(self._start(each)) for each in self._assignments]
        try:
            children = await asyncio.gather(*starting)
        except StartFault:
            self._kill()
            await asyncio.wait(starting)
            await asyncio.gather(*(child.wait() for child in self._children.values()))
            raise
        if not self._stopping.is_set():
            ready()
        await asyncio.gather(*map(self._keep, self._assignments, children))

    def stop(self) -> None:
        """End the node; at the second call, without waiting for the requests under way."""
        if self._stopping.is_set():
            self._kill()
            return
        self._stopping.set()
        self._release()
        for child in self._children.values():
            child.order(Said.STOP)
        asyncio.get_running_loop().call_later(self._grace + _MARGIN, self._kill)

    def renew(self) -> None:
        """Have every process read its TLS files again."""
        self._renewing()
        for child in self._children.values():
            child.order(Said.RENEW)

    def _kill(self) -> None:
        for child in self._children.values():
            child.kill()

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.renew)

    async def _start(self, assignment: Assignment) -> Child:
        child = await Child.start(assignment)
        self._children[assignment.name] = child
        if self._stopping.is_set():
            child.kill()
        try:
            heard = await asyncio.wait_for(_first_words(child), _START)
        except TimeoutError:
            child.kill()
            await child.wait()
            told = f"le processus {assignment.name} n’est pas prêt après {_START:.0f} s."
            raise StartFault(told, is_outage=True) from None
        if heard is None and not self._stopping.is_set():
            # Not by a setting, which it would have told: whoever starts the node may try again.
            told = f"le processus {assignment.name} s’est arrêté avant d’être prêt (code {await child.wait()})."
            raise StartFault(told, is_outage=True)
        if heard is not None and heard[1] is not None:
            raise heard[1]
        return child

    async def _keep(self, assignment: Assignment, child: Child | None) -> None:
        """See that a process does what it is there for, until the node ends."""
        pause = _FIRST_PAUSE
        while child is not None:
            began = time.monotonic()
            loss = await self._follow(assignment, child)
            status = await child.wait()
            if self._stopping.is_set():
                return
            _forget_gauges(assignment, child)
            log.error("node.process_lost", process=assignment.name, pid=child.pid, status=status)
            pause = _FIRST_PAUSE if time.monotonic() - began > _SETTLED else min(2 * pause, _LONGEST_PAUSE)
            child = await self._replace(replace(assignment, replaces=loss), pause)

    async def _follow(self, assignment: Assignment, child: Child) -> Loss:
        """Hear a process to its end; one whose loop stands still is killed."""
        silent = 0
        while True:
            try:
                heard = await asyncio.wait_for(child.hear(), _LOOK)
            except TimeoutError:
                silent += 1
                if silent == _LOOKS:
                    seconds = _LOOK * _LOOKS
                    log.error("node.process_silent", process=assignment.name, pid=child.pid, seconds=seconds)  # noqa: TRY400 - idem
                    child.kill()
                continue
            if heard is None:
                return Loss.ENDED if silent < _LOOKS else Loss.SILENT
            silent = 0
            self._tell(assignment, *heard)

    @staticmethod
    def _tell(assignment: Assignment, said: Said, fault: StartFault | None) -> None:
        if said is Said.RENEWED and fault is None:
            log.info("tls.renewed", process=assignment.name)
        elif said is Said.RENEWED:
            log.error("tls.not_renewed", process=assignment.name, cause=str(fault))

    async def _replace(self, assignment: Assignment, pause: float) -> Child | None:
        """Another process in the place of one that died, however often it takes; None when the node ends before."""
        while not await self._ends_within(pause):
            try:
                child = await self._start(assignment)
            except StartFault as fault:
                pause = min(2 * pause, _LONGEST_PAUSE)
                log.error("node.process_not_replaced", process=assignment.name, cause=str(fault), pause=pause)  # noqa: TRY400 - its trace tells nothing
            else:
                log.info("node.process_replaced", process=assignment.name, pid=child.pid)
                return child
        return None

    async def _ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()


async def _first_words(child: Child) -> tuple[Said, StartFault | None] | None:
    """That it is ready, or why not; None at its end. Its loop may turn before."""
    while (heard := await child.hear()) is not None and heard[0] is Said.ALIVE:
        pass
    return heard


def _forget_gauges(assignment: Assignment, child: Child) -> None:
    """What a process that is gone had under way is under way no more; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - a start must not wait for it

    mark_process_dead(child.pid, assignment.counts)
