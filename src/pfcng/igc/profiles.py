"""The thirteen products as certificates: usages, subject, names, policy, private extensions.

What was read in real certificates is certain; what is only inferred from a neighbouring profile is marked [I].
Source: guide §7.1, §14.1 table 11.
"""

from collections.abc import Iterable
from datetime import datetime

import idna
from cryptography import x509
from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment, Offre, Usage
from pfcng.igc import builder
from pfcng.igc.builder import Holder
from pfcng.igc.requests import CertificateRequest, OrganisationIdentity, OrganisationSubject, PersonSubject
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names, private_extensions
from pfcng.pki.authorities import AuthorityName, Gamme, Population, find
from pfcng.pki.products import (
    AUTH_UPN,
    MAX_ORGANISATION,
    PRODUCTION_POLICIES,
    SOFTWARE,
    TEST_POLICY,
    USAGES,
    Usages,
)


def issuing_authority(request: CertificateRequest) -> AuthorityName:
    """Who signs the product: persons and organisations have an authority each."""
    is_person = request.product.offre in {Offre.PS, Offre.PRO}
    population = Population.PERSONNES if is_person else Population.ORGANISATIONS
    return find(request.environment, Gamme.ELEMENTAIRE, population)


def subject_name(request: CertificateRequest) -> x509.Name:
    """The subject's DN.

    Raises:
        ValueError: a value that no DN can hold (a CN over 64 bytes of UTF-8).
    """
    subject = request.subject
    if isinstance(subject, PersonSubject):
        return person_name(subject)
    return organisation_name(subject, subject.common_name)


def person_name(person: PersonSubject) -> x509.Name:
    """The DN of a person: C, [ST, O, OU of the structure,] title, and one RDN of given name, identifier and name."""
    return names.build(
        ((NameOID.COUNTRY_NAME, "FR"),),
        *(_organisation_rdns(person.organisation) if person.organisation else ()),
        ((NameOID.TITLE, person.title),),
        (
            (NameOID.GIVEN_NAME, person.prenom),
            (NameOID.COMMON_NAME, person.id_nat),
            (NameOID.SURNAME, person.nom),
        ),
    )


def organisation_name(organisation: OrganisationIdentity | OrganisationSubject, common_name: str) -> x509.Name:
    """The DN of an application or a server: C, ST, O, OU, CN."""
    return names.build(
        ((NameOID.COUNTRY_NAME, "FR"),),
        *_organisation_rdns(organisation),
        ((NameOID.COMMON_NAME, common_name),),
    )


def certificate_builder(
    request: CertificateRequest,
    *,
    issuer: x509.Certificate,
    serial: int,
    not_before: datetime,
    urls: PublicationUrls,
) -> x509.CertificateBuilder:
    """The product's certificate, ready to be signed; the same arguments give the same bytes.

    Args:
        request: What is asked.
        issuer: Certificate of the request's `issuing_authority`.
        serial: Positive.
        not_before: Aware; its whole second begins three years of validity.
        urls: Where the authority publishes.

    Raises:
        ValueError: the request has a name that X.509 cannot hold, or the issuer is another authority.
    """
    authority = issuing_authority(request)
    if names.first(issuer.subject, NameOID.COMMON_NAME) != authority.common_name:
        raise ValueError(f"{request.product.label} is signed by {authority.common_name}")
    return builder.build(holder(request), issuer=issuer, serial=serial, not_before=not_before, urls=urls)


def holder(request: CertificateRequest) -> Holder:
    """What the product's profile makes of a request.

    Raises:
        ValueError: the request has a name that X.509 cannot hold.
    """
    is_test = request.environment is Environment.TEST
    return Holder(
        authority=issuing_authority(request),
        subject=subject_name(request),
        spki=request.spki,
        usages=_usages(request),
        policy=TEST_POLICY if is_test else PRODUCTION_POLICIES[request.product],
        names=tuple(_alternative_names(request)),
        category=SOFTWARE[request.environment],
        private=person_extensions(request.subject) if isinstance(request.subject, PersonSubject) else (),
    )


def person_extensions(person: PersonSubject) -> tuple[tuple[x509.ObjectIdentifier, bytes], ...]:
    """What a professional's certificate tells of the profession; nothing for an employee."""
    extensions: list[tuple[x509.ObjectIdentifier, bytes]] = []
    if person.profession_code is not None:
        extensions.append((private_extensions.PROFESSION, builder.integer(person.profession_code)))
    if person.formation_code is not None:
        extensions.append((private_extensions.PROFESSION_EN_FORMATION, builder.integer(person.formation_code)))
    if person.savoir_faire:
        extensions.append((private_extensions.SAVOIR_FAIRE, builder.utf8_strings(person.savoir_faire)))
    return tuple(extensions)


def _usages(request: CertificateRequest) -> Usages:
    if request.product.usage is Usage.AUTH and request.upn:
        return AUTH_UPN
    return USAGES[request.product]


def _organisation_rdns(
    organisation: OrganisationIdentity | OrganisationSubject,
) -> tuple[tuple[names.Part, ...], ...]:
    return (
        ((NameOID.STATE_OR_PROVINCE_NAME, organisation.departement_label),),
        ((NameOID.ORGANIZATION_NAME, organisation.raison_sociale[:MAX_ORGANISATION]),),
        ((NameOID.ORGANIZATIONAL_UNIT_NAME, organisation.id_nat_struct),),
    )


def _alternative_names(request: CertificateRequest) -> Iterable[x509.GeneralName]:
    yield from map(x509.DNSName, request.fqdn)
    if request.mail_sujet:
        yield _mail_name(request.mail_sujet)
    if request.upn:
        yield builder.upn_name(request.upn)


def _mail_name(address: str) -> x509.RFC822Name:
    """An address with its domain in A-labels (RFC 5280 §4.2.1.6); the local part must be ASCII."""
    local, _, domain = address.rpartition("@")
    return x509.RFC822Name(f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}")
