"""A root, an authority and a holder whose certificates point to a server, and what that server may answer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.igc.profiles import certificate_builder
from pfcng.igc.serials import random_serial
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import EMULATEUR, AuthorityName, Gamme, Population, find
from pfcng.pki.products import key_usage
from support.certificate_requests import request_for

DAY = timedelta(days=1)
AUTHORITY = find(Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPki:
    """Three certificates, their keys, and the instant at which they are valid."""

    root: x509.Certificate
    authority: x509.Certificate
    authority_key: rsa.RSAPrivateKey
    holder: x509.Certificate
    holder_key: rsa.RSAPrivateKey
    now: datetime

    def crl(
        self,
        *,
        revoked: bool = False,
        next_update: datetime | None = None,
        key: rsa.RSAPrivateKey | None = None,
        reason: x509.ReasonFlags | None = None,
    ) -> bytes:
        """A CRL of the authority, DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.authority.subject)
            .last_update(self.now - DAY)
            .next_update(next_update or self.now + 6 * DAY)
        )
        if revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(self.holder.serial_number)
            entry = entry.revocation_date(self.now - DAY)
            if reason:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(key or self.authority_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(
        self,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        *,
        key: rsa.RSAPrivateKey | None = None,
        signer: x509.Certificate | None = None,
        this_update: datetime | None = None,
        about: x509.Certificate | None = None,
    ) -> bytes:
        """An answer of a responder, DER; the authority's own unless a signer is given."""
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        this_update = this_update or self.now
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=about or self.holder,
                issuer=self.authority,
                algorithm=hashes.SHA1(),  # noqa: S303 - names the issuer
                cert_status=status,
                this_update=this_update,
                next_update=this_update + DAY,
                revocation_time=self.now - DAY if revoked else None,
                revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer or self.authority)
        )
        if signer:
            builder = builder.certificates([signer])
        return builder.sign(key or self.authority_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def responder(self, key: rsa.RSAPrivateKey, *, certified: bool = True) -> x509.Certificate:
        """A responder's certificate by the authority, for OCSP when it is certified for that."""
        usage = ExtendedKeyUsageOID.OCSP_SIGNING if certified else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(self.authority.subject, self.authority.subject, key, self.now)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self.authority_key, hashes.SHA256())


def make_published_pki(url: str, *, not_before: datetime | None = None) -> PublishedPki:
    """Make the three certificates; ``url`` is where the holder's says that everything is published."""
    now = datetime.now(UTC).replace(microsecond=0)
    root_key, authority_key, holder_key = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    root = _authority(AUTHORITY.root, root_key, AUTHORITY.root, root_key, now)
    authority = _authority(AUTHORITY, authority_key, AUTHORITY.root, root_key, now)
    request = request_for(Product(Offre.ORG, Usage.AUTH_CLI), Environment.TEST, holder_key)
    builder = certificate_builder(
        request,
        issuer=authority,
        serial=random_serial(),
        not_before=not_before or now - DAY,
        urls=PublicationUrls(http=url, ldap="ldap://localhost", ocsp=f"{url}/ocsp"),
    )
    holder = builder.sign(authority_key, hashes.SHA256())
    return PublishedPki(
        root=root, authority=authority, authority_key=authority_key, holder=holder, holder_key=holder_key, now=now
    )


def crl_path() -> str:
    """Where the authority's CRL is published."""
    return PublicationUrls(http="").crl(AUTHORITY)


def issuer_path() -> str:
    """Where the authority's certificate is published."""
    return PublicationUrls(http="").issuer(AUTHORITY)


def _authority(
    name: AuthorityName, key: rsa.RSAPrivateKey, issuer: AuthorityName, issuer_key: rsa.RSAPrivateKey, now: datetime
) -> x509.Certificate:
    builder = _builder(name.distinguished_name(EMULATEUR), issuer.distinguished_name(EMULATEUR), key, now - 365 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, not_before: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(random_serial())
        .not_valid_before(not_before - DAY)
        .not_valid_after(not_before + 3650 * DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
