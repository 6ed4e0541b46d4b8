"""The trust that requests are judged by: one immutable store, replaced as a whole when a CRL is renewed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from threading import Event, Lock, Thread
from typing import Final

import psycopg
import structlog

from pfcng.pki.authorities import AuthorityName
from pfcng.pki.trust import InvalidTrustAnchors, TrustStore
from pfcng.store.database import Database
from pfcng.store.listening import keep_turning
from pfcng.web.crl_sources import KeptSource, Source, Update

log = structlog.get_logger()

INTERVAL: Final = 5.0
"""Seconds between two turns over the near sources: what no notice tells is known then, in every process alike."""
ALARM_INTERVAL: Final = 60.0
"""Seconds between two alarms, and between two turns over the far sources, which have delays of their own."""
_NEAR: Final = timedelta(hours=12)
"""A CRL that ends sooner is an alarm: ours are renewed a day before, the real ones five."""


class Ailment(Enum):
    """What is wrong with the CRL of an authority."""

    MISSING = "missing"
    STALE = "stale"
    ENDING = "ending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A CRL that somebody should look after."""

    authority: AuthorityName
    ailment: Ailment
    next_update: datetime | None

    def __str__(self) -> str:
        """For the journal, in French."""
        end = f" (nextUpdate {self.next_update:%Y-%m-%d %H:%M:%S} UTC)" if self.next_update else ""
        return f"{self.authority.common_name} : {_FRENCH[self.ailment]}{end}."


_FRENCH: Final = {
    Ailment.MISSING: "aucune CRL, ses porteurs sont refusés",
    Ailment.STALE: "CRL périmée, ses porteurs sont refusés passé le délai de grâce",
    Ailment.ENDING: "CRL qui n’est pas renouvelée et finit bientôt",
}


class LiveTrust:
    """The store of now, and what keeps it so.

    Args:
        store: Authorities, checked; with or without CRLs.
        clock: The present, aware.
        near: Sources that are asked at every turn and wait for nobody: files, our tables.
        far: Those that may take their time.
        on_alarm: Told every alarm when it begins; the log repeats it while it lasts.
    """

    def __init__(
        self,
        store: TrustStore,
        *,
        clock: Callable[[], datetime],
        near: Sequence[Source] = (),
        far: Sequence[KeptSource] = (),
        on_alarm: Callable[[Alarm], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._near = tuple(near)
        self._far = tuple(far)
        self._on_alarm = on_alarm
        self._has_asked_far = not far
        self._late: dict[str, Mapping[bytes, frozenset[int]]] = {}
        self._lasting: set[Alarm] = set()
        self._replacing = Lock()
        self._asking = {id(source): Lock() for source in (*near, *far)}

    @property
    def current(self) -> TrustStore:
        """One state of it: a request takes it once."""
        return self._store

    @property
    def channels(self) -> tuple[str, ...]:
        """The notices that tell of something new."""
        return tuple(channel for source in self._near for channel in source.channels)

    @property
    def has_far(self) -> bool:
        """Whether any source is worth a thread of its own."""
        return bool(self._far)

    def recall(self) -> None:
        """Believe again what the far sources kept; the network is not asked."""
        for source in self._far:
            try:
                update = source.kept()
            except (OSError, ValueError) as error:
                log.error("trust.source_failed", source=source.label, kind=type(error).__name__, cause=str(error))  # noqa: TRY400
            else:
                if update is not None and not self.take(update, source.label):
                    source.forget()

    def refresh(self) -> None:
        """Ask the near sources."""
        for source in self._near:
            self._ask(source)

    def refresh_far(self) -> None:
        """Ask the others."""
        for source in self._far:
            self._ask(source)
        self._has_asked_far = True

    def adopt(self, renewed: "LiveTrust") -> None:
        """Believe from now on what another has been made to believe; its sources are asked instead of those before.

        A CRL that they do not have now (a file being written, a cache on a full disk) is believed still.
        """
        with self._replacing:
            self._store = renewed._store.with_crls_of(self._store)  # noqa: SLF001 - of this class
            self._near, self._far = renewed._near, renewed._far  # noqa: SLF001 - idem
            self._late = renewed._late  # noqa: SLF001 - idem
            self._asking = {**self._asking, **renewed._asking}  # noqa: SLF001 - idem; a turn may be under way

    def take(self, update: Update, label: str) -> bool:
        """Believe what can be believed of it; False when anything cannot, and what was believed before stays."""
        is_whole = True
        with self._replacing:
            store = self._store
            for crl in update.crls:
                try:
                    store = store.with_crls([crl])
                except (InvalidTrustAnchors, ValueError) as error:
                    log.error("trust.crl_refused", source=label, cause=str(error))  # noqa: TRY400 - nothing failed here
                    is_whole = False
            if update.late:
                self._late[label] = update.late
            self._store = store.with_late(self._told_late()) if self._late else store
        return is_whole

    def _told_late(self) -> dict[bytes, frozenset[int]]:
        """What any source told last, by authority."""
        told: dict[bytes, frozenset[int]] = {}
        for late in self._late.values():
            told |= {issuer: serials | told.get(issuer, frozenset()) for issuer, serials in late.items()}
        return told

    def ailing(self) -> list[Alarm]:
        """Every CRL that is missing, past its nextUpdate or near it."""
        now = self._clock()
        ailments = [(end, _ailment(end.next_update, now)) for end in self._store.crl_ends()]
        return [
            Alarm(authority=end.authority.name, ailment=ailment, next_update=end.next_update)
            for end, ailment in ailments
            if ailment is not None
        ]

    def check(self) -> None:
        """Raise the alarms; one that cannot be told is told at a later turn.

        A CRL is not missed before the sources that take their time were asked once.
        """
        ailing = [one for one in self.ailing() if self._has_asked_far or one.ailment is not Ailment.MISSING]
        for alarm in ailing:
            log.error(
                "trust.crl_alarm",
                authority=alarm.authority.common_name,
                ailment=alarm.ailment.value,
                next_update=alarm.next_update and alarm.next_update.isoformat(),
                see="docs/publication.md",
            )
        self._lasting.intersection_update(ailing)
        self._tell([alarm for alarm in ailing if alarm not in self._lasting])

    def _tell(self, begun: list[Alarm]) -> None:
        try:
            for alarm in begun:
                self._on_alarm(alarm)
                self._lasting.add(alarm)
        except psycopg.Error as error:  # trust is kept while the database is away; the next turn tells them
            log.error("trust.alarm_not_journaled", kind=type(error).__name__)  # noqa: TRY400 - idem

    def _ask(self, source: Source) -> None:
        with self._asking[id(source)]:
            try:
                update = source.fetch()
                if update is not None and self.take(update, source.label):
                    source.believed()
            except Exception as error:  # noqa: BLE001 - what was believed stays; the next turn asks again
                log.error("trust.source_failed", source=source.label, kind=type(error).__name__, cause=str(error))  # noqa: TRY400


def _ailment(next_update: datetime | None, now: datetime) -> Ailment | None:
    if next_update is None:
        return Ailment.MISSING
    if now > next_update:
        return Ailment.STALE
    return Ailment.ENDING if now > next_update - _NEAR else None


@contextmanager
def keep_trusted(trust: LiveTrust, *, database: Database, interval: float = INTERVAL) -> Iterator[None]:
    """Refresh in threads of their own: every ``interval`` seconds, and at once after our own CRLs and revocations."""
    checked = [time.monotonic() - ALARM_INTERVAL]

    def turn() -> float:
        trust.refresh()
        if time.monotonic() - checked[0] >= ALARM_INTERVAL:
            checked[0] = time.monotonic()
            trust.check()
        return interval

    with ExitStack() as stack:
        stack.enter_context(keep_turning("trust", turn, database=database, channels=trust.channels))
        if trust.has_far:
            stack.enter_context(_keep_fetching(trust, ALARM_INTERVAL))
        yield


@contextmanager
def _keep_fetching(trust: LiveTrust, interval: float) -> Iterator[None]:
    """A daemon that nobody waits for long: a source may take a minute to fail."""
    stopped = Event()

    def run() -> None:
        while not stopped.is_set():
            trust.refresh_far()
            stopped.wait(interval)

    Thread(target=run, name="pfcng-trust-urls", daemon=True).start()
    try:
        yield
    finally:
        stopped.set()
