"""Workers: a loop that runs until it is told to stop, in a process of its own or in a thread of another."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Final

import psycopg
import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException

from pfcng.jobs.acts import Parts
from pfcng.jobs.tasks import create_jobs
from pfcng.store import jobs

log = structlog.get_logger()

_LEAP: Final = 3600.0
"""Seconds between two looks that tell of a clock that was set, or of a machine that slept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a worker works.

    Attributes:
        concurrency: Jobs at once.
        heartbeat: How often it gives a sign of life.
        silence: After which it counts as dead, and its jobs as another's.
        grace: How long a job may go on once the worker was told to stop; there is no heartbeat meanwhile.
        poll: How often the queue is looked at when nothing is announced.
    """

    concurrency: int = 4
    heartbeat: timedelta = timedelta(seconds=10)
    silence: timedelta = jobs.SILENCE
    grace: timedelta = timedelta(seconds=10)
    poll: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        """See that nobody takes over what a living worker still does."""
        if self.grace + self.heartbeat >= self.silence:
            raise ValueError("a worker that stops would count as dead")


class Worker:
    """One worker. `run` works until `stop` is called, from whichever thread."""

    def __init__(self, dsn: str, parts: Parts, pace: Pace | None = None) -> None:
        self._dsn = dsn
        self._parts = parts
        self._pace = pace or Pace()
        self._stopped = asyncio.Event()
        self._stale = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = Event()
        self.is_working = False
        """Whether it takes jobs now."""

    def stop(self) -> None:
        """Let `run` finish what is under way and return."""
        self._told.set()
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(self._stopped.set)

    async def run(self) -> None:
        """Work. A database that goes away is waited for."""
        self._loop = asyncio.get_running_loop()
        if self._told.is_set():
            return
        taking_over = asyncio.create_task(self._take_over())
        try:
            while not self._stopped.is_set():
                try:
                    await self._work()
                except (psycopg.Error, ConnectorException, OSError) as error:
                    log.error("worker.interrupted", cause=type(error).__name__)  # noqa: TRY400 - an outage has no trace
                except Exception as error:
                    log.exception("worker.interrupted", cause=type(error).__name__)  # the edge: nobody else would work
                if not self._stopped.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stopped.wait(), self._pace.poll.total_seconds())
        finally:
            taking_over.cancel()
            await asyncio.gather(taking_over, return_exceptions=True)
            await self._parts.transport.close()

    async def _work(self) -> None:
        """Until told to stop, or until procrastinate's loop ends since the database went away.

        A worker that is stale ends as one that stops does, and begins again under another number: what it leaves is
        taken over.
        """
        self._stale.clear()
        app = create_jobs(self._dsn, self._parts, connections=self._pace.concurrency + 2, on_unwritten=self._stale.set)
        async with app.open_async():
            working = asyncio.create_task(self._fetch(app))
            ends = [asyncio.create_task(event.wait()) for event in (self._stopped, self._stale)]
            self.is_working = True
            await asyncio.wait({working, *ends}, return_when=asyncio.FIRST_COMPLETED)
            self.is_working = False
            if self._stale.is_set():
                log.warning("worker.begins_again")
            for end in ends:
                end.cancel()
            working.cancel()  # finishes the jobs under way; mails that last are given back
            with suppress(asyncio.CancelledError):
                await working

    async def _fetch(self, app: App) -> None:
        await app.run_worker_async(
            concurrency=self._pace.concurrency,
            install_signal_handlers=False,
            listen_notify=True,
            delete_jobs="successful",
            fetch_job_polling_interval=self._pace.poll.total_seconds(),
            update_heartbeat_interval=self._pace.heartbeat.total_seconds(),
            stalled_worker_timeout=self._pace.silence.total_seconds(),
            shutdown_graceful_timeout=self._pace.grace.total_seconds(),
        )

    async def _take_over(self) -> None:
        """Give the jobs of dead workers back to the queue.

        After a time in which this process itself did not run (a laptop that slept), nobody's silence means anything.
        Where the clock leaps, procrastinate would wait with the acts until it is where it was, or defer every period
        that was slept through, one by one: it begins again.
        """
        interval = self._pace.silence / 2
        while True:
            before = time.time()
            await asyncio.sleep(interval.total_seconds())
            passed = time.time() - before
            if passed < 0 or passed > _LEAP:
                self._stale.set()
            if passed > self._pace.silence.total_seconds():
                continue
            try:
                taken = await asyncio.to_thread(self._take_over_once)
            except Exception as error:  # noqa: BLE001 - the edge: the next look does it
                log.error("worker.interrupted", cause=type(error).__name__)  # noqa: TRY400 - an outage has no trace
            else:
                if taken:
                    log.warning("worker.took_over", jobs=taken)

    def _take_over_once(self) -> list[int]:
        with self._parts.database.transaction() as connection:
            return jobs.take_over(connection, self._pace.silence)


@contextmanager
def keep_working(dsn: str, parts: Parts, pace: Pace | None = None) -> Iterator[None]:
    """Work in a thread of its own until the end of the block."""
    worker = Worker(dsn, parts, pace)
    thread = Thread(target=lambda: asyncio.run(worker.run()), name="pfcng-worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
