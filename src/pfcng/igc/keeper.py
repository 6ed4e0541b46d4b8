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

    def is_behind(act: Callable[[], object]) -> bool:
        """Do it; whether it has to come back soon. One that fails does not keep the others from their turn."""
        try:
            return act() is True
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the next turn does it
            log.error("publication.failed", kind=type(error).__name__, cause=str(error))  # noqa: TRY400
            return True

    def turn() -> float:
        behind = [is_behind(act) for act in (lambda: publisher.turn().is_behind, *beside)]
        return min(interval, _SOON) if any(behind) else interval

    with keep_turning("publisher", turn, database=database, channels=(revocations.CHANNEL,)):
        yield
