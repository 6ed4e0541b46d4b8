"""Revoked serials: V2, and what a CRL reads of them (docs/igc.md, C2).

A revocation gets its ``ordre`` under a lock that it shares with the others of its authority. Who holds that lock alone
for a moment sees every revocation below a cut, and none of those that come after it can fall below.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from psycopg.rows import tuple_row

from pfcng.igc.crl import Entry
from pfcng.igc.due import Published
from pfcng.store.database import DbConnection, Row

CHANNEL: Final = "pfcng_revocation"
"""Where a revocation is told as it commits; the payload is its authority's key identifier, in hexadecimal."""
_LOCK_PATIENCE: Final = "5s"
"""A revocation that hangs holds the publisher off, and the publisher who waits the other revocations: not for long."""
_BATCH: Final = 20_000


class Lock(Enum):
    """What an advisory lock of an authority is for."""

    PUBLISHER = "publisher"
    REVOCATIONS = "revocations"

    def key(self, issuer: bytes) -> int:
        """Its number, for an authority's key identifier."""
        return int.from_bytes(hashlib.sha256(self.value.encode() + issuer).digest()[:8], "big", signed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A certificate that is revoked.

    Attributes:
        issuer: Key identifier of the authority.
        serial: As the tables hold it (`serials.to_octets`).
        numero: The demande's; None for a certificate that was not ordered.
        reason: As ``x509.ReasonFlags`` names it; None says nothing.
        not_after: The certificate's last second.
    """

    issuer: bytes
    serial: bytes
    numero: int | None
    reason: str | None
    revoked_at: datetime
    not_after: datetime


def insert(connection: DbConnection, revocation: Revocation) -> bool:
    """V2: revoke once, and tell the publishers; False when it was revoked already, and nothing changes."""
    parameters = {
        "lock": Lock.REVOCATIONS.key(revocation.issuer),
        "emetteur": revocation.issuer,
        "numero_serie": revocation.serial,
        "numero": revocation.numero,
        "raison": revocation.reason,
        "revoque_le": revocation.revoked_at,
        "fin_validite": revocation.not_after,
        "canal": CHANNEL,
        "message": revocation.issuer.hex(),
    }
    connection.execute("SELECT pg_advisory_xact_lock_shared(%(lock)s)", parameters)
    inserted = connection.execute(
        """
        INSERT INTO igc.revocation (emetteur, numero_serie, numero, raison, revoque_le, fin_validite)
        VALUES (%(emetteur)s, %(numero_serie)s, %(numero)s, %(raison)s, %(revoque_le)s, %(fin_validite)s)
        ON CONFLICT (emetteur, numero_serie) DO NOTHING
        """,
        parameters,
    )
    if not inserted.rowcount:
        return False
    connection.execute("SELECT pg_notify(%(canal)s, %(message)s)", parameters)
    return True


def withdraw(connection: DbConnection, serials: Collection[bytes]) -> set[bytes]:
    """Forget revocations of certificates that nobody ordered. For the sandbox alone: a real one is final.

    Returns:
        The key identifiers of their authorities, whose complete CRLs have to be made again: no number tells that one
        is gone.
    """
    gone = connection.execute(
        "DELETE FROM igc.revocation WHERE numero_serie = ANY(%s) AND numero IS NULL RETURNING emetteur",
        (list(serials),),
    )
    return {row["emetteur"] for row in gone}


def find_moment(connection: DbConnection, issuer: bytes, serial: bytes) -> datetime:
    """When a serial was revoked, which it must be."""
    row = connection.execute(
        "SELECT revoque_le FROM igc.revocation WHERE emetteur = %s AND numero_serie = %s", (issuer, serial)
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller's
    moment: datetime = row["revoque_le"]
    return moment


def find_ordered(connection: DbConnection, numero: int) -> Row | None:
    """The revocation of a demande's certificate, if there is one."""
    return connection.execute("SELECT revoque_le, raison FROM igc.revocation WHERE numero = %s", (numero,)).fetchone()


@contextmanager
def snapshot(session: DbConnection, issuer: bytes) -> Iterator[int]:
    """C2: one state of the database, and the greatest ``ordre`` in it; 0 for none.

    Args:
        session: In autocommit; the block is one read-only transaction of it.
        issuer: Key identifier of the authority.

    Raises:
        psycopg.errors.LockNotAvailable: A revocation has been under way for too long.
    """
    with _held_off(session, issuer):
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cutoff = newest(session, issuer)
    try:
        yield cutoff
    finally:
        session.execute("ROLLBACK")


@contextmanager
def _held_off(session: DbConnection, issuer: bytes) -> Iterator[None]:
    """No revocation of the authority is under way in the block.

    The lock is asked for before any transaction: a snapshot is that of its first statement, and this one may wait.
    """
    lock = (Lock.REVOCATIONS.key(issuer),)
    session.execute("SELECT set_config('lock_timeout', %s, false)", (_LOCK_PATIENCE,))
    session.execute("SELECT pg_advisory_lock(%s)", lock)
    try:
        yield
    except BaseException:
        session.execute("ROLLBACK")  # or the lock could not be given back
        raise
    finally:
        session.execute("SELECT pg_advisory_unlock(%s)", lock)


def newest(connection: DbConnection, issuer: bytes) -> int:
    """The greatest ``ordre`` of an authority; 0 for none."""
    row = connection.execute(
        "SELECT ordre FROM igc.revocation WHERE emetteur = %s ORDER BY ordre DESC LIMIT 1", (issuer,)
    ).fetchone()
    return 0 if row is None else row["ordre"]


def later_serials(connection: DbConnection, issuer: bytes, cutoff: int) -> list[int]:
    """The serials that were revoked after a cut."""
    rows = connection.execute(
        "SELECT numero_serie FROM igc.revocation WHERE emetteur = %s AND ordre > %s", (issuer, cutoff)
    )
    return [int.from_bytes(row["numero_serie"], "big") for row in rows]


def complete_entries(session: DbConnection, issuer: bytes, before: Published | None) -> Iterator[Entry]:
    """Every revocation but those that have had their complete CRL after the certificate's end (RFC 5280 §3.3)."""
    return _entries(
        session,
        """
        SELECT numero_serie, revoque_le, raison FROM igc.revocation
        WHERE emetteur = %(emetteur)s AND (fin_validite >= %(faite)s OR ordre > %(coupure)s)
        """,
        {
            "emetteur": issuer,
            "faite": before.this_update if before else None,
            "coupure": before.cutoff if before else 0,
        },
    )


def later_entries(session: DbConnection, issuer: bytes, cutoff: int) -> Iterator[Entry]:
    """The revocations after a cut, whatever the certificates' ends are (RFC 5280 §5.2.4)."""
    return _entries(
        session,
        """
        SELECT numero_serie, revoque_le, raison FROM igc.revocation
        WHERE emetteur = %(emetteur)s AND ordre > %(coupure)s ORDER BY ordre
        """,
        {"emetteur": issuer, "coupure": cutoff},
    )


def _entries(session: DbConnection, query: str, parameters: dict[str, object]) -> Iterator[Entry]:
    with session.cursor("entrees", row_factory=tuple_row) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(query.encode(), parameters, binary=True)
        yield from cursor
