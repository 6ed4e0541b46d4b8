"""What is looked at now and then rather than counted as it happens: nothing of it is on the way of a request."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from pfcng.watch import metrics

INTERVAL: Final = 5.0


class PoolSample:
    """The figures of a pool of connections, which counts for itself.

    Args:
        read: psycopg_pool's statistics; what never happened is not in them.
    """

    def __init__(self, read: Callable[[], Mapping[str, int]]) -> None:
        self._read = read
        self._waited = self._errors = 0

    def take(self) -> None:
        """Look now."""
        now = self._read()
        idle = now.get("pool_available", 0)
        metrics.CONNECTIONS.labels("idle").set(idle)
        metrics.CONNECTIONS.labels("used").set(now.get("pool_size", 0) - idle)
        metrics.WAITING.set(now.get("requests_waiting", 0))
        waited, errors = now.get("requests_wait_ms", 0), now.get("requests_errors", 0)
        metrics.WAITED.inc((waited - self._waited) / 1000)
        metrics.CONNECTION_ERRORS.inc(errors - self._errors)
        self._waited, self._errors = waited, errors


@contextmanager
def keep_sampled(read: Callable[[], Mapping[str, int]], interval: float = INTERVAL) -> Iterator[None]:
    """Look in a thread of its own until the end of the block."""
    sample, stopped = PoolSample(read), Event()

    def run() -> None:
        while not stopped.wait(interval):
            sample.take()

    sample.take()
    thread = Thread(target=run, name="pfcng-sampling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
