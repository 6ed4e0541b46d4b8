"""The embedded authority: one certificate a demande, its serial known before its signature exists.

The steps R1 and I1 to I3 are those of docs/life-of-a-demande.md. A call that was killed anywhere is made again and ends
with the same certificate, since everything that goes into it is committed at I1 and RSA PKCS#1 v1.5 is deterministic.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from psycopg.types.json import Jsonb

from pfcng.igc import certificates, revocations
from pfcng.igc.authority import (
    AuthorityUnavailable,
    Dossier,
    NotRegistered,
    RegistrationConflict,
    RequestRefused,
    Status,
)
from pfcng.igc.builder import not_after
from pfcng.igc.issued import check_issued
from pfcng.igc.lint import UnfitToSign
from pfcng.igc.lint_product import Intent, guarded
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.publisher import Publisher
from pfcng.igc.requests import CertificateRequest
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import random_serial, to_octets
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.trust import key_identifier
from pfcng.store import attestation
from pfcng.store.attestation import Objet
from pfcng.store.database import Database, Row

log = structlog.get_logger()


class EmbeddedAuthority:
    """PFCNG-IGC in the process of the platform.

    Args:
        database: Holds the schema ``igc``.
        signers: The authorities with their keys; they stay loaded.
        urls: Where certificates say that CRLs and authorities are published.
        clock: The present, aware.
    """

    def __init__(
        self,
        database: Database,
        *,
        signers: Mapping[AuthorityName, Credential],
        urls: PublicationUrls,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._signers = dict(signers)
        self._by_key = {key_identifier(signer.certificate): signer for signer in signers.values()}
        self._urls = urls
        self._clock = clock
        self._publisher = Publisher(database, signers=self._signers.values(), clock=clock)

    def register(self, numero: int, request: CertificateRequest) -> None:
        """Take the request in, once; the same number with the same request is fine (step R1).

        Raises:
            RequestRefused: a name or key that X.509 or the profile cannot hold.
            RegistrationConflict: the number has another request.
            AuthorityUnavailable: no authority here signs it.
        """
        self._require_attested()
        now = self._clock()
        self._check(request, now)
        with self._database.autocommit() as connection:
            row = certificates.insert(connection, numero, request, now)
        if CertificateRequest.from_json(row["requete"]) != request:
            raise RegistrationConflict(f"demande {numero}")

    def issue(self, numero: int) -> x509.Certificate:
        """The certificate of a registered number: signed at the first call, the same one ever after (steps I1 to I3).

        Raises:
            NotRegistered: `register` was never called.
            RequestRefused: the certificate was not fit to be signed.
            AuthorityUnavailable: the authority that signs it, or that was reserved for it, or its key, is not here; or
                the database was restored.
        """
        with self._nothing_forgotten():
            row = self._reserve(numero)
        if row["der"] is None:
            self._require_attested()
            row = self._store(numero, self._sign(row))
        return x509.load_der_x509_certificate(row["der"])

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        """Revoke the certificate of a number, once: a repeated call changes nothing (step V2).

        Args:
            numero: The demande's number.
            reason: What a CRL will say; None says nothing.

        Returns:
            The moment of the revocation, the same at every call.

        Raises:
            NotRegistered: no certificate was reserved for the number.
            AuthorityUnavailable: idem, in a database that was restored.
        """
        with self._nothing_forgotten(), self._database.transaction() as connection:
            row = certificates.find(connection, numero)
            if row["numero_serie"] is None:
                raise NotRegistered(f"demande {numero}")
            revocation = _revocation(row, reason, self._clock())
            if revocations.insert(connection, revocation):
                return revocation.revoked_at
            return revocations.find_moment(connection, revocation.issuer, revocation.serial)

    def status(self, numero: int) -> Status:
        """What became of a number."""
        with self._database.transaction() as connection:
            return certificates.find_status(connection, numero)

    def list_issued(self, *, after: int, limit: int) -> list[Status]:
        """The numbers above ``after`` that have a serial, in their order, ``limit`` at most."""
        with self._database.transaction() as connection:
            return certificates.list_statuses(connection, after=after, limit=limit)

    def publish(self) -> None:
        """Bring the CRLs of these authorities up to date, without waiting until a minute after the last is over.

        Raises:
            AuthorityUnavailable: the database does not answer, or was restored.
        """
        try:
            self._require_attested()
            self._publisher.turn(at_once=True)
        except psycopg.OperationalError as error:
            raise AuthorityUnavailable("no database to publish from") from error

    def read_dossier(self, numero: int) -> Dossier:
        """Everything that is held of a number.

        Raises:
            NotRegistered: nothing is.
        """
        with self._database.transaction() as connection:
            row = certificates.find(connection, numero)
            revoked = revocations.find_ordered(connection, numero)
        return Dossier(
            numero=numero,
            request=CertificateRequest.from_json(row["requete"]),
            certificate=None if row["der"] is None else x509.load_der_x509_certificate(row["der"]),
            revoked_at=None if revoked is None else revoked["revoque_le"],
            reason=x509.ReasonFlags(revoked["raison"]) if revoked and revoked["raison"] else None,
        )

    def adopt(self, dossier: Dossier) -> None:
        """Take back what was forgotten of a number, in one commit; what is known already stays as it is.

        Raises:
            RequestRefused: the certificate is none of an authority here, or not the request's.
            RegistrationConflict: the number has another request, or another certificate.
        """
        columns = None if dossier.certificate is None else self._columns(dossier.certificate, dossier.request)
        with self._database.transaction() as connection:
            row = certificates.insert(connection, dossier.numero, dossier.request, self._clock())
            if columns is not None:
                row = certificates.reserve(connection, dossier.numero, columns)
            if CertificateRequest.from_json(row["requete"]) != dossier.request or (
                columns is not None and row["der"] != columns["der"]
            ):
                raise RegistrationConflict(f"demande {dossier.numero}")
            if dossier.revoked_at is not None and row["numero_serie"] is not None:
                revocations.insert(connection, _revocation(row, dossier.reason, dossier.revoked_at))

    def is_attested(self) -> bool:
        """Whether the database is the one it was left as; else nothing is issued or published."""
        return self._database.is_attested()

    def attest(self) -> None:
        """Both sides were compared: issue and publish again."""
        if not self._database.is_attested():
            with self._database.transaction() as connection:
                attestation.attest(connection, Objet.RECONCILIATION, "PFCNG-IGC")

    def _columns(self, certificate: x509.Certificate, request: CertificateRequest) -> dict[str, object]:
        """What is written of a certificate that an authority here signed for this request.

        Raises:
            RequestRefused: none did.
        """
        try:
            check_issued(certificate, request)
            signer = self._signers[issuing_authority(request)]
            certificate.verify_directly_issued_by(signer.certificate)
        except (KeyError, AuthorityUnavailable, InvalidSignature, ValueError, TypeError) as error:
            raise RequestRefused(f"not a certificate of an authority here: {error}") from error
        return {
            "emetteur": key_identifier(signer.certificate),
            "numero_serie": to_octets(certificate.serial_number),
            "debut_validite": certificate.not_valid_before_utc,
            "adresses": Jsonb(self._urls.to_json()),
            "der": certificate.public_bytes(Encoding.DER),
        }

    @contextmanager
    def _nothing_forgotten(self) -> Iterator[None]:
        """A number that is not known here is unknown for good, unless the database was restored."""
        try:
            yield
        except NotRegistered:
            self._require_attested()
            raise

    def _require_attested(self) -> None:
        """Take nothing in, and sign nothing, in a database that was restored (docs/restore.md)."""
        if not self._database.is_attested():
            raise AuthorityUnavailable(f"the database was restored: {self._database.suspicion}")

    def _check(self, request: CertificateRequest, now: datetime) -> None:
        """Build the certificate for nothing: what is registered can be issued."""
        issuer = self._signer(request, now).certificate
        try:
            certificate_builder(request, issuer=issuer, serial=1, not_before=now, urls=self._urls)
        except ValueError as error:
            raise RequestRefused(str(error)) from error

    def _signer(self, request: CertificateRequest, now: datetime) -> Credential:
        name = issuing_authority(request)
        signer = self._signers.get(name)
        if signer is None or signer.certificate.not_valid_after_utc < not_after(now):
            raise AuthorityUnavailable(name.common_name)
        return signer

    def _reserve(self, numero: int) -> Row:
        """I1: what the certificate will be made of, committed once; a second reservation changes nothing."""
        attested = self._database.is_attested()
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        with self._database.autocommit() as connection:
            row = certificates.find(connection, numero)
            if row["numero_serie"] is not None or not attested:
                return row
            signer = self._signer(CertificateRequest.from_json(row["requete"]), now)
            columns = {
                "emetteur": key_identifier(signer.certificate),
                "numero_serie": to_octets(random_serial()),
                "debut_validite": now,
                "adresses": Jsonb(self._urls.to_json()),
            }
            return certificates.reserve(connection, numero, columns)

    def _sign(self, row: Row) -> x509.Certificate:
        """I2: nothing but the row goes into the certificate."""
        signer = self._by_key.get(row["emetteur"])
        if signer is None:
            raise AuthorityUnavailable(f"demande {row['numero']}: reserved for the authority {row['emetteur'].hex()}")
        intent = Intent(
            request=CertificateRequest.from_json(row["requete"]),
            issuer=signer.certificate,
            serial=int.from_bytes(row["numero_serie"], "big"),
            not_before=row["debut_validite"],
            urls=PublicationUrls.from_json(row["adresses"]),
        )
        unsigned = certificate_builder(
            intent.request,
            issuer=intent.issuer,
            serial=intent.serial,
            not_before=intent.not_before,
            urls=intent.urls,
        )
        try:
            certificate = unsigned.sign(guarded(signer.key, intent), hashes.SHA256())
        except UnfitToSign as error:
            log.critical("igc.certificat_non_signe", numero=row["numero"], constats=error.findings)
            raise RequestRefused(f"demande {row['numero']}: {error}") from error
        except KeyUnavailable as error:
            log.warning("igc.cle_indisponible", numero=row["numero"], raison=str(error))
            raise AuthorityUnavailable(f"demande {row['numero']}: {error}") from error
        # A fault in the computation would give away the key: an invalid signature must not leave.
        certificate.verify_directly_issued_by(signer.certificate)
        return certificate

    def _store(self, numero: int, certificate: x509.Certificate) -> Row:
        """I3: the first one stored stays."""
        with self._database.autocommit() as connection:
            return certificates.store(connection, numero, certificate.public_bytes(Encoding.DER))


def _revocation(row: Row, reason: x509.ReasonFlags | None, moment: datetime) -> Revocation:
    return Revocation(
        issuer=row["emetteur"],
        serial=row["numero_serie"],
        numero=row["numero"],
        reason=reason and reason.value,
        revoked_at=moment,
        not_after=not_after(row["debut_validite"]),
    )
