"""CRLs that were published: the newest of each kind is what is served, three are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pfcng.igc.due import Published, State
from pfcng.igc.revocations import newest
from pfcng.store.database import DbConnection, Row

CHANNEL: Final = "pfcng_crl"
"""Where a CRL is told as it commits; the payload is its authority's key identifier, in hexadecimal."""
_KEPT: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCrl:
    """A CRL to publish."""

    published: Published
    count: int
    der: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """The newest CRL of a kind, with its bytes."""

    number: int
    this_update: datetime
    next_update: datetime
    der: bytes


def read_state(connection: DbConnection, issuer: bytes) -> State:
    """What is known before a turn."""
    return State(
        complete=_newest(connection, issuer, is_delta=False),
        delta=_newest(connection, issuer, is_delta=True),
        newest=newest(connection, issuer),
    )


def newest_number(connection: DbConnection, issuer: bytes, *, is_delta: bool) -> int | None:
    """The number of the newest CRL of a kind; None when there is none. One look-up in an index."""
    row = connection.execute(
        f"SELECT numero FROM igc.crl WHERE {_of_kind(is_delta)} ORDER BY numero DESC LIMIT 1",  # noqa: S608 - constants
        {"emetteur": issuer},
    ).fetchone()
    return None if row is None else row["numero"]


def read_file(connection: DbConnection, issuer: bytes, *, is_delta: bool) -> PublishedFile | None:
    """The newest CRL of a kind, with its bytes."""
    row = connection.execute(
        f"""
        SELECT numero, cette_maj, prochaine_maj, der FROM igc.crl
        WHERE {_of_kind(is_delta)} ORDER BY numero DESC LIMIT 1
        """,  # noqa: S608 - constants
        {"emetteur": issuer},
    ).fetchone()
    if row is None:
        return None
    return PublishedFile(
        number=row["numero"], this_update=row["cette_maj"], next_update=row["prochaine_maj"], der=row["der"]
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """The newest complete CRL of an authority: its number, and the ``ordre`` up to which it has every revocation."""

    number: int
    cutoff: int


def newest_cuts(connection: DbConnection, issuers: Sequence[bytes]) -> dict[bytes, Cut]:
    """The newest complete CRL of each of these authorities, by key identifier."""
    rows = connection.execute(
        """
        SELECT DISTINCT ON (emetteur) emetteur, numero, coupure FROM igc.crl
        WHERE emetteur = ANY(%(emetteurs)s) AND base IS NULL ORDER BY emetteur, numero DESC
        """,
        {"emetteurs": list(issuers)},
    )
    return {row["emetteur"]: Cut(row["numero"], row["coupure"]) for row in rows}


def newest_dates(connection: DbConnection, issuers: Sequence[bytes]) -> dict[bytes, tuple[datetime, datetime]]:
    """ThisUpdate and nextUpdate of the newest complete CRL of each of these authorities, by key identifier."""
    rows = connection.execute(
        """
        SELECT DISTINCT ON (emetteur) emetteur, cette_maj, prochaine_maj FROM igc.crl
        WHERE emetteur = ANY(%(emetteurs)s) AND base IS NULL ORDER BY emetteur, numero DESC
        """,
        {"emetteurs": list(issuers)},
    )
    return {row["emetteur"]: (row["cette_maj"], row["prochaine_maj"]) for row in rows}


def read_crl(connection: DbConnection, issuer: bytes, number: int) -> bytes | None:
    """A complete CRL by its number; None when it was pruned meanwhile."""
    row = connection.execute(
        "SELECT der FROM igc.crl WHERE emetteur = %s AND numero = %s AND base IS NULL", (issuer, number)
    ).fetchone()
    return None if row is None else row["der"]


def store(connection: DbConnection, issuer: bytes, made: MadeCrl) -> None:
    """C3, inside a transaction: publish, forget the oldest, tell who waits."""
    crl = made.published
    is_delta = crl.base is not None
    connection.execute(
        """
        INSERT INTO igc.crl (emetteur, numero, base, coupure, cette_maj, prochaine_maj, entrees, duree, der)
        VALUES (%(emetteur)s, %(numero)s, %(base)s, %(coupure)s, %(cette_maj)s, %(prochaine_maj)s, %(entrees)s,
                %(duree)s, %(der)b)
        """,
        {
            "emetteur": issuer,
            "numero": crl.number,
            "base": crl.base,
            "coupure": crl.cutoff,
            "cette_maj": crl.this_update,
            "prochaine_maj": crl.next_update,
            "entrees": made.count,
            "duree": crl.duration,
            "der": made.der,
        },
    )
    connection.execute(
        f"""
        DELETE FROM igc.crl WHERE {_of_kind(is_delta)} AND numero <
            (SELECT min(numero) FROM (SELECT numero FROM igc.crl WHERE {_of_kind(is_delta)}
                                      ORDER BY numero DESC LIMIT {_KEPT}) AS kept)
        """,  # noqa: S608 - constants
        {"emetteur": issuer},
    )
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, issuer.hex()))


def _newest(connection: DbConnection, issuer: bytes, *, is_delta: bool) -> Published | None:
    row = connection.execute(
        f"""
        SELECT numero, base, coupure, cette_maj, prochaine_maj, duree FROM igc.crl
        WHERE {_of_kind(is_delta)} ORDER BY numero DESC LIMIT 1
        """,  # noqa: S608 - constants
        {"emetteur": issuer},
    ).fetchone()
    return None if row is None else _published(row)


def _published(row: Row) -> Published:
    return Published(
        number=row["numero"],
        base=row["base"],
        cutoff=row["coupure"],
        this_update=row["cette_maj"],
        next_update=row["prochaine_maj"],
        duration=row["duree"],
    )


def _of_kind(is_delta: bool) -> str:
    return f"emetteur = %(emetteur)s AND base IS {'NOT NULL' if is_delta else 'NULL'}"
