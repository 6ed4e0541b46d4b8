"""When a CRL is due: the delays of the decisions, whatever the clock does. Source: docs/igc.md, Publication."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from pfcng.igc.due import (
    HOLDERS,
    ROOTS,
    Delays,
    Published,
    State,
    complete_frame,
    delta_frame,
    is_complete_due,
    is_delta_due,
)
from support.igc import NOW

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


def crl(
    age: timedelta = timedelta(0),
    *,
    number: int = 10,
    base: int | None = None,
    cutoff: int = 0,
    validity: timedelta = 6 * DAY,
    duration: timedelta = SECOND,
) -> Published:
    made = NOW - age
    return Published(
        number=number, base=base, cutoff=cutoff, this_update=made, next_update=made + validity, duration=duration
    )


def state(complete: Published | None = None, delta: Published | None = None, newest: int = 0) -> State:
    return State(complete=complete, delta=delta, newest=newest)


@pytest.mark.parametrize(
    ("last", "is_due"),
    [
        (None, True),
        (crl(DAY - SECOND), False),
        (crl(DAY), True),
        (crl(HOUR, validity=DAY), True),
        (crl(HOUR, validity=DAY + 2 * HOUR), False),
        (crl(-MINUTE), False),
        (crl(-HOUR), True),
    ],
    ids=["none yet", "fresh", "of yesterday", "near its end", "far from its end", "clock of a node", "clock set back"],
)
def test_complete_crl_is_made_every_day(last: Published | None, is_due: bool) -> None:
    """Every 24 h, at least 24 h before nextUpdate; one of a future that clients would refuse is made again."""
    assert is_complete_due(state(last), HOLDERS, NOW) is is_due


@pytest.mark.parametrize(
    ("last", "is_due"),
    [(None, True), (crl(HOUR - SECOND), False), (crl(HOUR), True), (crl(-HOUR), True)],
    ids=["none yet", "fresh", "of an hour ago", "clock set back"],
)
def test_delta_is_made_every_hour(last: Published | None, is_due: bool) -> None:
    """Hourly."""
    assert is_delta_due(state(crl(), last), HOLDERS, NOW) is is_due


@pytest.mark.parametrize(
    ("age", "duration", "is_due"),
    [
        (MINUTE - SECOND, SECOND, False),
        (MINUTE, SECOND, True),
        (99 * SECOND, 10 * SECOND, False),
        (100 * SECOND, 10 * SECOND, True),
    ],
)
def test_revocation_brings_both_about_but_not_at_any_price(age: timedelta, duration: timedelta, is_due: bool) -> None:
    """One a minute at most; and what takes ten seconds is not made every minute. Who asks does not wait."""
    last = crl(age, cutoff=4, duration=duration)
    behind = state(last, last, newest=5)
    for is_kind_due in (is_complete_due, is_delta_due):
        assert is_kind_due(behind, HOLDERS, NOW) is is_due
        assert is_kind_due(behind, HOLDERS, NOW, at_once=True)
        assert not is_kind_due(state(last, last, newest=4), HOLDERS, NOW, at_once=True)


def test_root_publishes_every_month_and_never_a_delta() -> None:
    """The real root CRLs live 45 days."""
    assert not is_complete_due(state(crl(29 * DAY, validity=45 * DAY)), ROOTS, NOW)
    assert is_complete_due(state(crl(30 * DAY, validity=45 * DAY)), ROOTS, NOW)
    assert not is_delta_due(state(crl(), None, newest=9), ROOTS, NOW, at_once=True)
    assert complete_frame(state(), ROOTS, NOW).next_update == NOW + 45 * DAY


@pytest.mark.parametrize(
    ("complete", "delta", "expected"),
    [
        (None, None, int(NOW.timestamp())),
        (crl(), crl(number=11), int(NOW.timestamp())),
        (crl(number=2**40), crl(number=11), 2**40 + 1),
        (crl(), crl(number=2**40), 2**40 + 1),
    ],
)
def test_numbers_grow_whatever_the_clock_or_the_back_up(
    complete: Published | None, delta: Published | None, expected: int
) -> None:
    """One more than the last of either kind, or the seconds since 1970 when they are more (RFC 5280 §5.2.3)."""
    assert state(complete, delta).number(NOW) == expected


def test_delta_that_is_made_with_a_complete_crl_shares_its_number() -> None:
    """On the complete one before it; alone, on the newest, with a number of its own (RFC 5280 §5.2.3)."""
    known = state(crl(number=10), crl(number=12, base=10))
    complete = complete_frame(known, HOLDERS, NOW)
    together = delta_frame(known, complete, HOLDERS, NOW)
    assert (together.number, together.base) == (complete.number, 10)
    alone = delta_frame(known, None, HOLDERS, NOW)
    assert (alone.number, alone.base) == (int(NOW.timestamp()), 10)


@settings(max_examples=60)
@given(
    delays=st.sampled_from([HOLDERS, ROOTS]),
    pauses=st.lists(st.integers(min_value=1, max_value=20 * 3600), min_size=5, max_size=120),
    revoked=st.lists(st.booleans(), min_size=120, max_size=120),
)
def test_crl_is_always_renewed_before_its_next_update(delays: Delays, pauses: list[int], revoked: list[bool]) -> None:
    """Whatever pauses under 20 h the publisher makes, busy or not, what is published is in its time."""
    now: datetime = NOW
    last: Published | None = None
    newest = 0
    for pause, is_revoked in zip(pauses, revoked, strict=False):
        now += pause * SECOND
        assert last is None or now < last.next_update
        newest += is_revoked
        known = state(last, newest=newest)
        if is_complete_due(known, delays, now):
            frame = complete_frame(known, delays, now)
            assert last is None or frame.number > last.number
            last = Published(
                number=frame.number,
                base=None,
                cutoff=newest,
                this_update=frame.this_update,
                next_update=frame.next_update,
                duration=SECOND,
            )
