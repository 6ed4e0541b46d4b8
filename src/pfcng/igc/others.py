"""Certificates that nobody ordered: responders, and in the sandbox authorities, cards and servers; what a serial is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.igc.serials import to_octets
from pfcng.store.database import DbConnection, Row


class Purpose(StrEnum):
    """What such a certificate is for."""

    AUTHORITY = "autorité"
    RESPONDER = "répondeur OCSP"
    SERVER = "serveur"
    CARD = "carte"


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate to be known; ``issuer`` is its authority's key identifier."""

    issuer: bytes
    purpose: Purpose
    certificate: x509.Certificate


def register(connection: DbConnection, certificates: Iterable[Known]) -> None:
    """Know these certificates; those that are known already stay as they are."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO igc.autre_certificat (emetteur, numero_serie, objet, fin_validite, der)
            VALUES (%(emetteur)s, %(numero_serie)s, %(objet)s, %(fin_validite)s, %(der)s)
            ON CONFLICT (emetteur, numero_serie) DO NOTHING
            """,
            [
                {
                    "emetteur": known.issuer,
                    "numero_serie": to_octets(known.certificate.serial_number),
                    "objet": known.purpose,
                    "fin_validite": known.certificate.not_valid_after_utc,
                    "der": known.certificate.public_bytes(Encoding.DER),
                }
                for known in certificates
            ],
        )


def is_known(connection: DbConnection, known: Known) -> bool:
    """Whether exactly that certificate is, for that purpose."""
    row = connection.execute(
        """
        SELECT der = %(der)s AND objet = %(objet)s AS connu FROM igc.autre_certificat
        WHERE emetteur = %(emetteur)s AND numero_serie = %(numero_serie)s
        """,
        {
            "emetteur": known.issuer,
            "numero_serie": to_octets(known.certificate.serial_number),
            "objet": known.purpose,
            "der": known.certificate.public_bytes(Encoding.DER),
        },
    ).fetchone()
    return row is not None and bool(row["connu"])


def find_status(connection: DbConnection, issuer: bytes, serial: bytes) -> Row:
    """What a serial of an authority is: ``connu``, ``revoque_le``, ``raison``.

    A serial that was reserved and never signed is not known, unless it was revoked.
    """
    row = connection.execute(
        """
        SELECT r.revoque_le, r.raison,
               r.emetteur IS NOT NULL
               OR EXISTS (SELECT FROM igc.certificat c
                          WHERE c.numero_serie = s.numero_serie AND c.emetteur = s.emetteur AND c.der IS NOT NULL)
               OR EXISTS (SELECT FROM igc.autre_certificat a
                          WHERE a.numero_serie = s.numero_serie AND a.emetteur = s.emetteur) AS connu
        FROM (SELECT %(emetteur)s::bytea AS emetteur, %(numero_serie)s::bytea AS numero_serie) AS s
        LEFT JOIN igc.revocation r ON r.emetteur = s.emetteur AND r.numero_serie = s.numero_serie
        """,
        {"emetteur": issuer, "numero_serie": serial},
    ).fetchone()
    assert row is not None  # noqa: S101 - one row always
    return row
