"""The comparisons with PFCNG-IGC: when they were made, and what the platform knows of each number."""

from datetime import datetime, timedelta

from pfcng.store.database import DbConnection, Row

_LOCK = 0x72_65_63
"""Key of the advisory lock under which one platform at a time begins: "rec"."""
_KNOWN = """
    SELECT d.numero, d.environnement, d.etat AS etat_demande, p.etat AS etat_produit, p.numero_serie,
           EXISTS (SELECT FROM revocation r WHERE r.produit = p.numero AND r.etat = 'Demande enregistrée')
               AS revocation_en_cours
    FROM demande d JOIN produit p ON p.demande = d.numero
"""


def begin(connection: DbConnection, now: datetime, *, every: timedelta, patience: timedelta) -> int | None:
    """The number of a new comparison; None when one ended less than ``every`` ago, or may be under way elsewhere.

    Args:
        connection: A transaction.
        now: The present.
        every: Time between two comparisons.
        patience: After that long, one without its end was interrupted; and further ahead, a moment is that of a clock
            that went back since, and tells nothing.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    row = connection.execute(
        """
        INSERT INTO reconciliation (commencee_le)
        SELECT %(now)s WHERE NOT EXISTS (
            SELECT FROM reconciliation
            WHERE (terminee_le > %(ended)s OR (terminee_le IS NULL AND commencee_le > %(begun)s))
              AND commencee_le < %(future)s
        )
        RETURNING numero
        """,
        {"now": now, "ended": now - every, "begun": now - patience, "future": now + patience},
    ).fetchone()
    return None if row is None else int(row["numero"])


def end(connection: DbConnection, numero: int, now: datetime, *, compared: int, differences: int) -> None:
    """The comparison went to its end."""
    connection.execute(
        "UPDATE reconciliation SET terminee_le = %s, comparees = %s, differences = %s WHERE numero = %s",
        (now, compared, differences, numero),
    )


def list_known(connection: DbConnection, *, after: int, limit: int) -> list[Row]:
    """The demandes with a number above ``after``, in their order, ``limit`` at most; both environments."""
    return connection.execute(
        f"{_KNOWN} WHERE d.numero > %s ORDER BY d.numero LIMIT %s".encode(), (after, limit)
    ).fetchall()


def find_known(connection: DbConnection, numero: int) -> Row | None:
    """A demande as `list_known` has it."""
    return connection.execute(f"{_KNOWN} WHERE d.numero = %s".encode(), (numero,)).fetchone()


def find_motif(connection: DbConnection, numero: int) -> str | None:
    """The motif of the révocation that ended the certificate of a demande."""
    row = connection.execute(
        """
        SELECT r.motif FROM revocation r JOIN produit p ON p.numero = r.produit
        WHERE p.demande = %s AND r.etat = 'Demande close'
        """,
        (numero,),
    ).fetchone()
    return None if row is None else str(row["motif"])
