"""A suivi beyond the 500 lines of one reply: which pages to ask for, and which of their lines are new. No network here.

A reply that is cut short says so (``avertissement``). The same search is then made usage by usage, and where that is
still too long, day by day: ``dateCreationDemande`` is the only filter that divides time, and no reply says how many
days there are. Source: guide §18, tables 19 and 20.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pfcng.client.errors import IncompleteError
from pfcng.contract.catalogue import USAGES
from pfcng.contract.messages import ReponseSuiviActivite, RequeteSuiviActivite, Resultat
from pfcng.contract.paris import paris_day

DEFAULT_DAYS: Final = 1200
"""How far back the days go: three years of validity, and the delay before withdrawal."""
Progress = Callable[[int, int], None]
"""Told after each page: pages read, pages known of."""


def today() -> date:
    """The day in Paris."""
    return paris_day(datetime.now(UTC))


class Listing:
    """The pages of one suivi, newest first.

    Ask for ``next_request`` until it is None and give each reply to ``take``.
    """

    def __init__(
        self, request: RequeteSuiviActivite, since: date | None = None, progress: Progress = lambda *_: None
    ) -> None:
        self._since = since
        self._progress = progress
        self._waiting: deque[RequeteSuiviActivite] = deque([request])
        self._asked: RequeteSuiviActivite = request
        self._seen: set[str] = set()
        self._newest = today()
        self._read = 0
        self._cut: list[RequeteSuiviActivite] = []

    def next_request(self) -> RequeteSuiviActivite | None:
        """The page to ask for now, or None when all was read.

        Raises:
            IncompleteError: All was read but for days that hold more lines than a reply.
        """
        if self._waiting:
            self._asked = self._waiting.popleft()
            return self._asked
        if self._cut:
            days = ", ".join(f"{cut.date_creation_demande:%d/%m/%Y} ({cut.usage})" for cut in self._cut)
            raise IncompleteError(
                f"La plateforme ne donne que ses premières lignes pour : {days}.",
                conseil="Restreignez la recherche (structure, bénéficiaire, lot).",
            )
        return None

    def take(self, reply: ReponseSuiviActivite) -> Iterator[Resultat]:
        """The lines of a reply that were not given yet."""
        self._read += 1
        self._newest = max([self._newest, *filter(None, map(_day, reply.resultats))])
        if reply.avertissement:
            self._divide(self._asked)
        self._progress(self._read, self._read + len(self._waiting))
        for line in reply.resultats:
            if line.numero is None or line.numero not in self._seen:
                self._seen.add(line.numero or "")
                yield line

    def _divide(self, request: RequeteSuiviActivite) -> None:
        if request.usage is None:
            self._waiting.extend(replace(request, usage=usage) for usage in USAGES[request.offre])
        elif request.date_creation_demande is None and request.indice_lot is None:
            first = self._since or self._newest - timedelta(days=DEFAULT_DAYS)
            days = (self._newest - timedelta(days=back) for back in range((self._newest - first).days + 1))
            self._waiting.extend(replace(request, date_creation_demande=day) for day in days)
        else:
            self._cut.append(request)


def _day(line: Resultat) -> date | None:
    """When a line was made, as far as it tells."""
    text = line.creation_date or line.date_debut_validite
    try:
        return paris_day(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None
