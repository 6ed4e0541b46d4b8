"""The thirteen products against what real certificates of the IGC-Santé look like.

The expectations are written out, values and bytes, and share nothing with the code.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pfcng.contract.catalogue import PRODUCTS, Environment, Product
from pfcng.igc.builder import not_after
from pfcng.igc.profiles import certificate_builder, issuing_authority, subject_name
from pfcng.igc.requests import CertificateRequest, OrganisationSubject, PersonSubject
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AuthorityName
from support.certificate_requests import request_for, spki

NOT_BEFORE = datetime(2025, 4, 25, 9, 15, 10, tzinfo=UTC)
SERIAL = 0x740A325D74047302EC6958BB1A0BFF4C
ENVIRONMENTS = tuple(Environment)
EVERY = pytest.mark.parametrize(
    ("product", "environment"),
    [(product, environment) for product in PRODUCTS for environment in ENVIRONMENTS],
    ids=lambda value: value.label if isinstance(value, Product) else str(value),
)

EKU, AKI, AIA, CP, PKUP, SAN, CDP, SKI, FRESHEST, KU, BC = (
    "2.5.29.37",
    "2.5.29.35",
    "1.3.6.1.5.5.7.1.1",
    "2.5.29.32",
    "2.5.29.16",
    "2.5.29.17",
    "2.5.29.31",
    "2.5.29.14",
    "2.5.29.46",
    "2.5.29.15",
    "2.5.29.19",
)
CATEGORY, PROFESSION, SAVOIR_FAIRE = "1.2.250.1.71.1.2.5", "1.2.250.1.71.1.2.7", "1.2.250.1.71.4.2.5"
SERVER_AUTH, CLIENT_AUTH, MAIL = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"
ANY_USE, LOGON = "2.5.29.37.0", "1.3.6.1.4.1.311.20.2.2"
SIGN_AND_COMMIT, SIGN, COMMIT, ENCIPHER, SIGN_AND_ENCIPHER = "030206c0", "03020780", "03020640", "03020520", "030205a0"

ORGANISATIONS = ("ACI-EL-ORG", "ELEMENTAIRE ORGANISATIONS")
PERSONNES = ("ACI-EL-PP", "ELEMENTAIRE PERSONNES")
DNS = [x509.DNSName("un.hopital.example"), x509.DNSName("deux.hopital.example")]
MAIL_NAME = [x509.RFC822Name("service@hopital.example")]
UPN = [x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x16durand@hopital.example")]


@dataclass(frozen=True)
class Expected:
    key_usage: str
    extended: list[str]
    authority: tuple[str, str]
    production_policy: str
    names: Sequence[x509.GeneralName]
    has_period: bool = False


_ARC = "1.2.250.1.213.1.7.1.1"
EXPECTED = {
    "ORG_AUTH_CLI": Expected(SIGN, [CLIENT_AUTH], ORGANISATIONS, f"{_ARC}.2.4.1", []),
    "ORG_SIGN": Expected(SIGN_AND_COMMIT, [MAIL], ORGANISATIONS, f"{_ARC}.2.3.1", [], has_period=True),
    "ORG_CONF": Expected(ENCIPHER, [MAIL, ANY_USE], ORGANISATIONS, f"{_ARC}.2.6.1", []),
    "SERV_SSL_SERV": Expected(SIGN_AND_ENCIPHER, [SERVER_AUTH, CLIENT_AUTH], ORGANISATIONS, f"{_ARC}.2.5.1", DNS),
    "SERV_SIGN": Expected(SIGN_AND_COMMIT, [MAIL], ORGANISATIONS, f"{_ARC}.2.7.1", MAIL_NAME, has_period=True),
    "SERV_S/MIME": Expected(SIGN_AND_ENCIPHER, [MAIL], ORGANISATIONS, f"{_ARC}.2.8.1", MAIL_NAME),
    "SERV_CONF": Expected(ENCIPHER, [MAIL, ANY_USE], ORGANISATIONS, f"{_ARC}.2.9.1", MAIL_NAME),
    "PS_AUTH": Expected(SIGN, [CLIENT_AUTH, LOGON], PERSONNES, f"{_ARC}.1.1.1", UPN),
    "PS_SIGN": Expected(COMMIT, [MAIL], PERSONNES, f"{_ARC}.1.2.1", MAIL_NAME, has_period=True),
    "PS_CONF": Expected(ENCIPHER, [MAIL, ANY_USE], PERSONNES, f"{_ARC}.1.3.1", MAIL_NAME),
    "PRO_AUTH": Expected(SIGN, [CLIENT_AUTH, LOGON], PERSONNES, f"{_ARC}.1.4.1", UPN),
    "PRO_SIGN": Expected(COMMIT, [MAIL], PERSONNES, f"{_ARC}.1.5.1", MAIL_NAME, has_period=True),
    "PRO_CONF": Expected(ENCIPHER, [MAIL, ANY_USE], PERSONNES, f"{_ARC}.1.6.1", MAIL_NAME),
}


class Issuing:
    """Signs requests as the authority does."""

    def __init__(
        self, issuers: Mapping[AuthorityName, x509.Certificate], issuer_key: rsa.RSAPrivateKey, key: rsa.RSAPrivateKey
    ) -> None:
        self.issuers = issuers
        self.issuer_key = issuer_key
        self.key = key

    def request(self, label: str, environment: Environment = Environment.TEST) -> CertificateRequest:
        product = next(product for product in PRODUCTS if product.label == label)
        return request_for(product, environment, self.key)

    def issue(self, request: CertificateRequest, *, not_before: datetime = NOT_BEFORE) -> x509.Certificate:
        builder = certificate_builder(
            request,
            issuer=self.issuers[issuing_authority(request)],
            serial=SERIAL,
            not_before=not_before,
            urls=PublicationUrls(),
        )
        return builder.sign(self.issuer_key, hashes.SHA256())


@pytest.fixture(scope="session")
def issuing(
    issuers: Mapping[AuthorityName, x509.Certificate], issuer_key: rsa.RSAPrivateKey, holder_key: rsa.RSAPrivateKey
) -> Issuing:
    return Issuing(issuers, issuer_key, holder_key)


def value_of(certificate: x509.Certificate, oid: str) -> bytes:
    return certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value.public_bytes()


@EVERY
def test_extensions_are_in_the_order_of_the_engine_of_2023(
    issuing: Issuing, product: Product, environment: Environment
) -> None:
    """As ORG_AUTH_CLI of 2025 has them; the others' extensions between policy and CRLs, and before BC."""
    expected = EXPECTED[product.label]
    certificate = issuing.issue(request_for(product, environment, issuing.key))
    order = [
        *(EKU, AKI, AIA, CP),
        *([PKUP] if expected.has_period else []),
        *([SAN] if expected.names else []),
        *(CDP, SKI, FRESHEST, KU, CATEGORY),
        *([PROFESSION, SAVOIR_FAIRE] if expected.authority is PERSONNES else []),
        BC,
    ]
    assert [extension.oid.dotted_string for extension in certificate.extensions] == order
    assert [extension.oid.dotted_string for extension in certificate.extensions if extension.critical] == [KU]


@EVERY
def test_usages_and_names_are_those_of_the_product(
    issuing: Issuing, product: Product, environment: Environment
) -> None:
    """Guide §7.1; key usage byte for byte, extended usages and alternative names in order."""
    expected = EXPECTED[product.label]
    certificate = issuing.issue(request_for(product, environment, issuing.key))
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert value_of(certificate, KU).hex() == expected.key_usage
    assert [oid.dotted_string for oid in extended] == expected.extended
    assert value_of(certificate, BC).hex() == "3000"
    if expected.names:
        assert list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == expected.names


@EVERY
def test_places_of_publication_are_the_real_ones(issuing: Issuing, product: Product, environment: Environment) -> None:
    """CRLs by http and ldap, delta CRL, OCSP, authority: as decoded from certificates of both environments."""
    stem, authority = EXPECTED[product.label].authority
    test = environment is Environment.TEST
    prefix, space, suffix = ("TEST ", "%20TEST", "-TEST") if test else ("", "", "")
    certificate = issuing.issue(request_for(product, environment, issuing.key))
    entry = (
        f"ldap://annuaire-igc.esante.gouv.fr/cn={prefix}AC IGC-SANTE {authority},"
        f"ou={prefix}AC RACINE IGC-SANTE ELEMENTAIRE,ou=IGC-SANTE{space},ou=0002 187512751,o=ASIP-SANTE,c=FR"
    ).replace(" ", "%20")
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert uris(certificate, x509.CRLDistributionPoints) == [
        f"http://igc-sante.esante.gouv.fr/CRL/{stem}{suffix}.crl",
        f"{entry}?certificaterevocationlist;binary?base?objectClass=pkiCA",
    ]
    assert uris(certificate, x509.FreshestCRL) == [f"{entry}?deltarevocationlist;binary?base?objectClass=pkiCA"]
    assert [(one.access_method.dotted_string, one.access_location.value) for one in access] == [
        ("1.3.6.1.5.5.7.48.1", "http://ocsp.esante.gouv.fr"),
        ("1.3.6.1.5.5.7.48.2", f"http://igc-sante.esante.gouv.fr/AC{space}/{stem}{suffix}.cer"),
    ]


def uris(
    certificate: x509.Certificate, extension: type[x509.CRLDistributionPoints] | type[x509.FreshestCRL]
) -> list[str]:
    points = certificate.extensions.get_extension_for_class(extension).value
    return [name.value for point in points for name in point.full_name or []]


@EVERY
def test_policy_and_category_tell_the_environment(issuing: Issuing, product: Product, environment: Environment) -> None:
    """One policy for all of TEST, one for each product of PRODUCTION; 1.2.250.1.71.1.2.5 is 0x83 or 0x03."""
    test = environment is Environment.TEST
    certificate = issuing.issue(request_for(product, environment, issuing.key))
    (policy,) = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    oid = "1.2.250.1.213.1.7.2.1.1.1.1" if test else EXPECTED[product.label].production_policy
    assert policy.policy_identifier.dotted_string == oid
    assert policy.policy_qualifiers == [f"http://igc-sante.esante.gouv.fr/PC{'%20TEST' if test else ''}"]
    assert value_of(certificate, CATEGORY).hex() == ("040183" if test else "040103")


@EVERY
def test_issuer_keys_and_serial_are_as_told(issuing: Issuing, product: Product, environment: Environment) -> None:
    """SHA-256 with RSA, keyid alone in the AKI, SKI of the holder's key, the serial of 16 bytes."""
    request = request_for(product, environment, issuing.key)
    certificate = issuing.issue(request)
    issuer = issuing.issuers[issuing_authority(request)]
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    prefix = "TEST " if environment is Environment.TEST else ""
    assert certificate.issuer.rfc4514_string() == (
        f"CN={prefix}AC IGC-SANTE {EXPECTED[product.label].authority[1]},"
        f"OU=IGC-SANTE{' TEST' if prefix else ''},OU=0002 187512751,O=ASIP-SANTE,C=FR"
    )
    assert value_of(certificate, AKI) == b"\x30\x16\x80\x14" + own
    assert value_of(certificate, SKI)[2:] == x509.SubjectKeyIdentifier.from_public_key(issuing.key.public_key()).digest
    assert certificate.serial_number == SERIAL
    assert certificate.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.11"
    certificate.verify_directly_issued_by(issuer)


@EVERY
def test_period_of_use_is_the_validity(issuing: Issuing, product: Product, environment: Environment) -> None:
    """Signature products alone have a privateKeyUsagePeriod; since 2021 it is the validity."""
    certificate = issuing.issue(request_for(product, environment, issuing.key))
    assert certificate.not_valid_before_utc == NOT_BEFORE
    assert certificate.not_valid_after_utc == datetime(2028, 4, 25, 9, 15, 10, tzinfo=UTC)
    if EXPECTED[product.label].has_period:
        assert value_of(certificate, PKUP).hex() == (
            "3022800f" + b"20250425091510Z".hex() + "810f" + b"20280425091510Z".hex()
        )


def test_organisation_dn_is_that_of_a_real_certificate(issuing: Issuing) -> None:
    """ORG and SERV: C Printable, the rest UTF8String, in the order C, ST, O, OU, CN, one value an RDN."""
    subject = OrganisationSubject(
        departement_label="Rhône (69)",
        raison_sociale="CENTRE DE SANTE RPPS22163",
        id_nat_struct="10B0221636",
        common_name="INSI-MANU",
    )
    assert dn(replace(issuing.request("ORG_AUTH_CLI"), subject=subject)) == [
        [("55 04 06", "13", "FR")],
        [("55 04 08", "0c", "Rhône (69)")],
        [("55 04 0a", "0c", "CENTRE DE SANTE RPPS22163")],
        [("55 04 0b", "0c", "10B0221636")],
        [("55 04 03", "0c", "INSI-MANU")],
    ]


def test_person_dn_has_one_rdn_of_three_values_in_der_order() -> None:
    """PS: title, then given name, identifier and name in one set, sorted by their bytes as in real certificates."""
    assert person_dn("CECILE", "899700075064", "SAGECH0007506") == [
        [("55 04 06", "13", "FR")],
        [("55 04 0c", "0c", "Sage-Femme")],
        [("55 04 2a", "0c", "CECILE"), ("55 04 03", "0c", "899700075064"), ("55 04 04", "0c", "SAGECH0007506")],
    ]
    assert [value for _, _, value in person_dn("MAX", "899900063480", "LIBRE")[2]] == ["MAX", "LIBRE", "899900063480"]


def person_dn(prenom: str, id_nat: str, nom: str) -> list[list[tuple[str, str, str]]]:
    person = PersonSubject(id_nat=id_nat, nom=nom, prenom=prenom, title="Sage-Femme", profession_code=50)
    product = next(product for product in PRODUCTS if product.label == "PS_SIGN")
    return dn(CertificateRequest(environment=Environment.TEST, product=product, spki=b"", subject=person))


def test_pro_dn_is_that_of_an_employee_card(issuing: Issuing) -> None:
    """PRO: the structure between C and title, as on CPE cards."""
    assert [[oid for oid, _, _ in rdn] for rdn in dn(issuing.request("PRO_SIGN"))] == [
        ["55 04 06"],
        ["55 04 08"],
        ["55 04 0a"],
        ["55 04 0b"],
        ["55 04 0c"],
        ["55 04 2a", "55 04 04", "55 04 03"],
    ]


def dn(request: CertificateRequest) -> list[list[tuple[str, str, str]]]:
    """RDNs of (type, string tag, value), read from the DER with no help of the code's."""
    return [
        [
            (attribute[2:5].hex(" "), f"{attribute[5]:02x}", attribute[7:].decode())
            for attribute in map(children_first, children(rdn))
        ]
        for rdn in children(subject_name(request).public_bytes())
    ]


def children(der: bytes) -> list[bytes]:
    content, found = der[2:] if der[1] < 0x80 else der[2 + der[1] - 0x80 :], []
    while content:
        size = content[1] + 2
        found.append(content[:size])
        content = content[size:]
    return found


def children_first(attribute: bytes) -> bytes:
    return attribute[2:]


def test_raison_sociale_is_cut_at_40_characters(issuing: Issuing) -> None:
    """As in the real `AGENCE DES SYSTEMES D'INFORMATION PARTAG`."""
    request = issuing.request("ORG_SIGN")
    assert isinstance(request.subject, OrganisationSubject)
    name = "AGENCE DES SYSTEMES D'INFORMATION PARTAGES DE SANTE"
    cut = dn(replace(request, subject=replace(request.subject, raison_sociale=name)))
    assert cut[2][0][2] == "AGENCE DES SYSTEMES D'INFORMATION PARTAG"


def test_profession_and_speciality_are_those_of_the_person(issuing: Issuing) -> None:
    """1.2.7 is an INTEGER (TRE_G15), 4.2.5 a SEQUENCE OF UTF8String, as on a doctor's real certificate."""
    certificate = issuing.issue(issuing.request("PS_SIGN"))
    assert value_of(certificate, PROFESSION).hex() == "02010a"
    assert value_of(certificate, SAVOIR_FAIRE).hex() == "30060c04534d3236"


def test_employee_has_no_profession(issuing: Issuing) -> None:
    """PRO for an agent of a structure: nothing between the category and the basic constraints."""
    request = issuing.request("PRO_AUTH")
    assert isinstance(request.subject, PersonSubject)
    agent = replace(request.subject, title="Personnel santé ou social", profession_code=None, savoir_faire=())
    order = [extension.oid.dotted_string for extension in issuing.issue(replace(request, subject=agent)).extensions]
    assert order[-2:] == [CATEGORY, BC]


def test_person_in_training_has_the_other_profession_extension(issuing: Issuing) -> None:
    """1.2.250.1.71.1.2.8 (TRE_G16) instead of 1.2.7."""
    request = issuing.request("PS_AUTH")
    assert isinstance(request.subject, PersonSubject)
    student = replace(request.subject, profession_code=None, formation_code=10, savoir_faire=())
    certificate = issuing.issue(replace(request, subject=student))
    assert value_of(certificate, "1.2.250.1.71.1.2.8").hex() == "02010a"
    assert PROFESSION not in [extension.oid.dotted_string for extension in certificate.extensions]


@pytest.mark.parametrize("label", ["PS_AUTH", "PRO_AUTH"])
def test_auth_without_upn_does_not_open_a_windows_session(issuing: Issuing, label: str) -> None:
    """UPN is facultatif (table 11): without it neither the name nor msSmartcardLogin."""
    certificate = issuing.issue(replace(issuing.request(label), upn=None))
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [oid.dotted_string for oid in extended] == [CLIENT_AUTH]
    assert SAN not in [extension.oid.dotted_string for extension in certificate.extensions]


@pytest.mark.parametrize("label", ["PS_SIGN", "PS_CONF", "PRO_SIGN", "PRO_CONF"])
def test_person_without_address_has_no_alternative_name(issuing: Issuing, label: str) -> None:
    """MailSujet is facultatif for persons (table 11)."""
    certificate = issuing.issue(replace(issuing.request(label), mail_sujet=None))
    assert SAN not in [extension.oid.dotted_string for extension in certificate.extensions]


def test_international_domain_of_an_address_is_written_in_ascii(issuing: Issuing) -> None:
    """RFC 5280 §4.2.1.6: an rfc822Name holds A-labels."""
    certificate = issuing.issue(replace(issuing.request("SERV_CONF"), mail_sujet="service@hôpital.example"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["service@xn--hpital-ixa.example"]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2024-02-29T23:59:59", "2027-02-28T23:59:59"),
        ("2025-02-28T12:00:00", "2028-02-28T12:00:00"),
        ("2025-03-01T00:00:00", "2028-03-01T00:00:00"),
        ("2026-03-29T00:59:59", "2029-03-29T00:59:59"),
        ("2026-12-31T23:59:59", "2029-12-31T23:59:59"),
        ("2097-02-28T00:00:00", "2100-02-28T00:00:00"),
    ],
)
def test_validity_is_three_years_of_the_calendar(first: str, last: str) -> None:
    """Same second of the same day three years later; 29 February ends on 28, so that it is never longer."""
    begin, end = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (first, last))
    assert not_after(begin) == end
    assert end - begin <= timedelta(days=3 * 365 + 1)


def test_validity_begins_at_a_whole_second(issuing: Issuing) -> None:
    """X.509 times have no fraction: it is dropped, never rounded up into the future."""
    certificate = issuing.issue(issuing.request("ORG_SIGN"), not_before=NOT_BEFORE + timedelta(microseconds=999_999))
    assert certificate.not_valid_before_utc == NOT_BEFORE


def test_validity_from_2050_is_generalized_time(issuing: Issuing) -> None:
    """RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after."""
    certificate = issuing.issue(
        issuing.request("ORG_AUTH_CLI"), not_before=datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    )
    der = certificate.tbs_certificate_bytes
    assert re.search(rb"\x17\x0d491231235959Z\x18\x0f20521231235959Z", der)


def test_same_arguments_give_the_same_bytes(issuing: Issuing) -> None:
    """What makes a killed retrait harmless (life of a demande, I2)."""
    request = issuing.request("PRO_SIGN", Environment.PRODUCTION)
    restored = CertificateRequest.from_json(request.to_json())
    der = issuing.issue(request).public_bytes(Encoding.DER)
    assert issuing.issue(restored).public_bytes(Encoding.DER) == der


@EVERY
def test_request_survives_json(product: Product, environment: Environment, holder_key: rsa.RSAPrivateKey) -> None:
    """It waits in the database between demande and retrait."""
    request = request_for(product, environment, holder_key)
    assert CertificateRequest.from_json(request.to_json()) == request


def test_issuer_of_another_population_or_environment_is_refused(issuing: Issuing) -> None:
    """Organisations are not signed by the authority for persons, nor TEST by PRODUCTION."""
    right = issuing.request("ORG_SIGN")
    for wrong in (issuing.request("PS_SIGN"), issuing.request("ORG_SIGN", Environment.PRODUCTION)):
        issuer = issuing.issuers[issuing_authority(wrong)]
        with pytest.raises(ValueError, match="is signed by TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"):
            certificate_builder(right, issuer=issuer, serial=1, not_before=NOT_BEFORE, urls=PublicationUrls())


def test_only_rsa_keys_are_certified(issuing: Issuing) -> None:
    """Guide §12: the keys are RSA."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    foreign = replace(
        issuing.request("ORG_SIGN"), spki=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ValueError, match="RSA"):
        issuing.issue(foreign)


def test_spki_is_kept_as_it_is(issuing: Issuing) -> None:
    """The certified key is the presented one."""
    certificate = issuing.issue(issuing.request("ORG_CONF"))
    presented = spki(issuing.key)
    assert certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == presented
