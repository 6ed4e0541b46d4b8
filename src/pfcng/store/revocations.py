"""Demandes de révocation, and the produits they are about."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from psycopg.rows import tuple_row

from pfcng.contract.catalogue import Environment, Motif
from pfcng.domain.acteur import Acteur
from pfcng.domain.states import RevocationState
from pfcng.store.database import DbConnection, Row

CHANNEL: Final = "pfcng_revocation_close"
"""Where a révocation that was carried out is told as it commits."""
_PRODUIT = """
    SELECT p.*, d.numero AS numero_demande, d.etat AS etat_demande
    FROM produit p JOIN demande d ON d.numero = p.demande
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevocation:
    """A demande de révocation to be written.

    Attributes:
        date_effet: A day of Europe/Paris.
        incident: Of the request; whoever carries it out later logs and journals under the same.
    """

    environment: Environment
    produit: int
    acteur: Acteur
    mail_demandeur: str
    mail_a_informer: str
    motif: Motif
    autre_description: str | None
    date_effet: date
    incident: str


def find_produits(connection: DbConnection, environment: Environment, serials: Collection[str]) -> list[Row]:
    """The produits with one of these serial numbers (upper-case hexadecimal), with the state of their demande."""
    return connection.execute(
        f"{_PRODUIT} WHERE p.numero_serie = ANY(%s) AND p.environnement = %s", (list(serials), environment)
    ).fetchall()


def lock_produit(connection: DbConnection, numero: int) -> Row:
    """The produit, nobody else's until the transaction ends."""
    [row] = connection.execute(f"{_PRODUIT} WHERE p.numero = %s FOR UPDATE OF p", (numero,)).fetchall()
    return row


def find_waiting(connection: DbConnection, produit: int) -> Row | None:
    """The révocation of a produit that waits, if there is one."""
    return connection.execute(
        "SELECT * FROM revocation WHERE produit = %s AND etat = 'Demande enregistrée'", (produit,)
    ).fetchone()


def find_due(connection: DbConnection, day: date, now: datetime, *, longest: timedelta) -> list[int]:
    """The numbers of the révocations that wait for that day or an earlier one and may be tried now.

    Those that were never tried come first, then those that wait longest. One whose next attempt is further away than
    the ``longest`` wait has it from a clock that went back since.
    """
    rows = connection.execute(
        """
        SELECT numero FROM revocation
        WHERE etat = 'Demande enregistrée' AND date_effet <= %s
          AND (prochaine_tentative IS NULL OR prochaine_tentative <= %s OR prochaine_tentative > %s)
        ORDER BY prochaine_tentative NULLS FIRST, numero
        """,
        (day, now, now + longest),
    )
    return [row["numero"] for row in rows]


def find_next_attempt(connection: DbConnection, now: datetime) -> datetime | None:
    """The next moment to come at which a waiting révocation is tried again."""
    [row] = connection.execute(
        """
        SELECT min(prochaine_tentative) AS le FROM revocation
        WHERE etat = 'Demande enregistrée' AND prochaine_tentative > %s
        """,
        (now,),
    ).fetchall()
    found: datetime | None = row["le"]
    return found


def postpone(connection: DbConnection, numero: int, made: int, following: datetime) -> bool:
    """Count an attempt of a waiting révocation and set the next: compare-and-set on those ``made`` before."""
    moved = connection.execute(
        """
        UPDATE revocation SET tentatives = tentatives + 1, prochaine_tentative = %s
        WHERE numero = %s AND etat = 'Demande enregistrée' AND tentatives = %s
        """,
        (following, numero, made),
    )
    return moved.rowcount == 1


def find_revocation(connection: DbConnection, numero: int) -> Row:
    """A révocation with what carrying it out needs of its produit."""
    [row] = connection.execute(
        """
        SELECT r.*, p.demande AS numero_demande, p.etat AS etat_produit, p.certificat
        FROM revocation r JOIN produit p ON p.numero = r.produit WHERE r.numero = %s
        """,
        (numero,),
    ).fetchall()
    return row


def insert_revocation(connection: DbConnection, new: NewRevocation, now: datetime) -> int:
    """Write a révocation as « Demande enregistrée » and give its number (V1)."""
    personne, administrateur = new.acteur.personne, new.acteur.administrateur
    [row] = connection.execute(
        """
        INSERT INTO revocation (numero, environnement, produit, canal, acteur, nom_acteur, prenom_acteur,
                                administrateur, nom_administrateur, prenom_administrateur, mail_demandeur,
                                mail_a_informer, motif, autre_description, date_effet, incident, etat, creee_le)
        VALUES (nextval('numero_revocation'), %s, %s, 'WS', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        RETURNING numero
        """,
        (
            new.environment,
            new.produit,
            personne.id_nat,
            personne.nom,
            personne.prenom,
            administrateur.id_nat if administrateur else None,
            administrateur.nom if administrateur else None,
            administrateur.prenom if administrateur else None,
            new.mail_demandeur,
            new.mail_a_informer,
            new.motif,
            new.autre_description,
            new.date_effet,
            new.incident,
            RevocationState.ENREGISTREE,
            now,
        ),
    ).fetchall()
    return int(row["numero"])


def move_revocation(
    connection: DbConnection, numero: int, state: RevocationState, now: datetime, *, revoked: datetime | None = None
) -> bool:
    """Take a waiting révocation to its end: compare-and-set, with the history. False when it does not wait."""
    moved = connection.execute(
        "UPDATE revocation SET etat = %s, revoque_le = %s WHERE numero = %s AND etat = %s",
        (state, revoked, numero, RevocationState.ENREGISTREE),
    )
    if moved.rowcount != 1:
        return False
    connection.execute(
        """
        INSERT INTO historique (objet, numero, de, vers, transition, le)
        VALUES ('revocation', %s, %s, %s, %s, %s)
        """,
        (numero, RevocationState.ENREGISTREE, state, state.name, now),
    )
    if state is RevocationState.CLOSE:
        connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
    return True


def list_closed(connection: DbConnection, since: datetime) -> list[tuple[str, str]]:
    """Authority and serial number, as the produit has them, of what was revoked at that moment or later."""
    return (
        connection.cursor(row_factory=tuple_row)
        .execute(
            """
            SELECT p.autorite, p.numero_serie FROM revocation r JOIN produit p ON p.numero = r.produit
            WHERE r.etat = 'Demande close' AND r.revoque_le >= %s
            """,
            (since,),
        )
        .fetchall()
    )


def ban_key(connection: DbConnection, fingerprint: bytes) -> None:
    """Refuse a public key for ever, in both environments."""
    connection.execute("INSERT INTO cle_bannie (empreinte) VALUES (%s) ON CONFLICT DO NOTHING", (fingerprint,))


def find_banned(connection: DbConnection, fingerprints: Collection[bytes]) -> set[bytes]:
    """Those of the keys that are refused for ever."""
    rows = connection.execute("SELECT empreinte FROM cle_bannie WHERE empreinte = ANY(%s)", (list(fingerprints),))
    return {row["empreinte"] for row in rows}
