"""What the plain HTTP port publishes, by path: certificates of the authorities, chains, CRLs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from urllib.parse import unquote, urlsplit

import psycopg
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment
from pfcng.igc import published
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import by_common_name
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database

log = structlog.get_logger()

_CERTIFICATE: Final = "application/pkix-cert"
_CRL: Final = "application/pkix-crl"
_CHAIN: Final = "application/x-pkcs7-certificates"
_CERTIFICATE_AGE: Final = timedelta(days=1)
_CRL_AGE: Final = timedelta(hours=1)
"""How long a complete CRL is kept on the way: a revocation is told by the next one, long before its nextUpdate."""
_DELTA_AGE: Final = timedelta(minutes=1)


class NotPublishedYet(Exception):
    """The CRL will be there, and is not yet; or the database does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to serve.

    Attributes:
        modified: Aware, whole seconds.
        expires: nextUpdate of a CRL; None for what does not end.
        age: How long it may be kept on the way, at most.
    """

    content: bytes
    media_type: str
    modified: datetime
    expires: datetime | None
    age: timedelta
    etag: str

    def max_age(self, now: datetime) -> int:
        """Seconds it may be kept: never past its nextUpdate."""
        left = self.age if self.expires is None else min(self.age, self.expires - now)
        return max(0, int(left.total_seconds()))


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which CRLs a path has."""

    issuer: bytes
    is_delta: bool


class PublishedFiles:
    """The files by decoded path; those of the database are looked up at each request.

    Args:
        database: Holds the schema ``igc``.
        authorities: Whose certificates and CRLs are published; roots among them.
        clock: The present, aware.
    """

    def __init__(
        self, database: Database, authorities: Sequence[x509.Certificate], *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._clock = clock
        self._fixed = _certificates(authorities)
        self._crls = _crls(authorities)
        self._held: dict[_Kind, tuple[int, File]] = {}
        self._reading = Lock()

    def find(self, path: str) -> File | None:
        """The file of a path; None when nothing is published there.

        Raises:
            NotPublishedYet: A CRL that is not there yet.
        """
        kind = self._crls.get(path)
        return self._fixed.get(path) if kind is None else self._crl(kind)

    def _crl(self, kind: _Kind) -> File:
        held = self._held.get(kind)
        try:
            with self._database.autocommit() as connection:
                number = published.newest_number(connection, kind.issuer, is_delta=kind.is_delta)
            if number is None:
                raise NotPublishedYet
            return held[1] if held is not None and held[0] == number else self._read(kind, number)
        except psycopg.OperationalError as error:
            if held is None:
                raise NotPublishedYet from error
            log.error("publication.database_lost", cause=str(error))  # noqa: TRY400 - what is held is still true
            return held[1]

    def _read(self, kind: _Kind, number: int) -> File:
        """Once for all the requests that come together; the bodies are large."""
        with self._reading:
            held = self._held.get(kind)
            if held is not None and held[0] == number:
                return held[1]
            with self._database.autocommit() as connection:
                row = published.read_file(connection, kind.issuer, is_delta=kind.is_delta)
            if row is None:
                raise NotPublishedYet
            file = File(
                content=row.der,
                media_type=_CRL,
                modified=row.this_update,
                expires=row.next_update,
                age=_DELTA_AGE if kind.is_delta else _CRL_AGE,
                etag=_etag(row.der),
            )
            self._held[kind] = (row.number, file)
            return file


def _certificates(authorities: Sequence[x509.Certificate]) -> dict[str, File]:
    urls = PublicationUrls()
    files: dict[str, File] = {}
    chains: dict[Environment, list[x509.Certificate]] = {}
    for certificate in authorities:
        name = by_common_name(_common_name(certificate))
        chains.setdefault(name.environment, []).append(certificate)
        files[_path(urls.issuer(name))] = _fixed(certificate.public_bytes(Encoding.DER), _CERTIFICATE, certificate)
    for environment, chain in chains.items():
        content = pkcs7.serialize_certificates(chain, Encoding.DER)
        files[_path(urls.chain(environment))] = _fixed(content, _CHAIN, *chain)
    return files


def _crls(authorities: Sequence[x509.Certificate]) -> dict[str, _Kind]:
    """A root has no delta."""
    urls = PublicationUrls()
    kinds: dict[str, _Kind] = {}
    for certificate in authorities:
        name, issuer = by_common_name(_common_name(certificate)), key_identifier(certificate)
        kinds[_path(urls.crl(name))] = _Kind(issuer, is_delta=False)
        if not name.is_root:
            kinds[_path(urls.delta_crl(name))] = _Kind(issuer, is_delta=True)
    return kinds


def _fixed(content: bytes, media_type: str, *certificates: x509.Certificate) -> File:
    modified = max(certificate.not_valid_before_utc for certificate in certificates)
    return File(
        content=content,
        media_type=media_type,
        modified=modified,
        expires=None,
        age=_CERTIFICATE_AGE,
        etag=_etag(content),
    )


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _common_name(certificate: x509.Certificate) -> str:
    return names.first(certificate.subject, NameOID.COMMON_NAME) or ""


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)
