"""PFCNG-IGC for the tests: a small hierarchy with its keys, and certificates and revocations in its tables."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.contract.catalogue import Environment
from pfcng.igc import revocations
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import random_serial, to_octets
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import Gamme, Population, find
from pfcng.pki.keys import Credential
from pfcng.pki.trust import key_identifier
from pfcng.sandbox.hierarchy import make_authority
from pfcng.store.database import Database, DbConnection

NOW: Final = datetime(2026, 3, 2, 10, 0, 30, 123_456, tzinfo=UTC)
ORGANISATIONS: Final = find(Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """A root and one authority below it."""

    root: Credential
    authority: Credential

    @property
    def issuer(self) -> bytes:
        """The authority's key identifier."""
        return key_identifier(self.authority.certificate)


def make_hierarchy(urls: PublicationUrls | None = None) -> Hierarchy:
    """TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS and its root."""
    urls = urls or PublicationUrls()
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    root_certificate = make_authority(ORGANISATIONS.root, keys[0], None, urls=urls, now=NOW)
    root = Credential(certificate=root_certificate, chain=(), key=keys[0])
    certificate = make_authority(ORGANISATIONS, keys[1], root, urls=urls, now=NOW)
    return Hierarchy(root=root, authority=Credential(certificate=certificate, chain=(root_certificate,), key=keys[1]))


def revoke(
    database: Database,
    issuer: bytes,
    serial: int | None = None,
    *,
    reason: x509.ReasonFlags | None = None,
    at: datetime = NOW,
    not_after: datetime = NOW + timedelta(days=900),
) -> int:
    """Revoke a serial that was not ordered and give it."""
    with database.transaction() as connection:
        return insert(connection, issuer, serial, reason=reason, at=at, not_after=not_after)


def insert(
    connection: DbConnection,
    issuer: bytes,
    serial: int | None = None,
    *,
    reason: x509.ReasonFlags | None = None,
    at: datetime = NOW,
    not_after: datetime = NOW + timedelta(days=900),
) -> int:
    """As `revoke`, in a transaction."""
    serial = serial or random_serial()
    revocations.insert(
        connection,
        Revocation(
            issuer=issuer,
            serial=to_octets(serial),
            numero=None,
            reason=reason and reason.value,
            revoked_at=at,
            not_after=not_after,
        ),
    )
    return serial


def fill_revocations(dsn: str, issuer: bytes, count: int) -> None:
    """Revoke as many serials at once, behind the publisher's back."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO igc.revocation (emetteur, numero_serie, raison, revoque_le, fin_validite)
            SELECT %s, substring(decode('01' || md5(n::text), 'hex') FOR 16),
                   CASE n %% 3 WHEN 0 THEN 'keyCompromise' WHEN 1 THEN 'cessationOfOperation' END,
                   now() - n * interval '1 minute', now() + interval '2 years'
            FROM generate_series(1, %s) AS n
            """,
            (issuer, count),
        )
        connection.execute("VACUUM ANALYZE igc.revocation")
