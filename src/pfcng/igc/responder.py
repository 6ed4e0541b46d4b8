"""Who answers OCSP for the authorities: a delegated certificate each, statuses from the tables. Source: RFC 6960.

The responder's key never leaves the process. Each authority certifies it at first use, for thirty days; the certificate
is committed before it is used, so that it is no stranger's.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

import psycopg
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pfcng.igc import ocsp, others
from pfcng.igc.der import MalformedDer
from pfcng.igc.lint import UnfitToSign
from pfcng.igc.lint_authority import guarded_for_responder
from pfcng.igc.ocsp import Failure, IssuerId, OcspRequest, Revoked, Signer, Single
from pfcng.igc.others import Known, Purpose
from pfcng.igc.serials import random_serial, to_octets
from pfcng.pki import names
from pfcng.pki.keys import Credential
from pfcng.pki.products import key_usage
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.sources import CredentialError
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database, DbConnection
from pfcng.store.defects import describe

log = structlog.get_logger()

VALIDITY: Final = timedelta(hours=1)
"""From thisUpdate to nextUpdate of an answer."""
_GRAIN: Final = timedelta(minutes=1)
"""Answers of one minute say the same to the byte: what HTTP caches and revalidates."""
_CERTIFIED: Final = timedelta(days=30)
_RENEWED: Final = timedelta(days=7)
_OVERLAP: Final = timedelta(hours=1)
"""A responder begins in the past, for clients whose clock is behind, and ends before its last answers do."""
_KEY_BITS: Final = 2048
_COMMON_NAME: Final = "REPONDEUR OCSP {authority}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, DER; the dates are None for one that is not to be kept (a failure, or one with a nonce)."""

    der: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None

    @property
    def digest(self) -> str:
        """Names these bytes."""
        return hashlib.sha256(self.der).hexdigest()


class Responder:
    """Answers for some authorities.

    Args:
        database: Holds the schema ``igc``.
        signers: The authorities with their keys, which certify the responder.
        clock: The present, aware.
    """

    def __init__(self, database: Database, *, signers: Iterable[Credential], clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._authorities: dict[IssuerId, _Authority] = {}
        key = _SharedKey()
        for signer in signers:
            authority = _Authority(database, signer, key)
            self._authorities.update(dict.fromkeys(ocsp.issuer_ids(signer.certificate), authority))

    def answer(self, raw: bytes) -> Answer:
        """Answer a request; whatever goes wrong is an answer too."""
        try:
            return self._answer(OcspRequest.read(raw))
        except MalformedDer as error:
            log.info("ocsp.malformed", cause=str(error))
            return Answer(der=ocsp.failure(Failure.MALFORMED_REQUEST))
        except psycopg.OperationalError as error:
            log.error("ocsp.unavailable", **describe(error))  # noqa: TRY400 - idem
            return Answer(der=ocsp.failure(Failure.TRY_LATER))
        except Exception as error:  # noqa: BLE001 - the edge: a client is answered whatever happens
            log.error("ocsp.failed", **describe(error))  # noqa: TRY400 - it would quote rows
            return Answer(der=ocsp.failure(Failure.INTERNAL_ERROR))

    def renew(self) -> None:
        """Certify the responders that end soon, among those that have answered.

        Each process has its own. An authority that cannot is logged; it is asked again at the next turn.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        now = self._clock()
        for authority in dict.fromkeys(self._authorities.values()):
            try:
                authority.renew(now)
            except psycopg.OperationalError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever ails a key, the other authorities renew
                log.error("ocsp.not_renewed", **describe(error))  # noqa: TRY400 - it would quote rows

    def _answer(self, request: OcspRequest) -> Answer:
        authorities = {self._authorities.get(asked.issuer) for asked in request.certificates}
        authority = authorities.pop()
        if authority is None or authorities:  # an answer has one signer, and so one authority
            return Answer(der=ocsp.failure(Failure.UNAUTHORIZED))
        if not self._database.is_attested():  # "good" would be a new statement from an old state
            return Answer(der=ocsp.failure(Failure.TRY_LATER))
        now = self._clock().astimezone(UTC)
        try:
            signer = authority.signer(now)
        except (KeyUnavailable, CredentialError, UnfitToSign, InvalidSignature) as error:
            # Whatever ails the authority's key, it may be there again soon.
            log.error("ocsp.no_responder", kind=type(error).__name__, cause=str(error))  # noqa: TRY400
            return Answer(der=ocsp.failure(Failure.TRY_LATER))
        with self._database.autocommit() as connection:
            singles = [
                Single(certificate=asked, status=_status(connection, authority.issuer, asked.serial))
                for asked in request.certificates
            ]
        this_update = max([now - (now - datetime.min.replace(tzinfo=UTC)) % _GRAIN, *_moments(singles)])
        next_update = this_update + VALIDITY
        content = ocsp.sign(signer, singles, this_update=this_update, next_update=next_update, nonce=request.nonce)
        if request.nonce:
            return Answer(der=content)
        return Answer(der=content, this_update=this_update, next_update=next_update)


def _moments(singles: list[Single]) -> list[datetime]:
    """Nothing is told before it happened, but for a clock that was set back."""
    return [single.status.at.replace(microsecond=0) for single in singles if isinstance(single.status, Revoked)]


def _status(connection: DbConnection, issuer: bytes, serial: int) -> Revoked | bool:
    """Revoked, good (True), or unknown (False): a serial that no table has is nobody's, and an alarm."""
    row = serial > 0 and others.find_status(connection, issuer, to_octets(serial))
    if not row or not row["connu"]:
        log.error("ocsp.unknown_serial", authority=issuer.hex(), serial=f"{serial:X}")
        return False
    if row["revoque_le"] is None:
        return True
    return Revoked(at=row["revoque_le"], reason=row["raison"])


class _SharedKey:
    """One key a process, made when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key: rsa.RSAPrivateKey | None = None

    def get(self) -> rsa.RSAPrivateKey:
        with self._lock:
            if self._key is None:
                self._key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
            return self._key


class _Authority:
    """An authority and the responder that it certified."""

    def __init__(self, database: Database, credential: Credential, key: _SharedKey) -> None:
        self.issuer = key_identifier(credential.certificate)
        self._database = database
        self._credential = credential
        self._key = key
        self._lock = Lock()
        self._signer: Signer | None = None

    def signer(self, now: datetime) -> Signer:
        """Who answers now."""
        signer = self._signer
        return signer if signer is not None and _lasts(signer, now, VALIDITY) else self._certify(now, VALIDITY)

    def renew(self, now: datetime) -> None:
        if self._signer is not None:
            self._certify(now, _RENEWED)

    def _certify(self, now: datetime, left: timedelta) -> Signer:
        """The responder, certified anew when less than ``left`` is left of it."""
        with self._lock:
            if self._signer is None or not _lasts(self._signer, now, left):
                key = self._key.get()
                certificate = make_certificate(self._credential, key.public_key(), now)
                with self._database.transaction() as connection:
                    others.register(connection, [Known(self.issuer, Purpose.RESPONDER, certificate)])
                self._signer = Signer.of(certificate, key)
            return self._signer


def _lasts(signer: Signer, now: datetime, left: timedelta) -> bool:
    """Whether a responder is valid now and for so long; one that is not yet was certified before a clock went back."""
    return signer.certificate.not_valid_before_utc <= now and now + left <= signer.certificate.not_valid_after_utc


def make_certificate(issuer: Credential, public_key: rsa.RSAPublicKey, now: datetime) -> x509.Certificate:
    """A responder's certificate (RFC 6960 §4.2.2.2): short-lived, and not itself to be looked up."""
    first = (now - _OVERLAP).replace(microsecond=0)
    *above, _ = issuer.certificate.subject.rdns
    name = _COMMON_NAME.format(authority=names.first(issuer.certificate.subject, NameOID.COMMON_NAME))
    serial = random_serial()
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject,
        subject_name=x509.Name([*above, *names.build(((NameOID.COMMON_NAME, name),)).rdns]),
        public_key=public_key,
        serial_number=serial,
        not_valid_before=max(first, issuer.certificate.not_valid_before_utc),
        not_valid_after=min(first + _CERTIFIED, issuer.certificate.not_valid_after_utc),
    )
    extensions: list[x509.ExtensionType] = [
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]),
        x509.AuthorityKeyIdentifier(key_identifier(issuer.certificate), None, None),
        x509.OCSPNoCheck(),
        x509.SubjectKeyIdentifier.from_public_key(public_key),
        key_usage("digital_signature"),
        x509.BasicConstraints(ca=False, path_length=None),
    ]
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.KeyUsage))
    key = guarded_for_responder(issuer.key, issuer=issuer.certificate, public_key=public_key, serial=serial)
    certificate = builder.sign(key, hashes.SHA256())
    certificate.verify_directly_issued_by(issuer.certificate)
    return certificate
