"""Reading the whole journal again: the chain, the waiting tail, what other tables say happened (docs/journal.md).

Nothing here trusts what the database computes: hashes are computed again from the columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from psycopg import Cursor
from psycopg.rows import tuple_row

from pfcng.store.database import APPLICATION_ROLE, DbConnection
from pfcng.store.journal import COLUMNS, READING, digest_columns
from pfcng.store.sealing import ALARM, GENESIS, Head, seal_hash

_FETCH: Final = 2_000
"""Rows in memory at a time."""
_FIELDS: Final = COLUMNS.split(", ")
_NEARBY: Final = 1_000
"""How far from its place an exchanged entry is looked for."""


class Finding(StrEnum):
    """What is wrong with the entry that is named."""

    CHANGED = "changée"
    REMOVED = "retirée"
    ADDED = "ajoutée"
    MOVED = "déplacée"
    LOST_UNSEALED = "retirée avant d’être scellée"
    CHANGED_UNSEALED = "changée avant d’être scellée"
    NOT_ANCHORED = "autre que dans l’ancre"
    BEYOND_END = "absente, alors que l’ancre la connaît"
    ALARM = "alerte de la plateforme sur son journal"
    UNTOLD = "absente : un changement d’état n’a pas son entrée"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing that is wrong.

    Attributes:
        rang: Its place in the chain, where it has one.
        entree: Its number in the journal, where that is known.
        detail: More, in French; may be empty.
    """

    finding: Finding
    rang: int | None = None
    entree: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification found.

    Attributes:
        sealed: Seals that were read, up to the first fault.
        since: When the oldest of them was made.
        waiting: Entries that are not sealed yet.
        waiting_since: The time of the oldest of those.
        anchors: Anchors that were compared.
        guarded: Whether the database has the application's role.
    """

    fault: Fault | None
    sealed: int
    head: Head | None
    since: datetime | None
    waiting: int
    waiting_since: datetime | None
    anchors: int
    guarded: bool


class _Seal(NamedTuple):
    rang: int
    entree: int
    precedent: bytes
    empreinte: bytes
    scelle_le: datetime | None
    numero: int | None
    columns: tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class _Chain:
    """How far the chain was followed."""

    sealed: int = 0
    head: Head | None = None
    entree: int = 0
    since: datetime | None = None
    anchors: int = 0
    alarm: Fault | None = None


def verify(connection: DbConnection, anchors: Mapping[int, bytes] | None = None) -> Report:
    """Read everything in one snapshot and tell the first fault.

    The order is: the chain from its first seal, with the anchors; the end of the chain; the waiting entries; entries
    outside both; alarms; changes of state that no entry tells. Memory does not grow with the journal.

    Args:
        connection: A transaction in which nothing was read yet.
        anchors: Rank → hash, as they were kept outside.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    chain = _Chain()
    known = anchors or {}
    fault = (
        _follow(connection, chain, known)
        or _beyond(chain, known)
        or _waiting_fault(connection)
        or _outside(connection)
        or chain.alarm
        or _untold(connection)
    )
    waiting, waiting_since = _one(
        connection, "SELECT count(*), min(j.le) FROM journal_attente a LEFT JOIN journal j ON j.id = a.entree"
    )
    (guarded,) = _one(connection, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", APPLICATION_ROLE)
    return Report(
        fault=fault,
        sealed=chain.sealed,
        head=chain.head,
        since=chain.since,
        waiting=waiting,
        waiting_since=waiting_since,
        anchors=chain.anchors,
        guarded=guarded,
    )


def _follow(connection: DbConnection, chain: _Chain, anchors: Mapping[int, bytes]) -> Fault | None:
    """The chain from its first seal; each one is checked against the one before and against its entry."""
    for seal in _seals(connection):
        fault = _check_link(connection, chain, seal) or _check_content(connection, seal)
        if fault is None and seal.rang in anchors:
            chain.anchors += 1
            if anchors[seal.rang] != seal.empreinte:
                fault = Fault(finding=Finding.NOT_ANCHORED, rang=seal.rang, entree=seal.entree)
        if fault is not None:
            return fault
        assert seal.scelle_le is not None  # noqa: S101 - a hash was computed with it
        chain.head = Head(rang=seal.rang, empreinte=seal.empreinte, scelle_le=seal.scelle_le)
        chain.entree = seal.entree
        chain.since = chain.since or seal.scelle_le
        chain.sealed += 1
        chain.alarm = chain.alarm or _alarm(seal)
    return None


def _seals(connection: DbConnection) -> Iterator[_Seal]:
    """Every seal with its entry, by rank, a few at a time."""
    with connection.cursor(name="sceaux", row_factory=tuple_row) as cursor:
        cursor.itersize = _FETCH
        cursor.execute(
            f"""
            SELECT s.rang, s.entree, s.precedent, s.empreinte,
                   CASE WHEN s.scelle_le BETWEEN '1970-01-01' AND '9000-01-01' THEN s.scelle_le END, j.id, {READING}
            FROM journal_sceau s LEFT JOIN journal j ON j.id = s.entree ORDER BY s.rang
            """,  # noqa: S608 - the columns are the journal's own
            binary=True,
        )
        for row in cursor:
            rang, entree, precedent, empreinte, scelle_le, numero, *columns = row
            yield _Seal(rang, entree, precedent, empreinte, scelle_le, numero, tuple(columns))


def _check_link(connection: DbConnection, chain: _Chain, seal: _Seal) -> Fault | None:
    """The seal follows the one before it: its rank and the hash it carries."""
    rang = chain.sealed + 1
    head = chain.head.empreinte if chain.head else GENESIS
    if seal.precedent != head:
        return _broken_link(connection, chain, head, seal)
    if seal.rang != rang:
        return Fault(finding=Finding.MOVED, rang=seal.rang, entree=seal.entree)
    return None


def _broken_link(connection: DbConnection, chain: _Chain, head: bytes, seal: _Seal) -> Fault:
    """What happened between two seals that do not hold together, told by where each one's hash is found."""
    rang = chain.sealed + 1
    after = connection.execute("SELECT rang, entree FROM journal_sceau WHERE precedent = %s", (head,)).fetchone()
    if after is not None:
        detail = f"Sa place est le rang {rang}."
        return Fault(finding=Finding.MOVED, rang=after["rang"], entree=after["entree"], detail=detail)
    before = connection.execute(
        """
        SELECT rang, entree FROM journal_sceau WHERE rang =
            (SELECT 1 + coalesce(max(rang), 0) FROM journal_sceau WHERE rang < %s AND empreinte = %s)
        """,
        (rang, seal.precedent),
    ).fetchone()
    if before is not None and (before["rang"] > 1 or seal.precedent == GENESIS):
        return Fault(finding=Finding.ADDED, rang=before["rang"], entree=before["entree"])
    detail = f"Elle était scellée entre l’entrée {chain.entree} et l’entrée {seal.entree}."
    return Fault(finding=Finding.REMOVED, rang=rang, detail=detail)


def _check_content(connection: DbConnection, seal: _Seal) -> Fault | None:
    """The entry is there as it was sealed."""
    if seal.numero is None:
        return Fault(finding=Finding.REMOVED, rang=seal.rang, entree=seal.entree)
    if _holds(seal, seal.entree, seal.columns):
        return None
    other = _find_exchanged(connection, seal)
    if other is not None:
        detail = f"Son contenu est à l’entrée {other}."
        return Fault(finding=Finding.MOVED, rang=seal.rang, entree=seal.entree, detail=detail)
    return Fault(finding=Finding.CHANGED, rang=seal.rang, entree=seal.entree)


def _holds(seal: _Seal, numero: int, columns: Sequence[Any]) -> bool:
    """Whether the seal is that of this entry under this number."""
    if seal.scelle_le is None:
        return False
    told = digest_columns(numero, columns)
    return seal_hash(seal.precedent, seal.rang, seal.scelle_le, told) == seal.empreinte


def _find_exchanged(connection: DbConnection, seal: _Seal) -> int | None:
    """The number under which the entry's content is found nearby, or None."""
    cursor: Cursor[tuple[Any, ...]] = connection.cursor(row_factory=tuple_row)
    cursor.execute(
        f"SELECT id, {READING} FROM journal WHERE id BETWEEN %s AND %s",  # noqa: S608 - the journal's own columns
        (seal.entree - _NEARBY, seal.entree + _NEARBY),
    )
    for numero, *columns in cursor:
        if any(_holds(seal, under, columns) for under in (numero, seal.entree)):
            return int(numero)
    return None


def _alarm(seal: _Seal) -> Fault | None:
    resultat, detail = (seal.columns[_FIELDS.index(name)] for name in ("resultat", "detail"))
    if resultat != ALARM:
        return None
    return Fault(finding=Finding.ALARM, rang=seal.rang, entree=seal.entree, detail=detail or "")


def _beyond(chain: _Chain, anchors: Mapping[int, bytes]) -> Fault | None:
    """Entries that were anchored and are no longer there, the chain's end with them."""
    if max(anchors, default=0) <= chain.sealed:
        return None
    detail = f"L’ancre connaît le rang {max(anchors)}."
    return Fault(finding=Finding.BEYOND_END, rang=chain.sealed + 1, detail=detail)


def _waiting_fault(connection: DbConnection) -> Fault | None:
    """The first entry that waits for its seal and is gone, or is not what it was when it was written."""
    with connection.cursor(name="attente", row_factory=tuple_row) as cursor:
        cursor.itersize = _FETCH
        cursor.execute(
            f"""
            SELECT a.entree, a.empreinte, j.id, {READING}
            FROM journal_attente a LEFT JOIN journal j ON j.id = a.entree ORDER BY a.entree
            """  # noqa: S608 - the columns are the journal's own
        )
        for entree, empreinte, numero, *columns in cursor:
            if numero is None:
                return Fault(finding=Finding.LOST_UNSEALED, entree=entree)
            if digest_columns(numero, columns) != empreinte:
                return Fault(finding=Finding.CHANGED_UNSEALED, entree=entree)
    return None


def _outside(connection: DbConnection) -> Fault | None:
    """An entry that is neither sealed nor waiting did not come in by the way of the others."""
    row = connection.execute(
        """
        SELECT min(j.id) AS entree FROM journal j
        WHERE NOT EXISTS (SELECT FROM journal_sceau s WHERE s.entree = j.id)
          AND NOT EXISTS (SELECT FROM journal_attente a WHERE a.entree = j.id)
        """
    ).fetchone()
    if row is None or row["entree"] is None:
        return None
    return Fault(finding=Finding.ADDED, entree=row["entree"], detail="Elle est hors de la chaîne.")


def _untold(connection: DbConnection) -> Fault | None:
    """The first change of state, or lot, that no entry tells: each has one of the same demande and the same time."""
    row = connection.execute(
        """
        WITH dit AS (SELECT DISTINCT demande, le FROM journal WHERE demande IS NOT NULL),
        fait AS (
            SELECT h.id, h.numero AS demande, h.le FROM historique h WHERE h.objet = 'demande'
            UNION ALL
            SELECT h.id, p.demande, h.le FROM historique h JOIN produit p ON p.numero = h.numero
            WHERE h.objet = 'produit'
            UNION ALL
            SELECT h.id, p.demande, h.le FROM historique h JOIN revocation r ON r.numero = h.numero
                JOIN produit p ON p.numero = r.produit
            WHERE h.objet = 'revocation'
            UNION ALL
            SELECT 0, d.numero, d.creee_le FROM demande d
            UNION ALL
            SELECT 0, p.demande, r.creee_le FROM revocation r JOIN produit p ON p.numero = r.produit
        )
        SELECT fait.demande, fait.le FROM fait LEFT JOIN dit ON dit.demande = fait.demande AND dit.le = fait.le
        WHERE dit.demande IS NULL ORDER BY fait.le, fait.demande LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    detail = f"Demande {row['demande']}, {row['le'].isoformat()}."
    return Fault(finding=Finding.UNTOLD, detail=detail)


def _one(connection: DbConnection, query: str, *parameters: object) -> tuple[Any, ...]:
    cursor: Cursor[tuple[Any, ...]] = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(query.encode(), parameters).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives one row
    return row
