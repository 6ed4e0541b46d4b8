"""Which certificates are believed: issued by an accepted authority, in their dates, not revoked.

Everything that can be checked once is checked when the store is loaded: chains of the authorities, names, CRL
signatures. What is left for a request is a look-up and one RSA verification, without I/O.
Source: guide §10, §11; RFC 5280 §6.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, by_common_name

MIN_RSA_BITS: Final = 2048
_ACCEPTED_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class UntrustedCertificate(Exception):
    """A certificate is not believed; the reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidTrustAnchors(ValueError):
    """The authorities or CRLs given to the store do not hold together; the message is a French clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An accepted authority: its certificate, checked up to a root, and its place in the hierarchy."""

    certificate: x509.Certificate
    name: AuthorityName


@dataclass(frozen=True, slots=True)
class _Revocations:
    """What the newest CRL of an authority says, and what is known to be revoked since."""

    order: tuple[int, datetime]
    next_update: datetime
    serials: frozenset[int]
    late: frozenset[int] = frozenset()

    def has(self, serial: int) -> bool:
        return serial in self.serials or serial in self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlEnd:
    """Until when the CRL of an authority is believed, and since when; both None when there is none."""

    authority: Authority
    next_update: datetime | None
    this_update: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrustStore:
    """Accepted authorities and their revocations; immutable, refreshed by `with_crls` and `with_late`.

    Attributes:
        roots: The roots the authorities were checked against.
        authorities: The authorities accepted for holders.
        crl_grace: How long after its nextUpdate a CRL is still believed.
    """

    roots: tuple[Authority, ...]
    authorities: tuple[Authority, ...]
    crl_grace: timedelta
    _revocations: Mapping[bytes, _Revocations] = field(repr=False)
    _by_key: Mapping[bytes, Authority] = field(repr=False)
    _by_name: Mapping[bytes, tuple[Authority, ...]] = field(repr=False)

    @classmethod
    def load(
        cls,
        roots: Iterable[x509.Certificate],
        authorities: Iterable[x509.Certificate],
        crls: Iterable[x509.CertificateRevocationList],
        *,
        now: datetime,
        crl_grace: timedelta,
    ) -> "TrustStore":
        """Check every chain and CRL once.

        An authority without a CRL can be loaded, but vouches for nobody. The CRL of a root is optional: what counts is
        that an authority on it vouches for nobody any more.

        Raises:
            InvalidTrustAnchors: a certificate or CRL that cannot be accepted, and why.
        """
        root_authorities = tuple(_root(certificate, now) for certificate in roots)
        accepted = tuple(_intermediate(certificate, root_authorities, now) for certificate in authorities)
        by_name: dict[bytes, tuple[Authority, ...]] = defaultdict(tuple)
        for authority in accepted:
            by_name[authority.certificate.subject.public_bytes()] += (authority,)
        store = cls(
            roots=root_authorities,
            authorities=accepted,
            crl_grace=crl_grace,
            _revocations={},
            _by_key={key_identifier(authority.certificate): authority for authority in accepted},
            _by_name=dict(by_name),
        )
        return store.with_crls(crls)

    def with_crls(self, crls: Iterable[x509.CertificateRevocationList]) -> "TrustStore":
        """The same store with these CRLs, where they are newer than those it holds.

        Raises:
            InvalidTrustAnchors: a CRL of an unknown authority, with a wrong signature, incremental or partial.
        """
        newest = dict(self._revocations)
        for crl in crls:
            issuer = self._crl_issuer(crl)
            key = key_identifier(issuer.certificate)
            revocations = _revocations(crl)
            if key not in newest or newest[key].order <= revocations.order:
                newest[key] = revocations
        return replace(self, _revocations=newest)

    def with_late(self, late: Mapping[bytes, frozenset[int]]) -> "TrustStore":
        """The same store with serials that were revoked since an authority's CRL, by its key identifier.

        They replace those that were told before; an authority without a CRL has none.
        """
        newest = {
            key: replace(revocations, late=late[key]) if key in late else revocations
            for key, revocations in self._revocations.items()
        }
        return replace(self, _revocations=newest)

    def with_crls_of(self, former: "TrustStore") -> "TrustStore":
        """The same store with the CRLs of another that are newer, of the authorities whose keys are the same."""
        newest = dict(self._revocations)
        keys = [authority.certificate.public_key() for authority in (*former.authorities, *former.roots)]
        for authority in (*self.authorities, *self.roots):
            key = key_identifier(authority.certificate)
            known = former._revocations.get(key)  # noqa: SLF001 - of this class
            if known is None or authority.certificate.public_key() not in keys:
                continue
            if key not in newest or newest[key].order < known.order:
                newest[key] = known
        return replace(self, _revocations=newest)

    def crl_ends(self) -> list[CrlEnd]:
        """The CRL of each authority, and of each root that has one."""
        ends = []
        for authority in (*self.authorities, *self.roots):
            revocations = self._revocations.get(key_identifier(authority.certificate))
            if revocations is not None or not authority.name.is_root:
                made, end = (revocations.order[1], revocations.next_update) if revocations else (None, None)
                ends.append(CrlEnd(authority=authority, next_update=end, this_update=made))
        return ends

    def validate(self, certificate: x509.Certificate, now: datetime) -> Authority:
        """Believe a holder's certificate, or say why not.

        Args:
            certificate: End-entity certificate, of any origin.
            now: Aware instant. The seconds of notBefore and notAfter are inside the validity.

        Returns:
            The authority that issued it.

        Raises:
            UntrustedCertificate: with the first check that failed.
        """
        try:
            authority = self._issuer(certificate)
        except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension) as error:
            raise UntrustedCertificate(f"malformed certificate: {error}") from error
        for checked in (certificate, authority.certificate):
            _check_dates(checked, now)
        self._check_revocation(certificate, authority, now)
        return authority

    def _issuer(self, certificate: x509.Certificate) -> Authority:
        for authority in self._candidates(certificate):
            try:
                _check_issued(certificate, authority.certificate)
            except (InvalidSignature, ValueError, TypeError):
                continue
            return authority
        raise UntrustedCertificate(f"not issued by an accepted authority: {names.rfc4514(certificate.issuer)}")

    def _candidates(self, certificate: x509.Certificate) -> tuple[Authority, ...]:
        by_key = self._by_key.get(_authority_key_identifier(certificate) or b"")
        return (by_key,) if by_key else self._by_name.get(certificate.issuer.public_bytes(), ())

    def _check_revocation(self, certificate: x509.Certificate, authority: Authority, now: datetime) -> None:
        name = authority.name.common_name
        root = self._revocations.get(_authority_key_identifier(authority.certificate) or b"")
        if root and root.has(authority.certificate.serial_number):
            raise UntrustedCertificate(f"revoked by its root: {name}")
        revocations = self._revocations.get(key_identifier(authority.certificate))
        if revocations is None:
            raise UntrustedCertificate(f"no CRL of {name}")
        if now > revocations.next_update + self.crl_grace:
            raise UntrustedCertificate(f"the CRL of {name} is past its nextUpdate {revocations.next_update} and grace")
        if revocations.has(certificate.serial_number):
            raise UntrustedCertificate(f"revoked: serial {certificate.serial_number:X} of {name}")

    def _crl_issuer(self, crl: x509.CertificateRevocationList) -> Authority:
        for authority in (*self.authorities, *self.roots):
            public_key = authority.certificate.public_key()
            if (
                isinstance(public_key, rsa.RSAPublicKey)
                and crl.issuer == authority.certificate.subject
                and isinstance(crl.signature_hash_algorithm, _ACCEPTED_HASHES)
                and crl.is_signature_valid(public_key)
            ):
                return authority
        raise InvalidTrustAnchors(f"CRL d’aucune autorité connue, ou mal signée : {names.rfc4514(crl.issuer)}")


def key_identifier(certificate: x509.Certificate) -> bytes:
    """The subject key identifier of an authority, 20 bytes.

    Raises:
        ValueError: the certificate has none.
    """
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound as error:
        raise ValueError("no subjectKeyIdentifier") from error


def _authority_key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None


@lru_cache(maxsize=2000)
def _check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """See that an issuer signed a certificate, of a holder; that it is so is remembered, that it is not never is.

    Raises:
        ValueError, TypeError, InvalidSignature: The issuer did not sign it.
        UntrustedCertificate: It is not a holder's.
    """
    certificate.verify_directly_issued_by(issuer)
    _check_holder(certificate)


def _check_holder(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            raise UntrustedCertificate(f"unknown critical extension {extension.oid.dotted_string}")
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise UntrustedCertificate("the certificate of an authority, not of a holder")
    _check_algorithms(certificate)


def _check_algorithms(certificate: x509.Certificate) -> None:
    try:
        public_key = certificate.public_key()
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm as error:
        raise UntrustedCertificate(f"unsupported algorithm: {error}") from error
    if not isinstance(public_key, rsa.RSAPublicKey) or public_key.key_size < MIN_RSA_BITS:
        raise UntrustedCertificate(f"not an RSA key of {MIN_RSA_BITS} bits or more")
    if not isinstance(algorithm, _ACCEPTED_HASHES):
        raise UntrustedCertificate(f"signed with {algorithm.name if algorithm else 'an unknown hash'}")


def _check_dates(certificate: x509.Certificate, now: datetime) -> None:
    # Validity counts whole seconds and includes the last one (RFC 5280 §4.1.2.5).
    second = now.replace(microsecond=0)
    if not certificate.not_valid_before_utc <= second <= certificate.not_valid_after_utc:
        raise UntrustedCertificate(
            f"outside its validity, {certificate.not_valid_before_utc} to {certificate.not_valid_after_utc}: "
            f"{names.rfc4514(certificate.subject)}"
        )


def _root(certificate: x509.Certificate, now: datetime) -> Authority:
    return _authority(certificate, issuer=certificate, now=now, root=True)


def _intermediate(certificate: x509.Certificate, roots: tuple[Authority, ...], now: datetime) -> Authority:
    for root in roots:
        if root.certificate.subject == certificate.issuer:
            authority = _authority(certificate, issuer=root.certificate, now=now, root=False)
            if authority.name.root != root.name:
                break
            return authority
    raise InvalidTrustAnchors(f"sa racine manque : {names.rfc4514(certificate.subject)}")


def _authority(certificate: x509.Certificate, *, issuer: x509.Certificate, now: datetime, root: bool) -> Authority:
    subject = names.rfc4514(certificate.subject)
    try:
        name = by_common_name(names.first(certificate.subject, NameOID.COMMON_NAME) or "")
    except KeyError as error:
        raise InvalidTrustAnchors(f"ce n’est pas une autorité de l’IGC-Santé : {subject}") from error
    if name.is_root is not root:
        raise InvalidTrustAnchors(f"une racine est parmi les autorités, ou l’inverse : {subject}")
    checks: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: _check_ca_extensions(certificate), "ce n’est pas le certificat d’une autorité"),
        (lambda: _check_algorithms(certificate), "sa clé ou l’algorithme de sa signature n’est pas admis"),
        (lambda: _check_dates(certificate, now), "il n’est pas dans sa période de validité"),
        (lambda: certificate.verify_directly_issued_by(issuer), "sa signature n’est pas celle de sa racine"),
    )
    for check, fault in checks:
        try:
            check()
        except (UntrustedCertificate, InvalidSignature, ValueError, TypeError) as error:
            raise InvalidTrustAnchors(f"{fault} : {subject}") from error
    return Authority(certificate=certificate, name=name)


def _check_ca_extensions(certificate: x509.Certificate) -> None:
    """Every certificate here is a root or right below one, so any pathLen is long enough."""
    key_identifier(certificate)
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as error:
        raise ValueError(f"no {error.oid.dotted_string}") from error
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise ValueError("not the certificate of an authority")


def _revocations(crl: x509.CertificateRevocationList) -> _Revocations:
    issuer = names.rfc4514(crl.issuer)
    number = 0
    for extension in crl.extensions:
        if isinstance(extension.value, x509.CRLNumber):
            number = extension.value.crl_number
        elif extension.critical:
            raise InvalidTrustAnchors(f"CRL delta ou partielle : {issuer} ({extension.oid.dotted_string})")
    if crl.next_update_utc is None:
        raise InvalidTrustAnchors(f"CRL sans nextUpdate : {issuer}")
    serials = frozenset(revoked.serial_number for revoked in crl)
    return _Revocations((number, crl.last_update_utc), crl.next_update_utc, serials)
