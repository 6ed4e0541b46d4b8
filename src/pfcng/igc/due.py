"""When a CRL is due, and its number: rules alone, over what was published last (docs/igc.md, Publication)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pfcng.igc.crl import Frame

_SKEW: Final = timedelta(minutes=5)
"""How far ahead the clock of another node may be; more is a clock that was set back."""
_SPACING: Final = timedelta(minutes=1)
"""Between two CRLs of a kind that revocations bring about."""
_SHARE: Final = 10
"""Nor is more than one part in so many of the time spent on making them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How often a kind of authority publishes.

    Attributes:
        every: Between complete CRLs when nothing is revoked.
        validity: From thisUpdate to nextUpdate of a complete one.
        margin: A complete one is renewed at least so long before its nextUpdate.
        delta_every: As `every`, for deltas; None for no deltas.
        delta_validity: As `validity`.
    """

    every: timedelta
    validity: timedelta
    margin: timedelta
    delta_every: timedelta | None
    delta_validity: timedelta


HOLDERS: Final = Delays(
    every=timedelta(hours=24),
    validity=timedelta(days=6),
    margin=timedelta(hours=24),
    delta_every=timedelta(hours=1),
    delta_validity=timedelta(hours=24),
)
"""Authorities that issue to holders."""
ROOTS: Final = Delays(
    every=timedelta(days=30),
    validity=timedelta(days=45),
    margin=timedelta(days=7),
    delta_every=None,
    delta_validity=timedelta(0),
)
"""Roots: nobody's certificates have a delta of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A CRL that was published, without its bytes.

    Attributes:
        number: cRLNumber.
        base: Of a delta: number of the complete CRL it adds to.
        cutoff: It has every revocation up to this ``ordre``.
        duration: How long it took to make.
    """

    number: int
    base: int | None
    cutoff: int
    this_update: datetime
    next_update: datetime
    duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an authority published last, and its newest revocation.

    Attributes:
        complete: The newest complete CRL.
        delta: The newest delta.
        newest: Greatest ``ordre``; 0 for none.
    """

    complete: Published | None
    delta: Published | None
    newest: int

    def number(self, now: datetime) -> int:
        """The next number: greater than every one before, also than those that a restored database has forgotten."""
        last = max((crl.number for crl in (self.complete, self.delta) if crl), default=0)
        return max(last + 1, int(now.timestamp()))

    @property
    def is_behind(self) -> bool:
        """Whether there is a revocation that a CRL does not have: either kind owes it."""
        return any(crl is not None and self.newest > crl.cutoff for crl in (self.complete, self.delta))


def is_complete_due(state: State, delays: Delays, now: datetime, *, at_once: bool = False) -> bool:
    """Whether a complete CRL is to be made now; ``at_once`` does not wait after a revocation."""
    last = state.complete
    return (
        last is None
        or _is_old(last, delays.every, now)
        or now > last.next_update - delays.margin
        or (state.newest > last.cutoff and (at_once or _is_rested(last, now)))
    )


def is_delta_due(state: State, delays: Delays, now: datetime, *, at_once: bool = False) -> bool:
    """Whether a delta is to be made now."""
    last = state.delta
    if delays.delta_every is None:
        return False
    return (
        last is None
        or _is_old(last, delays.delta_every, now)
        or (state.newest > last.cutoff and (at_once or _is_rested(last, now)))
    )


def complete_frame(state: State, delays: Delays, now: datetime) -> Frame:
    """What the next complete CRL says of itself."""
    return Frame(number=state.number(now), base=None, this_update=now, next_update=now + delays.validity)


def delta_frame(state: State, complete: Frame | None, delays: Delays, now: datetime) -> Frame:
    """Idem of the next delta; one that is made with a complete CRL shares its number (RFC 5280 §5.2.3)."""
    assert state.complete is not None  # noqa: S101 - a delta adds to a complete one
    return Frame(
        number=complete.number if complete else state.number(now),
        base=state.complete.number,
        this_update=now,
        next_update=now + delays.delta_validity,
    )


def _is_old(last: Published, every: timedelta, now: datetime) -> bool:
    """Older than its time; or of a future that this clock does not know, and which clients would refuse."""
    return now - last.this_update >= every or last.this_update > now + _SKEW


def _is_rested(last: Published, now: datetime) -> bool:
    return now - last.this_update >= max(_SPACING, _SHARE * last.duration)
