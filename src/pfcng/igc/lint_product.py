"""What a product's certificate must say, from the request alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import idna
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import UniformResourceIdentifier as Uri
from cryptography.x509.oid import (
    AuthorityInformationAccessOID as Aia,
    ExtendedKeyUsageOID as Eku,
    ExtensionOID,
    NameOID,
)

from pfcng.contract.catalogue import Environment, Offre, Usage
from pfcng.igc import builder
from pfcng.igc.lint import (
    Findings,
    GuardedKey,
    UnfitToSign,
    check_dates,
    check_extensions,
    check_head,
    check_issuer,
    check_key,
    extended_usages,
    key_usages,
    parse_certificate,
    points,
    value,
)
from pfcng.igc.requests import CertificateRequest, OrganisationIdentity, OrganisationSubject, PersonSubject
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, Gamme, Population
from pfcng.pki.private_extensions import PRODUCT_CATEGORY, PROFESSION, PROFESSION_EN_FORMATION, SAVOIR_FAIRE
from pfcng.pki.products import MAX_ORGANISATION, PRODUCTION_POLICIES

_YEARS: Final = 3
_TEST_POLICY: Final = "1.2.250.1.213.1.7.2.1.1.1.1"
_CATEGORY: Final = {Environment.TEST: b"\x04\x01\x83", Environment.PRODUCTION: b"\x04\x01\x03"}
_PERSONS: Final = frozenset({Offre.PS, Offre.PRO})
_ENCIPHERS: Final = frozenset({Usage.SSL_SERV, Usage.SMIME})

_EXTENDED: Final = {
    Usage.AUTH_CLI: [Eku.CLIENT_AUTH],
    Usage.AUTH: [Eku.CLIENT_AUTH],
    Usage.SIGN: [Eku.EMAIL_PROTECTION],
    Usage.CONF: [Eku.EMAIL_PROTECTION, Eku.ANY_EXTENDED_KEY_USAGE],
    Usage.SSL_SERV: [Eku.SERVER_AUTH, Eku.CLIENT_AUTH],
    Usage.SMIME: [Eku.EMAIL_PROTECTION],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What was committed before the signature: everything that goes into the certificate.

    Attributes:
        request: What was asked.
        issuer: The certificate of the authority that signs.
        serial: The one that was reserved.
        not_before: The first second.
        urls: Where the authority publishes.
    """

    request: CertificateRequest
    issuer: x509.Certificate
    serial: int
    not_before: datetime
    urls: PublicationUrls

    @property
    def authority(self) -> AuthorityName:
        """Who signs the product."""
        return AuthorityName(
            environment=self.request.environment,
            gamme=Gamme.ELEMENTAIRE,
            population=Population.PERSONNES if self.request.product.offre in _PERSONS else Population.ORGANISATIONS,
        )


def guarded(key: rsa.RSAPrivateKey, intent: Intent) -> GuardedKey:
    """The authority's key, for that certificate and no other."""
    return GuardedKey(key, partial(lint_product, intent=intent))


def lint_product(tbs: bytes, intent: Intent) -> list[str]:
    """What is wrong with a product's certificate."""
    try:
        certificate = parse_certificate(tbs)
    except UnfitToSign as error:
        return list(error.findings)
    checks: tuple[Callable[[x509.Certificate, Intent], Findings], ...] = (_identity, _usages, _addresses, _private)
    return [
        *check_head(tbs, intent.serial),
        *check_issuer(certificate, intent.issuer),
        *check_dates(certificate, intent.not_before, _last_second(intent.not_before)),
        *check_key(certificate, load_der_public_key(intent.request.spki)),
        *check_extensions(certificate, _expected_extensions(intent.request), [ExtensionOID.KEY_USAGE]),
        *(finding for check in checks for finding in check(certificate, intent)),
    ]


def _last_second(first: datetime) -> datetime:
    """Three years later by the calendar; a 29 February has no such day, and ends the day before."""
    leap_day = (first.month, first.day) == (2, 29)
    return first.replace(year=first.year + _YEARS, day=28 if leap_day else first.day)


def _expected_extensions(request: CertificateRequest) -> list[x509.ObjectIdentifier]:
    return [
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
        ExtensionOID.CERTIFICATE_POLICIES,
        *([ExtensionOID.PRIVATE_KEY_USAGE_PERIOD] if request.product.usage is Usage.SIGN else []),
        *([ExtensionOID.SUBJECT_ALTERNATIVE_NAME] if request.fqdn or request.mail_sujet or request.upn else []),
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.FRESHEST_CRL,
        ExtensionOID.KEY_USAGE,
        PRODUCT_CATEGORY,
        *(oid for oid, _ in _profession(request)),
        ExtensionOID.BASIC_CONSTRAINTS,
    ]


def _identity(certificate: x509.Certificate, intent: Intent) -> Findings:
    """Who it is of, and under which authority."""
    if names.first(certificate.issuer, NameOID.COMMON_NAME) != intent.authority.common_name:
        yield f"the issuer is not {intent.authority.common_name}"
    if certificate.subject.public_bytes() != names.build(*_subject(intent.request)).public_bytes():
        yield "the subject is another"
    if list(value(certificate, x509.SubjectAlternativeName) or ()) != _asked_names(intent.request):
        yield "the alternative names are others"


def _usages(certificate: x509.Certificate, intent: Intent) -> Findings:
    """What the key may do, for how long, and that it is no authority's."""
    request, usage = intent.request, intent.request.product.usage
    logon = [Eku.SMARTCARD_LOGON] if usage is Usage.AUTH and request.upn else []
    if extended_usages(certificate) != _EXTENDED[usage] + logon:
        yield "the extended key usages are others"
    if key_usages(certificate) != _asked_usages(request):
        yield "the key usages are others"
    period = value(certificate, x509.PrivateKeyUsagePeriod)
    whole = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    if period and (period.not_before, period.not_after) != tuple(date.replace(tzinfo=None) for date in whole):
        yield "the usage period is not the validity"
    if value(certificate, x509.BasicConstraints) != x509.BasicConstraints(ca=False, path_length=None):
        yield "the basic constraints are not a holder's"


def _addresses(certificate: x509.Certificate, intent: Intent) -> Findings:
    """Where the authority publishes, and its policy."""
    urls, authority = intent.urls, intent.authority
    access = [
        (one.access_method, one.access_location) for one in value(certificate, x509.AuthorityInformationAccess) or ()
    ]
    if access != [(Aia.OCSP, Uri(urls.ocsp)), (Aia.CA_ISSUERS, Uri(urls.issuer(authority)))]:
        yield "the authority's addresses are others"
    crls = [[Uri(urls.crl(authority))], [Uri(urls.directory_crl(authority))]]
    if points(value(certificate, x509.CRLDistributionPoints)) != crls:
        yield "the CRL's addresses are others"
    if points(value(certificate, x509.FreshestCRL)) != [[Uri(urls.directory_delta_crl(authority))]]:
        yield "the delta CRL's address is another"
    policies = [
        (one.policy_identifier.dotted_string, one.policy_qualifiers)
        for one in value(certificate, x509.CertificatePolicies) or ()
    ]
    if policies != [(_policy(intent.request), [urls.policies(authority)])]:
        yield "the policy is another"


def _private(certificate: x509.Certificate, intent: Intent) -> Findings:
    """The category of the product, and the profession."""
    found = [
        (extension.oid, extension.value.value)
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    ]
    if found != [(PRODUCT_CATEGORY, _CATEGORY[intent.request.environment]), *_profession(intent.request)]:
        yield "the private extensions are others"


def _policy(request: CertificateRequest) -> str:
    if request.environment is Environment.TEST:
        return _TEST_POLICY
    return PRODUCTION_POLICIES[request.product].dotted_string


def _asked_usages(request: CertificateRequest) -> set[str]:
    """A signature commits, and an organisation's also authenticates; what is enciphered is a key."""
    usage = request.product.usage
    if usage is Usage.SIGN:
        return (
            {"content_commitment"} if request.product.offre in _PERSONS else {"content_commitment", "digital_signature"}
        )
    if usage is Usage.CONF:
        return {"key_encipherment"}
    return {"digital_signature", "key_encipherment"} if usage in _ENCIPHERS else {"digital_signature"}


def _subject(request: CertificateRequest) -> list[tuple[names.Part, ...]]:
    subject = request.subject
    country: tuple[names.Part, ...] = ((NameOID.COUNTRY_NAME, "FR"),)
    if isinstance(subject, OrganisationSubject):
        return [country, *_structure(subject), ((NameOID.COMMON_NAME, subject.common_name),)]
    person = (
        (NameOID.GIVEN_NAME, subject.prenom),
        (NameOID.COMMON_NAME, subject.id_nat),
        (NameOID.SURNAME, subject.nom),
    )
    structure = _structure(subject.organisation) if subject.organisation else []
    return [country, *structure, ((NameOID.TITLE, subject.title),), person]


def _structure(organisation: OrganisationIdentity | OrganisationSubject) -> list[tuple[names.Part, ...]]:
    return [
        ((NameOID.STATE_OR_PROVINCE_NAME, organisation.departement_label),),
        ((NameOID.ORGANIZATION_NAME, organisation.raison_sociale[:MAX_ORGANISATION]),),
        ((NameOID.ORGANIZATIONAL_UNIT_NAME, organisation.id_nat_struct),),
    ]


def _asked_names(request: CertificateRequest) -> list[x509.GeneralName]:
    mail = [x509.RFC822Name(_ascii(request.mail_sujet))] if request.mail_sujet else []
    upn = [builder.upn_name(request.upn)] if request.upn else []
    return [*map(x509.DNSName, request.fqdn), *mail, *upn]


def _ascii(address: str) -> str:
    """The domain in A-labels, as certificates write it (RFC 5280 §4.2.1.6)."""
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{idna.encode(domain, uts46=True).decode()}"


def _profession(request: CertificateRequest) -> list[tuple[x509.ObjectIdentifier, bytes]]:
    subject = request.subject
    if not isinstance(subject, PersonSubject):
        return []
    codes = ((PROFESSION, subject.profession_code), (PROFESSION_EN_FORMATION, subject.formation_code))
    found = [(oid, builder.integer(code)) for oid, code in codes if code is not None]
    if subject.savoir_faire:
        found.append((SAVOIR_FAIRE, builder.utf8_strings(subject.savoir_faire)))
    return found
