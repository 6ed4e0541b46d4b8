"""What falls due by the end of a validity or of a delay: produits to be reminded of, or never delivered."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pfcng.contract.catalogue import Motif
from pfcng.store.database import DbConnection, Row


def find_expiring(
    connection: DbConnection, now: datetime, days: Sequence[int], *, after: tuple[datetime, int], limit: int
) -> list[Row]:
    """Active produits whose next reminder is due, those that end first first, behind an end and a number.

    Of the reminders that are due only the latest counts: ``jours`` is the shortest delay that the end is within.
    A produit whose renewal is active already needs none.
    """
    return connection.execute(
        """
        SELECT p.numero, p.demande, p.fin_validite, r.jours
        FROM produit p
        CROSS JOIN LATERAL (
            SELECT min(j) AS jours FROM unnest(%(days)s::smallint[]) AS j
            WHERE p.fin_validite <= %(now)s + make_interval(days => j)) r
        WHERE p.etat = 'Produit actif' AND p.fin_validite > %(now)s AND p.fin_validite <= %(horizon)s
          AND (p.fin_validite, p.numero) > (%(end)s, %(numero)s)
          AND NOT EXISTS (SELECT FROM rappel f WHERE f.produit = p.numero AND f.jours = r.jours)
          AND NOT EXISTS (SELECT FROM demande n JOIN produit np ON np.demande = n.numero
                          WHERE n.renouvelle = p.numero AND np.etat = 'Produit actif')
        ORDER BY p.fin_validite, p.numero LIMIT %(limit)s
        """,
        {
            "days": list(days),
            "now": now,
            "horizon": now + timedelta(days=max(days)),
            "end": after[0],
            "numero": after[1],
            "limit": limit,
        },
    ).fetchall()


def record_reminder(connection: DbConnection, produit: int, days: int, now: datetime) -> bool:
    """Note that a produit is reminded of; False when it was already, by anybody."""
    return (
        connection.execute(
            "INSERT INTO rappel (produit, jours, fait_le) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (produit, days, now),
        ).rowcount
        == 1
    )


def find_undelivered(connection: DbConnection, before: datetime, unasked_since: datetime) -> list[Row]:
    """The produits that were issued before the one moment and are still « Produit retiré ».

    Those whose révocation the platform has asked for since the other moment are left out: it waits, or was refused.
    """
    return connection.execute(
        """
        SELECT p.numero, p.demande FROM produit p
        WHERE p.etat = 'Produit retiré' AND p.debut_validite < %s
          AND NOT EXISTS (SELECT FROM revocation r
                          WHERE r.produit = p.numero AND r.canal = 'AUTO' AND r.creee_le >= %s)
        ORDER BY p.debut_validite
        """,
        (before, unasked_since),
    ).fetchall()


def insert_automatic_revocation(
    connection: DbConnection, produit: int, description: str, day: date, now: datetime
) -> int:
    """Write a révocation that the platform itself asks for; its mails go to those of the demande."""
    [row] = connection.execute(
        """
        INSERT INTO revocation (numero, environnement, produit, canal, acteur, nom_acteur, prenom_acteur,
                                mail_demandeur, mail_a_informer, motif, autre_description, date_effet, etat, creee_le)
        SELECT nextval('numero_revocation'), p.environnement, p.numero, 'AUTO', 'PFCNG', 'PFCNG', '',
               d.mail_demandeur, d.mail_a_informer, %s, %s, %s, 'Demande enregistrée', %s
        FROM produit p JOIN demande d ON d.numero = p.demande WHERE p.numero = %s
        RETURNING numero
        """,
        (Motif.AUTRE, description, day, now, produit),
    ).fetchall()
    return int(row["numero"])
