"""Nothing but what was asked is signed: the bytes are looked at again, whoever built them.

Source: docs/igc.md, "Keys"; guide §7.1, §14.1 table 11; RFC 5280 §4.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from pfcng.contract.catalogue import PRODUCTS, Environment, Product
from pfcng.igc import builder, profiles
from pfcng.igc.lint import GuardedKey, UnfitToSign
from pfcng.igc.lint_product import Intent, guarded, lint_product
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.requests import OrganisationIdentity, PersonSubject
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import products
from pfcng.pki.authorities import AuthorityName
from support.certificate_requests import request_for, spki

NOT_BEFORE = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SERIAL = 0x740A325D74047302EC6958BB1A0BFF4C
BY_LABEL = {product.label: product for product in PRODUCTS}
EVERY = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
SAMPLES = ("ORG_SIGN", "SERV_SSL_SERV", "PS_AUTH", "PRO_SIGN")
"""Between them they have every kind of subject, name and extension."""
Issuers = Mapping[AuthorityName, x509.Certificate]
Make = Callable[..., Intent]


@pytest.fixture
def intent(issuers: Issuers, holder_key: rsa.RSAPrivateKey) -> Make:
    """What is to be signed, of a product."""

    def make(product: Product, environment: Environment = Environment.TEST, **changes: Any) -> Intent:
        request = replace(request_for(product, environment, holder_key), **changes)
        return Intent(
            request=request,
            issuer=issuers[issuing_authority(request)],
            serial=SERIAL,
            not_before=NOT_BEFORE,
            urls=PublicationUrls(),
        )

    return make


def unsigned(intent: Intent) -> x509.CertificateBuilder:
    return certificate_builder(
        intent.request,
        issuer=intent.issuer,
        serial=intent.serial,
        not_before=intent.not_before,
        urls=intent.urls,
    )


def tbs_of(certificate: x509.CertificateBuilder, algorithm: Any = None) -> bytes:
    """What a key is given to sign."""
    seen: list[bytes] = []

    def look(tbs: bytes) -> list[str]:
        seen.append(tbs)
        return []

    certificate.sign(GuardedKey(_KEY, look), algorithm or hashes.SHA256())
    return seen[0]


_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@EVERY
@pytest.mark.parametrize("environment", tuple(Environment))
def test_every_product_passes(intent: Make, product: Product, environment: Environment) -> None:
    asked = intent(product, environment)
    assert lint_product(tbs_of(unsigned(asked)), asked) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"upn": f"{'u' * 200}@hopital.example"},
        {"upn": None},
    ],
    ids=["long", "none"],
)
def test_upn_of_any_length_passes(intent: Make, changes: dict[str, Any]) -> None:
    asked = intent(BY_LABEL["PS_AUTH"], **changes)
    assert lint_product(tbs_of(unsigned(asked)), asked) == []


def test_professional_in_training_passes(intent: Make) -> None:
    subject = PersonSubject(id_nat="899700990015", nom="D’ÉTÉ", prenom="ZOÉ", title="Étudiante", formation_code=10)
    asked = intent(BY_LABEL["PS_SIGN"], subject=subject, mail_sujet="a@été.example")
    assert lint_product(tbs_of(unsigned(asked)), asked) == []


@pytest.mark.parametrize(
    "first",
    [
        datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 3, 1, tzinfo=UTC),
        datetime(2047, 6, 1, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_any_day_passes(intent: Make, first: datetime) -> None:
    """A leap day, a date that X.509 writes in another way (2050), a part of a second."""
    asked = replace(intent(BY_LABEL["ORG_SIGN"]), not_before=first)
    assert lint_product(tbs_of(unsigned(asked)), asked) == []


@pytest.mark.parametrize("label", SAMPLES)
def test_no_byte_can_change_unseen(intent: Make, label: str) -> None:
    """Each bit of what is signed has one value that passes."""
    asked = intent(BY_LABEL[label])
    tbs = tbs_of(unsigned(asked))
    passed = []
    for place in range(len(tbs)):
        changed = bytearray(tbs)
        changed[place] ^= 1 << place % 8
        if not lint_product(bytes(changed), asked):
            passed.append(place)
    assert passed == []


@pytest.mark.parametrize("label", SAMPLES)
@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_bytes_that_are_cut_or_continued_are_refused(intent: Make, label: str, length: int) -> None:
    asked = intent(BY_LABEL[label])
    tbs = tbs_of(unsigned(asked))
    assert lint_product(tbs[:length], asked)
    assert lint_product(tbs + b"\x05\x00", asked)


@EVERY
def test_extension_that_is_missing_moved_repeated_or_of_other_weight_is_refused(intent: Make, product: Product) -> None:
    """The set, the order and the criticality are the profile's."""
    asked = intent(product)
    whole = unsigned(asked)._extensions
    stapling = x509.TLSFeature([x509.TLSFeatureType.status_request])
    for index, extension in enumerate(whole):
        others = [*whole[:index], *whole[index + 1 :]]
        flipped = x509.Extension(extension.oid, not extension.critical, extension.value)
        for changed in (
            others,
            [*others, extension] if index < len(others) else [extension, *others],
            [*whole[:index], flipped, *whole[index + 1 :]],
            [
                *whole,
                x509.Extension(stapling.oid, False, stapling),
            ],
            [*whole[: index + 1], extension, *whole[index + 1 :]],
        ):
            built = unsigned(asked)
            built._extensions = changed
            assert lint_product(tbs_of(built), asked), extension.oid


REQUEST_CHANGES: dict[str, dict[str, Any]] = {
    "environment": {"environment": Environment.PRODUCTION},
    "product": {"product": BY_LABEL["PRO_CONF"]},
    "mail": {"mail_sujet": "autre@hopital.example"},
    "no mail": {"mail_sujet": None},
    "upn": {"upn": "autre@hopital.example"},
    "fqdn": {"fqdn": ("un.hopital.example",)},
}


@pytest.mark.parametrize("name", REQUEST_CHANGES)
def test_certificate_of_another_request_is_refused(intent: Make, issuers: Issuers, name: str) -> None:
    """Whatever the difference is."""
    asked = intent(BY_LABEL["PRO_SIGN"])
    other = replace(asked, request=replace(asked.request, **REQUEST_CHANGES[name]))
    other = replace(other, issuer=issuers[issuing_authority(other.request)])
    assert lint_product(tbs_of(unsigned(other)), asked)


@pytest.mark.parametrize("label", ["ORG_SIGN", "PRO_AUTH"])
def test_certificate_of_another_subject_is_refused(intent: Make, label: str) -> None:
    """Each value of the subject, one by one."""
    asked = intent(BY_LABEL[label])
    subject = asked.request.subject
    changed: Any
    for field in type(subject).__slots__:
        match getattr(subject, field):
            case str() as text:
                changed = f"{text}X"
            case int() as number:
                changed = number + 1
            case OrganisationIdentity() as structure:
                changed = replace(structure, id_nat_struct="10B0000000")
            case tuple():
                changed = ("SM54",)
            case _:
                changed = 10
        other = replace(asked, request=replace(asked.request, subject=replace(subject, **{field: changed})))
        assert lint_product(tbs_of(unsigned(other)), asked), field


def _other_serial(intent: Intent) -> Intent:
    return replace(intent, serial=intent.serial ^ 1)


def _earlier(intent: Intent) -> Intent:
    return replace(intent, not_before=intent.not_before - timedelta(seconds=1))


def _elsewhere(intent: Intent) -> Intent:
    return replace(intent, urls=PublicationUrls(http="http://ailleurs.example"))


def _other_directory(intent: Intent) -> Intent:
    return replace(intent, urls=PublicationUrls(ldap="ldap://ailleurs.example"))


def _other_responder(intent: Intent) -> Intent:
    return replace(intent, urls=PublicationUrls(ocsp="http://ailleurs.example"))


def _other_key(intent: Intent) -> Intent:
    return replace(intent, request=replace(intent.request, spki=spki(_KEY)))


@pytest.mark.parametrize(
    "change", [_other_serial, _earlier, _elsewhere, _other_directory, _other_responder, _other_key]
)
def test_certificate_of_another_reservation_is_refused(intent: Make, change: Callable[[Intent], Intent]) -> None:
    """Serial, dates, addresses and key are those that were committed."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    assert lint_product(tbs_of(unsigned(change(asked))), asked)


def _longer(monkeypatch: pytest.MonkeyPatch) -> None:
    three_years = builder.not_after
    monkeypatch.setattr(builder, "not_after", lambda first: three_years(first) + timedelta(seconds=1))


def _other_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    usages = replace(products.USAGES[BY_LABEL["ORG_SIGN"]], key=products.key_usage("digital_signature"))
    monkeypatch.setitem(products.USAGES, BY_LABEL["ORG_SIGN"], usages)


def _authority_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    key = products.key_usage("digital_signature", "content_commitment", "key_cert_sign")
    usages = replace(products.USAGES[BY_LABEL["ORG_SIGN"]], key=key)
    monkeypatch.setitem(products.USAGES, BY_LABEL["ORG_SIGN"], usages)


def _one_more_use(monkeypatch: pytest.MonkeyPatch) -> None:
    usages = products.USAGES[BY_LABEL["ORG_SIGN"]]
    more = replace(usages, extended=(*usages.extended, Eku.CODE_SIGNING))
    monkeypatch.setitem(products.USAGES, BY_LABEL["ORG_SIGN"], more)


def _no_period(monkeypatch: pytest.MonkeyPatch) -> None:
    usages = replace(products.USAGES[BY_LABEL["ORG_SIGN"]], has_period=False)
    monkeypatch.setitem(products.USAGES, BY_LABEL["ORG_SIGN"], usages)


def _other_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "TEST_POLICY", x509.ObjectIdentifier("1.2.250.1.213.1.7.1.1.2.3.1"))


def _real_category(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(products.SOFTWARE, Environment.TEST, 0x03)


def _longer_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MAX_ORGANISATION", 10)


def _other_order(monkeypatch: pytest.MonkeyPatch) -> None:
    make = profiles._organisation_rdns
    monkeypatch.setattr(profiles, "_organisation_rdns", lambda one: make(one)[::-1])


def _an_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    make = builder.extensions

    def extensions(*arguments: Any, **named: Any) -> list[x509.ExtensionType]:
        return [*make(*arguments, **named)[:-1], x509.BasicConstraints(ca=True, path_length=None)]

    monkeypatch.setattr(builder, "extensions", extensions)


MUTATIONS = (
    _longer,
    _other_usage,
    _authority_usage,
    _one_more_use,
    _no_period,
    _other_policy,
    _real_category,
    _longer_organisation,
    _other_order,
    _an_authority,
)


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__.strip("_"))
def test_fault_in_the_profile_is_refused(
    intent: Make, mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thing at a time is changed in the code that builds; the key refuses."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    mutate(monkeypatch)
    with pytest.raises(UnfitToSign):
        unsigned(asked).sign(guarded(_KEY, asked), hashes.SHA256())


@pytest.mark.parametrize("algorithm", [hashes.SHA384(), hashes.SHA512(), hashes.SHA224()])
def test_other_signature_algorithm_is_refused(intent: Make, algorithm: Any) -> None:
    """sha256WithRSAEncryption, as the real ones."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    assert lint_product(tbs_of(unsigned(asked), algorithm), asked)


@pytest.mark.parametrize("serial", [1 << 127, 1 << 130])
def test_serial_with_its_first_bit_set_or_too_long_is_refused(intent: Make, serial: int) -> None:
    """Even if it is the one that was reserved."""
    asked = replace(intent(BY_LABEL["ORG_SIGN"]), serial=serial)
    assert lint_product(tbs_of(unsigned(asked)), asked) == ["the serial number is not positive or too long"]


def test_certificate_that_would_outlive_its_issuer_is_refused(intent: Make) -> None:
    """And one that would be older."""
    for first in (datetime(2058, 1, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)):
        asked = replace(intent(BY_LABEL["ORG_SIGN"]), not_before=first)
        assert lint_product(tbs_of(unsigned(asked)), asked)


def test_issuer_of_another_population_is_refused(intent: Make, issuers: Issuers) -> None:
    """A person's certificate under the organisations' authority, had the builder let it through."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    persons = next(one for name, one in issuers.items() if name != asked.authority)
    built = builder.build(
        profiles.holder(asked.request), issuer=persons, serial=SERIAL, not_before=NOT_BEFORE, urls=asked.urls
    )
    assert lint_product(tbs_of(built), replace(asked, issuer=persons))


@pytest.mark.parametrize("bits", [1024, 2056, 8192])
def test_key_of_another_size_is_refused(intent: Make, bits: int) -> None:
    numbers = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 1)
    weak = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    asked = intent(BY_LABEL["ORG_SIGN"], spki=weak)
    assert lint_product(tbs_of(unsigned(asked)), asked) == ["the key is too weak"]


def test_key_that_is_not_rsa_is_refused(intent: Make) -> None:
    """A curve cannot pass for the key that was asked."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    built = unsigned(asked)
    built._public_key = curve
    assert "the key is not an RSA one" in lint_product(tbs_of(built), asked)


def test_guard_signs_what_passes(intent: Make) -> None:
    """It is the authority's own signature."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    certificate = unsigned(asked).sign(guarded(_KEY, asked), hashes.SHA256())
    _KEY.public_key().verify(
        certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA256()
    )


def test_guard_signs_no_digest(intent: Make) -> None:
    """What cannot be looked at is not signed."""
    with pytest.raises(UnsupportedAlgorithm):
        guarded(_KEY, intent(BY_LABEL["ORG_SIGN"])).sign(
            bytes(32), padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())
        )


def test_findings_are_all_told(intent: Make) -> None:
    """In the exception, for the log."""
    asked = intent(BY_LABEL["ORG_SIGN"])
    with pytest.raises(UnfitToSign) as caught:
        unsigned(_earlier(_other_serial(asked))).sign(guarded(_KEY, asked), hashes.SHA256())
    assert len(caught.value.findings) == 3
    assert str(caught.value) == "; ".join(caught.value.findings)
