"""The journal (traçabilité): what was done or refused, by whom, when, with which result (guide §20).

It never holds a secret: no key, no CSR, no code de révocation, no mail.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from pfcng.contract.catalogue import Environment
from pfcng.store.database import DbConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One act. The fields are the columns, in their order.

    Attributes:
        acte: Operation, or what the platform did by itself.
        resultat: ``accepté``, ``refusé`` or the transition that was made.
        code: The guide's code of a refusal.
        detail: The precise cause, which the client is not told.
    """

    le: datetime
    incident: str
    acte: str
    resultat: str
    code: str | None = None
    detail: str | None = None
    environment: Environment | None = None
    acteur: str | None = None
    administrateur: str | None = None
    signataire: str | None = None
    titulaire_tls: str | None = None
    adresse: str | None = None
    lot: int | None = None
    demande: int | None = None


def write(connection: DbConnection, entries: Iterable[JournalEntry]) -> None:
    """Append the entries, in the transaction of what they tell."""
    connection.cursor().executemany(
        """
        INSERT INTO journal (le, incident, acte, resultat, code, detail, environnement, acteur, administrateur,
                             signataire, titulaire_tls, adresse, lot, demande)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [astuple(entry) for entry in entries],
    )
