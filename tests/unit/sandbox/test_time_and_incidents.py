"""The sandbox's clock, durations and incidents, without a sandbox."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509

from pfcng.igc.authority import AuthorityRefused, AuthorityUnavailable
from pfcng.jobs.acts import Act
from pfcng.operations.one_by_one import PartlyDone
from pfcng.sandbox.advancing import Advancer, UnderWay
from pfcng.sandbox.clock import MAX_AHEAD, SandboxClock, TooFar, machine_now
from pfcng.sandbox.durations import format_duration, parse_duration
from pfcng.sandbox.incidents import MEANINGS, Incident, IncidentAuthority, Incidents
from pfcng.sandbox.mistakes import SandboxError

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60j", timedelta(days=60)),
        ("3a", timedelta(days=3 * 365)),
        ("2sem", timedelta(weeks=2)),
        ("1J 12h", timedelta(days=1, hours=12)),
        ("10m30s", timedelta(minutes=10, seconds=30)),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    """A number and a unit, several in a row."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59, "59s"), (600, "10m"), (3661, "1h1m1s"), (90000, "1j1h")])
def test_durations_are_written_as_they_are_read(seconds: int, text: str) -> None:
    """In the units of the command."""
    assert format_duration(seconds) == text
    assert parse_duration(text) == (timedelta(seconds=seconds) or None)


@pytest.mark.parametrize("text", ["", "j", "60", "-3j", "0j", "3 ans", "1.5j", "9999999999j", "999999999a"])
def test_what_is_no_duration_is_none(text: str) -> None:
    """Nothing at all, and what no calendar holds, included."""
    assert parse_duration(text) is None


def test_clock_is_the_machines_until_it_is_moved_and_stays_moved(tmp_path: Path) -> None:
    """The folder keeps it."""
    clock = SandboxClock(tmp_path)
    assert abs(clock() - machine_now()) < timedelta(seconds=5)
    clock.advance(60 * DAY)
    assert abs(SandboxClock(tmp_path)() - machine_now() - 60 * DAY) < timedelta(seconds=5)


def test_clock_goes_no_further_than_the_authorities_last(tmp_path: Path) -> None:
    """Ten years."""
    clock = SandboxClock(tmp_path)
    clock.check(MAX_AHEAD)
    clock.advance(DAY)
    with pytest.raises(TooFar):
        clock.check(MAX_AHEAD)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"avance_secondes": "x"}', '{"avance_secondes": -1}', "[]", '{"avance_secondes": 1e300}']
)
def test_damaged_clock_file_is_told(tmp_path: Path, content: str) -> None:
    """With what to do about it."""
    (tmp_path / "horloge.json").write_text(content, "utf-8")
    with pytest.raises(SandboxError, match="Effacez-le"):
        SandboxClock(tmp_path)


def never() -> None:
    """No révocation waits for its next attempt."""


def test_walk_stops_at_each_day_and_settles_once(tmp_path: Path) -> None:
    """What falls due on the way is found on its day; housekeeping is done at the end alone."""
    clock = SandboxClock(tmp_path)
    begun = clock()
    seen: list[int] = []
    other: list[str] = []

    def look() -> int:
        seen.append(round((clock() - begun) / DAY * 10))
        return 1

    def tidy() -> int:
        other.append("purge")
        return 0

    acts = [
        Act(name="regard", cron="", do=look),
        Act(name="purge", cron="", do=tidy, daily=False),
    ]
    walk = Advancer(clock, acts, never, lambda by: other.append(f"fin {by}")).advance(2.5 * DAY)
    assert seen == [10, 20, 25]
    assert other == ["purge", "fin 2 days, 12:00:00"]
    assert walk.done == {"regard": 3, "purge": 0}


def test_walk_stops_at_each_attempt_of_a_revocation(tmp_path: Path) -> None:
    """Its attempts are hours apart (RMT_ERR_012): each is made, and one that is never made does not stop the walk."""
    clock = SandboxClock(tmp_path)
    begun = clock()
    attempts = [begun + timedelta(hours=hours) for hours in (1, 2, 30)]
    seen: list[int] = []

    def look() -> int:
        seen.append(round((clock() - begun) / timedelta(hours=1)))
        return 1

    def following() -> datetime | None:
        return min((attempt for attempt in attempts if attempt > clock()), default=None)

    Advancer(clock, [Act(name="regard", cron="", do=look)], following, lambda _by: None).advance(2.5 * DAY)
    assert seen == [1, 2, 26, 30, 54, 60]


def test_one_walk_at_a_time_and_incidents_do_not_stop_it(tmp_path: Path) -> None:
    """The second is told; an authority that is down postpones its act."""
    clock = SandboxClock(tmp_path)
    told: list[str] = []

    def again() -> int:
        with pytest.raises(UnderWay):
            advancer.advance(DAY)
        told.append("refused")
        raise AuthorityUnavailable

    advancer = Advancer(clock, [Act(name="essai", cron="", do=again)], never, lambda _by: None)
    assert advancer.advance(DAY).done == {"essai": 0}
    assert told == ["refused"]
    assert advancer.advance(DAY)


def test_row_that_fails_does_not_stop_the_walk(tmp_path: Path) -> None:
    """What else the act did counts, each day."""

    def partly() -> int:
        raise PartlyDone("demande 2 (KeyError)", done=3, incident="i")

    advancer = Advancer(SandboxClock(tmp_path), [Act(name="essai", cron="", do=partly)], never, lambda _by: None)
    assert advancer.advance(2 * DAY).done == {"essai": 6}


def test_walk_that_fails_leaves_a_sandbox_of_the_day_it_came_to(tmp_path: Path) -> None:
    """A defect, or a database that is away: the clock has moved, and cards are of its day all the same."""
    clock, settled, left = SandboxClock(tmp_path), list[timedelta](), [1, 1]

    def fail() -> int:
        return left.pop()

    advancer = Advancer(clock, [Act(name="essai", cron="", do=fail)], never, settled.append)
    with pytest.raises(IndexError):
        advancer.advance(5 * DAY)
    assert settled == [3 * DAY] == [clock.ahead]


def test_incidents_end_by_themselves_or_when_restored() -> None:
    """``--pendant`` counts the machine's time, whatever the sandbox's clock says."""
    now = [0.0]
    incidents = Incidents(lambda: now[0])
    incidents.start(Incident.IGC_LENTE, timedelta(minutes=10))
    incidents.start(Incident.COURRIER_REFUSE)
    assert incidents.under_way() == {Incident.IGC_LENTE: 600.0, Incident.COURRIER_REFUSE: None}
    now[0] = 600.0
    assert not incidents.is_on(Incident.IGC_LENTE)
    assert incidents.is_on(Incident.IGC_LENTE, Incident.COURRIER_REFUSE)
    incidents.restore()
    assert incidents.under_way() == {}
    assert set(MEANINGS) == set(Incident)


class Authority:
    """Does everything, and remembers what."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_options: self.called.append(name)


CALLS = ("register", "issue", "revoke", "status", "list_issued", "publish")


def met(incident: Incident) -> dict[str, str]:
    """What each call meets under an incident: done, refused or unavailable."""
    incidents, real = Incidents(), Authority()
    slept: list[float] = []
    incidents.start(incident)
    authority: Any = IncidentAuthority(cast("Any", real), incidents, slept.append)
    arguments: dict[str, tuple[Any, ...]] = {
        "register": (1, None),
        "issue": (1,),
        "revoke": (1, x509.ReasonFlags.key_compromise),
        "status": (1,),
        "publish": (),
    }
    found = {}
    for call in CALLS:
        options = {"after": 0, "limit": 1} if call == "list_issued" else {}
        try:
            getattr(authority, call)(*arguments.get(call, ()), **options)
            found[call] = "slow" if slept else "done"
        except AuthorityRefused:
            found[call] = "refused"
        except AuthorityUnavailable:
            found[call] = "unavailable"
    assert len(real.called) == sum(result in {"done", "slow"} for result in found.values())
    return found


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        (Incident.IGC_INACCESSIBLE, dict.fromkeys(CALLS, "unavailable")),
        (Incident.IGC_INACCESSIBLE_AU_RETRAIT, {**dict.fromkeys(CALLS, "done"), "issue": "unavailable"}),
        (
            Incident.IGC_REFUSE,
            {**dict.fromkeys(CALLS, "done"), **dict.fromkeys(("register", "issue", "revoke"), "refused")},
        ),
        (Incident.IGC_REFUSE_AU_RETRAIT, {**dict.fromkeys(CALLS, "done"), "issue": "refused"}),
        (Incident.IGC_LENTE, dict.fromkeys(CALLS, "slow")),
        (Incident.COURRIER_REFUSE, dict.fromkeys(CALLS, "done")),
    ],
)
def test_each_incident_touches_the_calls_that_it_names(incident: Incident, expected: dict[str, str]) -> None:
    """The real authority is not called where it cannot be reached or refuses."""
    assert met(incident) == expected
