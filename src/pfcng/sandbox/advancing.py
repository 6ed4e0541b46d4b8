"""Moving the sandbox's clock: day by day, so that nothing that falls due on the way is missed.

It stops where a révocation is tried again, too: those attempts are minutes and hours apart (RMT_ERR_012).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import structlog

from pfcng.igc.authority import AuthorityUnavailable
from pfcng.jobs.acts import Act
from pfcng.operations.one_by_one import PartlyDone
from pfcng.sandbox.clock import SandboxClock

log = structlog.get_logger()

_STEP: Final = timedelta(days=1)
_LEAST: Final = timedelta(seconds=1)


class UnderWay(Exception):
    """Somebody else is moving the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What a move of the clock did: the new present, and how much each act found to do."""

    now: datetime
    done: dict[str, int]


class Advancer:
    """Moves the clock and does what falls due.

    Args:
        clock: The sandbox's.
        acts: What is looked for each day, in this order.
        next_attempt: The next moment to come at which a révocation is tried again.
        settle: Brings what depends on the present up to date at the end, told how far it moved: cards, CRLs, trust,
            mails that wait for their next try.
    """

    def __init__(
        self,
        clock: SandboxClock,
        acts: Sequence[Act],
        next_attempt: Callable[[], datetime | None],
        settle: Callable[[timedelta], None],
    ) -> None:
        self._clock = clock
        self._acts = acts
        self._next_attempt = next_attempt
        self._settle = settle
        self._lock = Lock()

    def advance(self, by: timedelta) -> Walk:
        """Move by that much. The workers may be at the same acts meanwhile: each thing is done once.

        Raises:
            UnderWay: Another move has not ended.
            TooFar: The sandbox's authorities do not last that long.
        """
        if not self._lock.acquire(blocking=False):
            raise UnderWay
        try:
            self._clock.check(by)
            done = Counter(dict.fromkeys((act.name for act in self._acts), 0))
            left = by
            try:
                while left > timedelta():
                    step = min(left, self._step())
                    self._clock.advance(step)
                    left -= step
                    self._look(done, last=not left)
            finally:  # the clock does not go back: the day that it came to has its cards and its CRLs
                self._settle(by - left)
            return Walk(now=self._clock(), done=dict(done))
        finally:
            self._lock.release()

    def _step(self) -> timedelta:
        attempt = self._next_attempt()
        return _STEP if attempt is None else min(_STEP, max(attempt - self._clock(), _LEAST))

    def _look(self, done: Counter[str], *, last: bool) -> None:
        for act in self._acts:
            if not (act.daily or last):
                continue
            try:
                done[act.name] += act.do()
            except AuthorityUnavailable:
                log.warning("clock.act_postponed", act=act.name)  # an incident under way; the act is due tomorrow too
            except PartlyDone as error:
                done[act.name] += error.done  # the log has the others; a worker journals them
