"""What a process that publishes does beside its requests: CRLs as they fall due, responders before they end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog

from pfcng.igc import revocations
from pfcng.igc.publisher import Publisher
from pfcng.store.database import Database
from pfcng.store.listening import keep_turning

log = structlog.get_logger()

INTERVAL: Final = 60.0
"""Seconds between two turns when nothing is revoked."""
_SOON: Final = 5.0
"""Seconds when a revocation waits for its CRL, or a turn failed."""


@contextmanager
def keep_published(
    publisher: Publisher, *, database: Database, beside: Sequence[Callable[[], None]] = (), interval: float = INTERVAL
) -> Iterator[None]:
    """Publish in a thread of its own: at once, every ``interval`` seconds, and when something is revoked.

    Args:
        publisher: Makes the CRLs.
        database: Tells the revocations, those of other processes too.
        beside: What else is looked at in each turn (`OfflineCrls.take_in`, `Responder.renew`).
        interval: Seconds.
    """

    def turn() -> float:
        try:
            done = publisher.turn()
            for act in beside:
                act()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the next turn does it
            log.error("publication.failed", kind=type(error).__name__, cause=str(error))  # noqa: TRY400
            return min(interval, _SOON)
        return min(interval, _SOON) if done.is_behind else interval

    with keep_turning("publisher", turn, database=database, channels=(revocations.CHANNEL,)):
        yield
