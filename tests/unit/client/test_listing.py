"""A suivi beyond the 500 lines of a reply (guide §18)."""

import re
from collections import Counter
from datetime import date, timedelta

import anyio
import pytest

from pfcng.client import AsyncClient, Client, IncompleteError, Profile
from pfcng.client.listing import Listing, today
from pfcng.contract.catalogue import Offre, TypeDemande, Usage
from pfcng.contract.messages import ReponseSuiviActivite, RequeteSuiviActivite, Resultat
from unit.client.local_platform import Answer, LocalPlatform, Received, reply

DEMANDES = RequeteSuiviActivite(
    type_demande=TypeDemande.DEMANDES_CERTIFICAT, offre=Offre.ORG, id_nat_struct="1010000000"
)
LIMIT = 5
"""Lines in a reply of the platform below."""


class Register:
    """A platform with so many demandes a day and usage, that shows a few at a time."""

    def __init__(self, days: dict[date, Counter[Usage]]) -> None:
        numbers = iter(range(10_000, 0, -1))
        self.lines = [
            (day, usage, Resultat(numero=str(next(numbers)), usage=usage, creation_date=f"{day}T10:00:00+01:00"))
            for day in sorted(days, reverse=True)
            for usage, count in days[day].items()
            for _ in range(count)
        ]
        self.asked = 0

    def answer(self, request: RequeteSuiviActivite) -> ReponseSuiviActivite:
        self.asked += 1
        found = [
            line
            for day, usage, line in self.lines
            if request.usage in {None, usage} and request.date_creation_demande in {None, day}
        ]
        if not found:
            return ReponseSuiviActivite(statut="WSMG-00000007", resultats=(Resultat(erreur="Rien."),))
        more = "MESSAGE : trop" if len(found) > LIMIT else None
        return ReponseSuiviActivite(statut="OK", avertissement=more, resultats=tuple(found[:LIMIT]))


def listed(register: Register, since: date | None = None) -> list[str | None]:
    listing = Listing(DEMANDES, since)
    numbers = []
    while (page := listing.next_request()) is not None:
        reply = register.answer(page)
        numbers += [line.numero for line in listing.take(reply) if line.erreur is None]
    return numbers


def test_one_page_is_one_request() -> None:
    """Nothing is asked twice where nothing is cut."""
    register = Register({today(): Counter({Usage.SIGN: 3})})
    assert len(listed(register)) == 3
    assert register.asked == 1


def test_usages_are_tried_before_days() -> None:
    """Four requests instead of a thousand."""
    register = Register({today(): Counter({Usage.SIGN: 4, Usage.AUTH_CLI: 4, Usage.CONF: 4})})
    assert sorted(listed(register), key=str) == sorted((line.numero for *_, line in register.lines), key=str)
    assert register.asked == 4


def test_every_line_is_given_once_whatever_their_number() -> None:
    """Day by day, newest first, back to the first day asked for."""
    first = today() - timedelta(days=9)
    days = {first + timedelta(days=n): Counter({Usage.SIGN: 4, Usage.CONF: 1}) for n in range(10)}
    register = Register(days)
    numbers = listed(register, since=first)
    assert Counter(numbers) == Counter(line.numero for *_, line in register.lines)
    assert register.asked == 1 + 3 + 2 * 10


def test_a_clock_ahead_of_ours_is_followed() -> None:
    """The newest line says how late it is at the platform."""
    future = today() + timedelta(days=400)
    register = Register({future - timedelta(days=n): Counter({Usage.SIGN: 4}) for n in range(3)})
    assert len(listed(register, since=future - timedelta(days=5))) == 12


def test_a_day_too_long_is_told_at_the_end() -> None:
    """Nothing is left out in silence; everything that could be had was given."""
    register = Register(
        {today(): Counter({Usage.SIGN: LIMIT + 1}), today() - timedelta(days=1): Counter({Usage.SIGN: 2})}
    )
    listing = Listing(DEMANDES, today() - timedelta(days=1))
    numbers = []
    with pytest.raises(IncompleteError, match=f"{today():%d/%m/%Y} \\(SIGN\\)"):  # noqa: PT012 - the loop raises at its end
        while (page := listing.next_request()) is not None:
            numbers += [line.numero for line in listing.take(register.answer(page)) if line.erreur is None]
    assert len(numbers) == LIMIT + 2


@pytest.fixture
def register(platform: LocalPlatform) -> Register:
    first = today() - timedelta(days=2)
    register = Register({first + timedelta(days=n): Counter({Usage.SIGN: 4}) for n in range(3)})

    def answer(received: Received) -> Answer:
        usage = re.search(rb"<usage>(.*?)</usage>", received.body)
        day = re.search(rb"<dateCreationDemande>(.*?)</dateCreationDemande>", received.body)
        request = RequeteSuiviActivite(
            type_demande=DEMANDES.type_demande,
            offre=DEMANDES.offre,
            usage=Usage(usage.group(1).decode()) if usage else None,
            date_creation_demande=date.fromisoformat(day.group(1).decode()) if day else None,
        )
        return reply(register.answer(request))

    platform.answer = answer
    return register


def test_the_iterator_goes_on_by_itself(profile: Profile, register: Register) -> None:
    """What a program writes: one loop; progress is told."""
    told: list[tuple[int, int]] = []
    with Client(profile) as client:
        since = today() - timedelta(days=2)
        lines = list(client.suivre(DEMANDES, depuis=since, progress=lambda *p: told.append(p)))
    assert len(lines) == 12
    assert told[-1] == (register.asked, register.asked)


def test_finding_nothing_gives_no_line(profile: Profile, platform: LocalPlatform) -> None:
    """WSMG-00000007 and 08 are the end of a search, not a failure of the loop."""
    platform.will_answer(reply(ReponseSuiviActivite(statut="WSMG-00000008", resultats=(Resultat(erreur="Rien."),))))
    with Client(profile) as client:
        assert list(client.suivre(DEMANDES)) == []


def test_the_async_iterator_gives_the_same(profile: Profile, register: Register) -> None:
    """Pages are planned by the same code."""

    async def count() -> int:
        async with AsyncClient(profile) as client:
            lines = [line async for line in client.suivre(DEMANDES, depuis=today() - timedelta(days=2))]
        return len(lines)

    assert anyio.run(count) == len(register.lines)
