"""What the database has of everything, counted now and then by a worker and kept in one row.

A scrape reads the row: it costs the same whatever is in the tables. The count reads them (0.4 s for a million
produits); it is made once a minute by one worker, and less often when it takes long: one part in `SHARE` of the time,
but every ten minutes all the same, for a count that stays old is an alarm (no worker works).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from pfcng.store import courrier, jobs
from pfcng.store.database import DbConnection

SHARE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesures:
    """What was counted last.

    Attributes:
        le: When, by the database's clock.
        produits: By state; so are the tâches and courriels.
        courriel_ancien: Seconds since the oldest mail that waits was written; 0 when none waits.
        revocations: Due and not done.
        workers: Living.
    """

    le: datetime
    produits: Mapping[str, int]
    taches: Mapping[str, int]
    courriels: Mapping[str, int]
    courriel_ancien: float
    revocations: int
    workers: int


def compter(connection: DbConnection, now: datetime) -> bool:
    """Count, in the caller's transaction; False when the last count is recent for what it cost.

    Args:
        connection: Idem.
        now: By the platform's clock, which says what is due.
    """
    row = connection.execute(
        """
        SELECT FROM mesures
        WHERE le + least(duree * %s, interval '10 minutes') > clock_timestamp() AND le <= clock_timestamp()
        """,
        (SHARE,),
    )
    if row.rowcount:
        return False
    nombres = {
        "produits": _count(connection, "SELECT etat, count(*) AS nombre FROM produit GROUP BY etat"),
        "taches": dict(jobs.count_jobs(connection)),
        "courriels": courrier.count(connection),
        "workers": jobs.count_workers(connection),
        **_waiting(connection, now),
    }
    connection.execute(
        """
        INSERT INTO mesures (le, duree, nombres)
        VALUES (clock_timestamp(), clock_timestamp() - transaction_timestamp(), %(nombres)s)
        ON CONFLICT (unique_ligne) DO UPDATE SET le = excluded.le, duree = excluded.duree, nombres = excluded.nombres
        """,
        {"nombres": Jsonb(nombres)},
    )
    return True


def lire(connection: DbConnection) -> Mesures | None:
    """What was counted last; None when nothing ever was."""
    row = connection.execute("SELECT le, nombres FROM mesures").fetchone()
    return None if row is None else Mesures(le=row["le"], **row["nombres"])


def _count(connection: DbConnection, statement: str) -> dict[str, int]:
    return {row["etat"]: row["nombre"] for row in connection.execute(statement)}


def _waiting(connection: DbConnection, now: datetime) -> dict[str, Any]:
    """Each is one look into an index of what waits."""
    row: Any = connection.execute(
        """
        SELECT (SELECT count(*) FROM revocation WHERE etat = 'Demande enregistrée' AND date_effet <= %(now)s)
                   AS revocations,
               coalesce((SELECT extract(epoch FROM %(now)s - min(cree_le)) FROM courrier WHERE etat = 'à envoyer'), 0)
                   ::float AS courriel_ancien
        """,
        {"now": now},
    ).fetchone()
    return dict(row)
