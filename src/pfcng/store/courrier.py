"""Mails that wait, left or were given up, and what their texts are made of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from psycopg.types.json import Jsonb

from pfcng.contract.catalogue import Environment
from pfcng.store.database import DbConnection, Row
from pfcng.store.jobs import DEFER_MAILS, MAIL_TASK


class MailState(StrEnum):
    """States of a mail."""

    A_ENVOYER = "à envoyer"
    ENVOYE = "envoyé"
    REFUSE = "refusé"
    ABANDONNE = "abandonné"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMail:
    """A mail to be written.

    Attributes:
        notification: Its code in the catalogue.
        role: Element of the request that has the address.
        contenu: What the text needs, as JSON.
        incident: Of the request or the act that made it; the log of the worker that sends it has it.
    """

    notification: str
    role: str
    destinataire: str
    environment: Environment
    contenu: Mapping[str, Any]
    incident: str
    demande: int | None = None
    revocation: int | None = None


def insert(connection: DbConnection, mails: Sequence[NewMail], now: datetime) -> None:
    """Write mails as « à envoyer », in the order given, and put them into the workers' queue (M1)."""
    rows = Jsonb([_row(mail) for mail in mails])
    connection.execute(_INSERT, {"rows": rows, "now": now, "task": MAIL_TASK})


_INSERT: Final = f"""
WITH courriers AS (
    INSERT INTO courrier (notification, role, destinataire, environnement, demande, revocation, contenu, incident,
                          cree_le, depuis)
    SELECT notification, role, destinataire, environnement, demande, revocation, contenu, incident, %(now)s, %(now)s
    FROM ROWS FROM (jsonb_to_recordset(%(rows)s) AS (
            notification text, role text, destinataire text, environnement text, demande bigint, revocation bigint,
            contenu jsonb, incident text))
        WITH ORDINALITY
        AS m (notification, role, destinataire, environnement, demande, revocation, contenu, incident, rang)
    ORDER BY rang RETURNING numero
)
{DEFER_MAILS}
"""  # noqa: S608 - constants


def _row(mail: NewMail) -> dict[str, object]:
    """The fields as they are: a mail's text may be long, and `asdict` copies it."""
    return {name: getattr(mail, name) for name in _FIELDS} | {"environnement": mail.environment}


_FIELDS: Final = ("notification", "role", "destinataire", "demande", "revocation", "contenu", "incident")


FACTS: Final = """
d.numero AS numero_demande, d.environnement AS environnement, d.mail_demandeur, d.mail_a_informer, d.creee_le,
trim(d.prenom_acteur || ' ' || d.nom_acteur) AS demandeur, p.offre, p.usage, p.raison_sociale AS structure,
trim(p.prenom_beneficiaire || ' ' || p.nom_beneficiaire) AS beneficiaire, p.nom_applicatif, p.fqdn,
p.autorite, p.numero_serie, p.debut_validite, p.fin_validite
"""
"""What mails tell of a demande ``d`` and of its produit ``p``."""


def read_facts(connection: DbConnection, numeros: Collection[int]) -> dict[int, Row]:
    """What mails tell of these demandes and of their produits, by number."""
    rows = connection.execute(
        f"SELECT {FACTS} FROM demande d JOIN produit p ON p.demande = d.numero WHERE d.numero = ANY(%s)",  # noqa: S608 - a constant
        (list(numeros),),
    )
    return {row["numero_demande"]: row for row in rows}


def is_told(connection: DbConnection, notification: str, revocation: int) -> bool:
    """Whether a révocation had that mail."""
    found = connection.execute(
        "SELECT FROM courrier WHERE revocation = %s AND notification = %s LIMIT 1", (revocation, notification)
    )
    return found.rowcount > 0


def find(connection: DbConnection, numero: int) -> Row | None:
    """A mail, or None."""
    return connection.execute("SELECT * FROM courrier WHERE numero = %s", (numero,)).fetchone()


def finish(
    connection: DbConnection, numero: int, state: MailState, now: datetime, *, raison: str | None = None
) -> bool:
    """Take a mail that waits to its end (M4); False when it did not wait any more."""
    return (
        connection.execute(
            """
            UPDATE courrier SET etat = %s, raison = %s, termine_le = %s, tentatives = tentatives + 1
            WHERE numero = %s AND etat = 'à envoyer'
            """,
            (state, raison, now, numero),
        ).rowcount
        == 1
    )


def postpone(connection: DbConnection, numero: int, raison: str, now: datetime) -> int:
    """Count a try that did not succeed, with its reason; how many there were (M4).

    Its tries begin with the first: no worker may have been there for longer than they last.
    """
    row = connection.execute(
        """
        UPDATE courrier
        SET tentatives = tentatives + 1, raison = %s, depuis = CASE tentatives WHEN 0 THEN %s ELSE depuis END
        WHERE numero = %s AND etat = 'à envoyer'
        RETURNING tentatives
        """,
        (raison, now, numero),
    ).fetchone()
    return 0 if row is None else int(row["tentatives"])


def reopen(connection: DbConnection, numero: int, now: datetime) -> bool:
    """Let a mail that was refused or given up wait again, for as long as a new one; False when it is neither."""
    return (
        connection.execute(
            """
            UPDATE courrier SET etat = 'à envoyer', termine_le = NULL, tentatives = 0, raison = NULL, depuis = %s
            WHERE numero = %s AND etat IN ('refusé', 'abandonné')
            """,
            (now, numero),
        ).rowcount
        == 1
    )


def list_mails(connection: DbConnection, *, states: Sequence[str] | None, demande: int | None, limit: int) -> list[Row]:
    """Mails without their texts, newest first."""
    return connection.execute(
        """
        SELECT numero, notification, role, destinataire, environnement, demande, revocation, etat, cree_le, tentatives,
               raison, termine_le
        FROM courrier
        WHERE (%(states)s::text[] IS NULL OR etat = ANY(%(states)s)) AND (%(demande)s::bigint IS NULL OR
               demande = %(demande)s)
        ORDER BY numero DESC LIMIT %(limit)s
        """,
        {"states": None if states is None else list(states), "demande": demande, "limit": limit},
    ).fetchall()


def find_numbers(
    connection: DbConnection, *, states: Sequence[str], since: datetime | None, after: int, limit: int
) -> list[int]:
    """The numbers of mails in one of these states, made since a moment if it is told, in order behind a number."""
    rows = connection.execute(
        """
        SELECT numero FROM courrier
        WHERE etat = ANY(%(states)s) AND numero > %(after)s
          AND (%(since)s::timestamptz IS NULL OR cree_le >= %(since)s)
        ORDER BY numero LIMIT %(limit)s
        """,
        {"states": list(states), "after": after, "since": since, "limit": limit},
    )
    return [row["numero"] for row in rows]


def count(connection: DbConnection) -> dict[str, int]:
    """How many mails there are in each state."""
    rows = connection.execute("SELECT etat, count(*) AS nombre FROM courrier GROUP BY etat")
    return {row["etat"]: row["nombre"] for row in rows}


def purge(connection: DbConnection, before: datetime, limit: int) -> int:
    """Remove mails that ended before that moment, at most that many; how many."""
    return connection.execute(
        "DELETE FROM courrier WHERE numero IN (SELECT numero FROM courrier WHERE termine_le < %s LIMIT %s)",
        (before, limit),
    ).rowcount
