"""Who makes CRLs from revocations: steps C1 to C3 of docs/igc.md.

Any process may publish at any moment: one at a time does, and what a kill leaves undone the next turn does.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import structlog
from cryptography.x509.oid import NameOID

from pfcng.igc import crl, due, published, revocations
from pfcng.igc.crl import Body, Frame
from pfcng.igc.due import Published, State
from pfcng.igc.published import MadeCrl
from pfcng.igc.revocations import Lock
from pfcng.pki import names
from pfcng.pki.keys import Credential
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database, DbConnection

log = structlog.get_logger()

Clock = Callable[[], datetime]

_FROZEN: Final = "10min"
"""After so long without a word a process that publishes, or the token it signs with, hangs: the server gives its locks
back, and another process publishes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did.

    Attributes:
        published: How many CRLs.
        is_behind: A revocation is not yet in every CRL that it belongs in: come back soon.
    """

    published: int
    is_behind: bool


_NOTHING: Final = Turn(0, is_behind=False)


class Publisher:
    """The CRLs of some authorities.

    Args:
        database: Holds the schema ``igc``.
        signers: The authorities with their keys.
        clock: The present, aware.
    """

    def __init__(self, database: Database, *, signers: Iterable[Credential], clock: Clock) -> None:
        self._database = database
        self._signers = tuple(signers)
        self._clock = clock

    def turn(self, *, at_once: bool = False, again: Collection[bytes] = ()) -> Turn:
        """Publish what is due, of each authority; one that cannot is logged, and the others do.

        From a database that was restored nothing is published (docs/restore.md).

        Args:
            at_once: After a revocation, do not wait until a minute is over.
            again: Key identifiers of authorities whose complete CRL is made again in any case.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        if not self._database.is_attested():
            return Turn(0, is_behind=True)
        with self._database.session() as session:
            session.execute("SELECT set_config('idle_session_timeout', %s, false)", (_FROZEN,))
            turns = [
                self._guarded(session, signer, at_once=at_once, again=key_identifier(signer.certificate) in again)
                for signer in self._signers
            ]
        count = sum(turn.published for turn in turns)
        if count:
            told = [_name(signer) for signer, turn in zip(self._signers, turns, strict=True) if turn.published]
            log.info("crl.published", count=count, authorities=len(told), first=told[0])
        return Turn(count, is_behind=any(turn.is_behind for turn in turns))

    def _guarded(self, session: DbConnection, signer: Credential, *, at_once: bool, again: bool) -> Turn:
        try:
            return _Authority(session, signer, self._clock).turn(at_once=at_once, again=again)
        except psycopg.OperationalError as error:
            if session.broken:
                raise
            cause: Exception = error
        except Exception as error:  # noqa: BLE001 - whatever ails a key, the other authorities publish
            cause = error
        log.error("crl.not_published", authority=_name(signer), kind=type(cause).__name__, cause=str(cause))
        return Turn(0, is_behind=True)


class _Authority:
    """One turn of one authority, in a session of its own."""

    def __init__(self, session: DbConnection, signer: Credential, clock: Clock) -> None:
        self._session = session
        self._signer = signer
        self._issuer = key_identifier(signer.certificate)
        self._delays = due.ROOTS if signer.certificate.issuer == signer.certificate.subject else due.HOLDERS
        self._clock = clock

    def turn(self, *, at_once: bool, again: bool) -> Turn:
        count = 0
        with self._locked() as held:  # C1
            if not held:
                return _NOTHING
            # What is asked for out of its time is made once: revocations may come as fast as they are published.
            while made := self._make(at_once=at_once and not count, again=again and not count):
                self._commit(made)  # C3
                count += len(made)
            return Turn(count, is_behind=published.read_state(self._session, self._issuer).is_behind)

    def _make(self, *, at_once: bool, again: bool) -> list[MadeCrl]:
        """What is due, signed: a complete CRL, a delta, both or nothing."""
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        state = published.read_state(self._session, self._issuer)
        is_complete = again or due.is_complete_due(state, self._delays, now, at_once=at_once)
        is_delta = state.complete is not None and due.is_delta_due(state, self._delays, now, at_once=at_once)
        if not (is_complete or is_delta):
            return []
        bodies, cutoff = self._read(state, is_complete=is_complete, is_delta=is_delta)  # C2
        complete = due.complete_frame(state, self._delays, now) if is_complete else None
        delta = due.delta_frame(state, complete, self._delays, now) if is_delta else None
        frames = [frame for frame in (complete, delta) if frame]
        return [self._sign(frame, body, cutoff) for frame, body in zip(frames, bodies, strict=True)]

    def _read(self, state: State, *, is_complete: bool, is_delta: bool) -> tuple[list["_Read"], int]:
        """The entries of what is due, of one state of the database."""
        base = state.complete
        bodies = []
        with revocations.snapshot(self._session, self._issuer) as cutoff:
            if is_complete:
                bodies.append(_Read.of(lambda: revocations.complete_entries(self._session, self._issuer, base)))
            if is_delta and base is not None:
                bodies.append(_Read.of(lambda: revocations.later_entries(self._session, self._issuer, base.cutoff)))
        return bodies, cutoff

    def _sign(self, frame: Frame, read: "_Read", cutoff: int) -> MadeCrl:
        start = time.monotonic()
        der = crl.sign(self._signer, frame, read.body)
        made = Published(
            number=frame.number,
            base=frame.base,
            cutoff=cutoff,
            this_update=frame.this_update,
            next_update=frame.next_update,
            duration=read.duration + timedelta(seconds=time.monotonic() - start),
        )
        return MadeCrl(published=made, count=read.body.count, der=der)

    def _commit(self, made: list[MadeCrl]) -> None:
        with self._session.transaction():
            for one in made:
                published.store(self._session, self._issuer, one)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """The authority's publication, for this session alone; False when another session has it."""
        key = (Lock.PUBLISHER.key(self._issuer),)
        row = self._session.execute("SELECT pg_try_advisory_lock(%s) AS held", key).fetchone()
        held = row is not None and row["held"]
        try:
            yield held
        finally:
            if held and not self._session.closed:
                self._session.execute("SELECT pg_advisory_unlock(%s)", key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Entries that were read, and how long it took."""

    body: Body
    duration: timedelta

    @classmethod
    def of(cls, entries: Callable[[], Iterable[crl.Entry]]) -> "_Read":
        start = time.monotonic()
        body = crl.encode(entries())
        return cls(body=body, duration=timedelta(seconds=time.monotonic() - start))


def _name(signer: Credential) -> str:
    return names.first(signer.certificate.subject, NameOID.COMMON_NAME) or ""
