"""The certificates by their demande: registered, reserved, issued (docs/life-of-a-demande.md, R1 and I1 to I3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb

from pfcng.igc.authority import NotRegistered, Progress, Status
from pfcng.igc.requests import CertificateRequest
from pfcng.store.database import DbConnection, Row

_INSERT: Final = """
INSERT INTO igc.certificat (numero, requete, enregistre_le) VALUES (%(numero)s, %(requete)s, %(now)s)
ON CONFLICT (numero) DO NOTHING
RETURNING numero, requete, emetteur, numero_serie, debut_validite, adresses, der
"""
# A serial that exists already breaks the unique constraint and the call fails: with sound randomness it never happens,
# and without it nothing must be signed.
_RESERVE: Final = """
UPDATE igc.certificat
SET emetteur = %(emetteur)s, numero_serie = %(numero_serie)s, debut_validite = %(debut_validite)s,
    adresses = %(adresses)s, der = %(der)s
WHERE numero = %(numero)s AND numero_serie IS NULL
RETURNING numero, requete, emetteur, numero_serie, debut_validite, adresses, der
"""
_STORE: Final = """
UPDATE igc.certificat SET der = %(der)s WHERE numero = %(numero)s AND der IS NULL
RETURNING numero, requete, emetteur, numero_serie, debut_validite, adresses, der
"""
_FIND: Final = """
SELECT numero, requete, emetteur, numero_serie, debut_validite, adresses, der
FROM igc.certificat WHERE numero = %(numero)s
"""
_STATUS: Final = """
SELECT c.numero, c.numero_serie, c.der IS NOT NULL AS emis, r.revoque_le
FROM igc.certificat c LEFT JOIN igc.revocation r ON r.numero = c.numero
"""


def find(connection: DbConnection, numero: int) -> Row:
    """What is held of a number.

    Raises:
        NotRegistered: nothing is.
    """
    row = connection.execute(_FIND, {"numero": numero}).fetchone()
    if row is None:
        raise NotRegistered(f"demande {numero}")
    return row


def insert(connection: DbConnection, numero: int, request: CertificateRequest, now: datetime) -> Row:
    """R1: take a request in; what the number holds then, which is the first request it was given."""
    parameters = {"numero": numero, "requete": Jsonb(request.to_json()), "now": now}
    return connection.execute(_INSERT, parameters).fetchone() or find(connection, numero)


def reserve(connection: DbConnection, numero: int, columns: Mapping[str, object]) -> Row:
    """I1: what the certificate is made of; a second reservation changes nothing.

    Args:
        connection: The transaction.
        numero: Registered.
        columns: ``emetteur``, ``numero_serie``, ``debut_validite``, ``adresses``, and ``der`` of one that exists.
    """
    parameters = {"der": None, **columns, "numero": numero}
    return connection.execute(_RESERVE, parameters).fetchone() or find(connection, numero)


def store(connection: DbConnection, numero: int, der: bytes) -> Row:
    """I3: the first one stored stays; a concurrent one is the same to the byte."""
    return connection.execute(_STORE, {"numero": numero, "der": der}).fetchone() or find(connection, numero)


def find_status(connection: DbConnection, numero: int) -> Status:
    """What became of a number."""
    row = connection.execute(f"{_STATUS} WHERE c.numero = %(numero)s", {"numero": numero}).fetchone()
    return Status(numero=numero, progress=Progress.UNKNOWN) if row is None else _status(row)


def list_statuses(connection: DbConnection, *, after: int, limit: int) -> list[Status]:
    """The numbers above ``after`` that have a serial, in their order, ``limit`` at most."""
    rows = connection.execute(
        f"{_STATUS} WHERE c.numero > %(after)s AND c.numero_serie IS NOT NULL ORDER BY c.numero LIMIT %(limit)s",
        {"after": after, "limit": limit},
    )
    return [_status(row) for row in rows]


def _status(row: Row) -> Status:
    serial, revoked = row["numero_serie"], row["revoque_le"]
    progress = Progress.REVOKED if revoked else Progress.ISSUED if row["emis"] else Progress.REGISTERED
    return Status(
        numero=row["numero"],
        progress=progress,
        serial=None if serial is None else int.from_bytes(serial, "big"),
        revoked_at=revoked,
    )
