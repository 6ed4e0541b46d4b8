"""Whether a database is the one it was left as, or was restored from an older state (docs/restore.md)."""

import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Any, Final

import structlog
from psycopg import Connection
from psycopg.errors import (
    InsufficientPrivilege,
    InvalidSchemaName,
    ReadOnlySqlTransaction,
    UndefinedFunction,
    UndefinedTable,
)

Row = dict[str, Any]

log = structlog.get_logger()

FRESH: Final = 5.0
"""Seconds for which a good look counts."""
_LOCK: Final = 0x61_74_74
"""Key of the advisory lock under which one process at a time suspects: "att"."""
_STANDBY: Final = 0
"""What a standby has for a timeline: it may be on any, and nothing can be written in it."""
_MILLION: Final = 1_000_000


class SuspectDatabase(Exception):
    """The database was restored, or may have been, and was not compared with the other side; the message is French."""


class Objet(StrEnum):
    """What a row of ``igc.attestation`` is; the values are the table's."""

    RECONCILIATION = "réconciliation"
    BAC_A_SABLE = "bac à sable"
    SUSPICION = "suspicion"


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far the log of a server had come on a timeline, and when the newest row was written."""

    systeme: int
    ligne: int
    le: datetime
    position: int

    def is_ahead_of(self, now: "_Mark") -> bool:
        """Whether the log went back since, without a reconciliation."""
        return (
            (self.systeme, self.ligne) == (now.systeme, now.ligne)
            and self.le >= now.le
            and self.position > now.position
        )


class Attestation:
    """What a process knows of its database. Threads may share it."""

    def __init__(self) -> None:
        self._fault: str | None = "elle n’a pas encore été regardée"
        self._looked = -FRESH
        self._mark: _Mark | None = None
        self._lock = Lock()

    @property
    def fault(self) -> str | None:
        """Why the database is suspect, a French clause; None when it is not."""
        return self._fault

    @property
    def is_fresh(self) -> bool:
        """Whether the last look was good and counts still."""
        return self._fault is None and time.monotonic() - self._looked < FRESH

    def look(self, connection: Connection[Row]) -> None:
        """Look again; a database that is found restored is told so, for every process (S1).

        Args:
            connection: Outside any transaction.
        """
        with self._lock:  # what was read first must not be told last: the log would seem to go back
            fault = self._examine(connection)
            if fault is not None and fault != self._fault:
                log.error("base.a_reconcilier", cause=fault, see="docs/exploitation/sauvegarde.md")
            self._fault, self._looked = fault, time.monotonic()

    def suspect(self, connection: Connection[Row], fault: str) -> None:
        """Have every process take the database for restored (S1)."""
        _suspect(connection, fault)
        self.look(connection)

    def _examine(self, connection: Connection[Row]) -> str | None:
        try:
            row = _read(connection)
            if row["ligne"] == _STANDBY:
                return "elle est en lecture seule : une réplique, ou une restauration qui n’est pas finie"
            went_back = self._move_mark(row)
            told = _told(row)
            if told is None and went_back:
                told = "son journal d’écriture est en deçà de ce que ce processus a vu : un ancien état a été remis"
            if told is None or row["suspicion"]:
                return told
            return _suspect(connection, told)
        except (UndefinedTable, UndefinedFunction, InvalidSchemaName):
            return "elle n’a pas la table des attestations : « pfcng migrer » l’ajoute"
        except (InsufficientPrivilege, ReadOnlySqlTransaction) as error:
            return f"elle refuse d’être regardée (SQLSTATE {error.sqlstate})"

    def _move_mark(self, row: Row) -> bool:
        """Keep how far the log is; whether it was further."""
        if row["objet"] is None:
            return False
        now = _Mark(row["systeme"], row["ligne"], row["le"], row["avancee"])
        known, self._mark = self._mark, now
        return known is not None and known.is_ahead_of(now)


def attest(connection: Connection[Row], objet: Objet, detail: str) -> None:
    """Write that the database is the one that counts from here on; the transaction is the caller's, no savepoint."""
    connection.execute("SELECT igc.attester(%s, %s)", (objet, detail))


def read_moment(connection: Connection[Row]) -> datetime | None:
    """When the newest row was written; None when there is none."""
    [row] = connection.execute("SELECT max(le) AS le FROM igc.attestation").fetchall()
    moment: datetime | None = row["le"]
    return moment


def _suspect(connection: Connection[Row], fault: str) -> str:
    """S1, unless another process did: the row, and numbers that were surely never given."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        row = _read(connection)
        if row["suspicion"]:
            return str(row["detail"])
        [found] = connection.execute("SELECT to_regproc('public.avancer_numeros') IS NOT NULL AS numbers").fetchall()
        if found["numbers"]:
            connection.execute(_JUMP)
        attest(connection, Objet.SUSPICION, fault)
    return fault


def _read(connection: Connection[Row]) -> Row:
    with connection.transaction():
        [row] = connection.execute(_READ).fetchall()
    return row


def _told(row: Row) -> str | None:
    """What the newest row says: nothing, a suspicion, or that it was written elsewhere."""
    if row["objet"] is None:
        return "rien n’atteste qu’elle a été comparée"
    if row["suspicion"]:
        return str(row["detail"])
    if row["systeme"] != row["systeme_atteste"]:
        return "elle vient d’un autre serveur PostgreSQL"
    if row["ligne"] != row["ligne_attestee"]:
        return "elle est sur une autre ligne de temps : restauration à une date, ou réplique promue"
    if row["base"] != row["base_attestee"]:
        return "elle est la copie d’une autre base de ce serveur"
    return None if row["meme_transaction"] else "ses tables ont été remplies depuis une sauvegarde"


_READ: Final = """
SELECT f.systeme, f.ligne, f.base, f.avancee, a.objet, a.detail, a.le,
       a.systeme AS systeme_atteste, a.ligne AS ligne_attestee, a.base AS base_attestee,
       a.xmin::text::bigint = a.ecrite_par AS meme_transaction,
       coalesce(a.objet = 'suspicion' AND a.xmin::text::bigint = a.ecrite_par
                AND (a.systeme, a.ligne, a.base) = (f.systeme, f.ligne, f.base), false) AS suspicion
FROM igc.faits_de_la_base() f
LEFT JOIN LATERAL (SELECT xmin, * FROM igc.attestation ORDER BY numero DESC LIMIT 1) a ON true
"""
_JUMP: Final = f"SELECT avancer_numeros((dernier_numero() / {_MILLION} + 2) * {_MILLION})"
