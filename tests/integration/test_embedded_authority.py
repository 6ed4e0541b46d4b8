"""The embedded authority over a real database: one certificate a demande, whatever is killed or repeated.

Source: docs/life-of-a-demande.md (R1, I1 to I3).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import psycopg
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import PRODUCTS, Environment, Product
from pfcng.igc.authority import AuthorityUnavailable, NotRegistered, RegistrationConflict, RequestRefused
from pfcng.igc.connectors import embedded as module
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.profiles import issuing_authority
from pfcng.igc.requests import OrganisationSubject
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, AuthorityName, Gamme
from pfcng.pki.keys import Credential
from pfcng.sandbox.hierarchy import make_authority
from pfcng.store.database import Database, Row
from support.certificate_requests import request_for
from support.igc import Clock

NOW = datetime(2026, 3, 2, 10, 0, 0, 123_456, tzinfo=UTC)
ORG_SIGN = next(product for product in PRODUCTS if product.label == "ORG_SIGN")
Signers = dict[AuthorityName, Credential]


class Killed(BaseException):
    """The process dies here."""


def die(*_: object) -> NoReturn:
    raise Killed


@pytest.fixture(scope="session")
def holder_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_signers() -> Signers:
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signers: Signers = {}
    for name in AUTHORITIES:
        if name.gamme is Gamme.ELEMENTAIRE:
            own = make_authority(name.root, root_key, None, urls=PublicationUrls(), now=NOW)
            root = Credential(certificate=own, chain=(), key=root_key)
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            certificate = make_authority(name, key, root, urls=PublicationUrls(), now=NOW)
            signers[name] = Credential(certificate=certificate, chain=(own,), key=key)
    return signers


@pytest.fixture(scope="session")
def signers() -> Signers:
    return make_signers()


class Igc:
    """The authority, its clock, and a way to start it again over the same database."""

    def __init__(self, database: Database, signers: Signers, key: rsa.RSAPrivateKey) -> None:
        self.database = database
        self.clock = Clock(NOW)
        self.key = key
        self.authority = self.start(signers)

    def start(self, signers: Signers, urls: PublicationUrls | None = None) -> EmbeddedAuthority:
        return EmbeddedAuthority(self.database, signers=signers, urls=urls or PublicationUrls(), clock=self.clock)

    def register(self, numero: int = 59, product: Product = ORG_SIGN) -> None:
        self.authority.register(numero, request_for(product, Environment.TEST, self.key))

    def rows(self) -> list[Row]:
        with self.database.transaction() as connection:
            return connection.execute("SELECT * FROM igc.certificat ORDER BY numero").fetchall()


@pytest.fixture
def igc(database: Database, signers: Signers, holder_key: rsa.RSAPrivateKey) -> Igc:
    return Igc(database, signers, holder_key)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("environment", tuple(Environment))
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_every_product_is_signed_by_its_authority(
    igc: Igc, signers: Signers, product: Product, environment: Environment
) -> None:
    """Organisations and persons, TEST and PRODUCTION: four authorities."""
    request = request_for(product, environment, igc.key)
    igc.authority.register(1, request)
    certificate = igc.authority.issue(1)
    certificate.verify_directly_issued_by(signers[issuing_authority(request)].certificate)
    assert certificate.not_valid_before_utc == NOW.replace(microsecond=0)
    assert igc.rows()[0]["numero_serie"] == certificate.serial_number.to_bytes(16, "big")


def test_repeated_registration_is_one(igc: Igc) -> None:
    """R1: the second call finds the same request."""
    igc.register()
    igc.register()
    assert len(igc.rows()) == 1


def test_number_registered_with_another_request_is_refused(igc: Igc) -> None:
    """The first request stays."""
    igc.register()
    other = replace(request_for(ORG_SIGN, Environment.TEST, igc.key), environment=Environment.PRODUCTION)
    before = igc.rows()
    with pytest.raises(RegistrationConflict):
        igc.authority.register(59, other)
    assert igc.rows() == before


def test_number_never_registered_has_no_certificate(igc: Igc) -> None:
    """No intent, no signature."""
    with pytest.raises(NotRegistered):
        igc.authority.issue(59)


def test_request_that_no_certificate_can_hold_is_refused_at_registration(igc: Igc) -> None:
    """What is registered can be issued."""
    request = request_for(ORG_SIGN, Environment.TEST, igc.key)
    assert isinstance(request.subject, OrganisationSubject)
    long_name = replace(request, subject=replace(request.subject, common_name="é" * 63))
    with pytest.raises(RequestRefused):
        igc.authority.register(59, long_name)
    assert igc.rows() == []


def test_second_issue_gives_the_first_certificate(igc: Igc) -> None:
    """Whatever time it is, and after a restart with other settings."""
    igc.register()
    first = der(igc.authority.issue(59))
    igc.clock.now += timedelta(days=40)
    assert der(igc.authority.issue(59)) == first
    restarted = igc.start({}, PublicationUrls(http="http://ailleurs.example"))
    assert der(restarted.issue(59)) == first


@pytest.mark.parametrize("step", ["_reserve", "_sign", "_store"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_at_any_step_leaves_one_certificate(
    igc: Igc, signers: Signers, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """The next call ends with the reserved serial and, when a signature may exist, with its very bytes."""
    igc.register()
    seen: list[object] = []
    original: Callable[..., object] = getattr(EmbeddedAuthority, step)

    def killed(*arguments: object) -> NoReturn:
        if when == "after":
            seen.append(original(*arguments))
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedAuthority, step, killed)
        with pytest.raises(Killed):
            igc.authority.issue(59)
    reserved = igc.rows()[0]["numero_serie"]
    igc.clock.now += timedelta(hours=1)
    certificate = igc.start(signers, PublicationUrls(http="http://ailleurs.example")).issue(59)
    assert reserved in {None, certificate.serial_number.to_bytes(16, "big")}
    assert (reserved is None) == ((step, when) == ("_reserve", "before"))
    assert [der(signed) for signed in seen if isinstance(signed, x509.Certificate)] in ([], [der(certificate)])
    assert [row["der"] for row in igc.rows()] == [der(certificate)]


def test_concurrent_calls_give_one_certificate(igc: Igc) -> None:
    """Two retraits at once, from several processes or threads."""
    igc.register()
    with ThreadPoolExecutor(6) as threads:
        issued = list(threads.map(lambda _: der(igc.authority.issue(59)), range(12)))
    assert len(set(issued)) == 1


def test_concurrent_registrations_are_one(igc: Igc) -> None:
    """R1 from two retraits at once."""
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: igc.register(), range(12)))
    assert len(igc.rows()) == 1


def test_serial_is_committed_before_the_signature_exists(igc: Igc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every serial that was ever signed is known, even when storing the certificate fails."""
    igc.register()
    seen: list[list[Row]] = []
    original = EmbeddedAuthority._sign

    def watched(self: EmbeddedAuthority, row: Row) -> x509.Certificate:
        seen.append(igc.rows())
        return original(self, row)

    monkeypatch.setattr(EmbeddedAuthority, "_sign", watched)
    certificate = igc.authority.issue(59)
    assert seen[0][0]["numero_serie"] == certificate.serial_number.to_bytes(16, "big")
    assert seen[0][0]["der"] is None


def test_repeated_serial_signs_nothing(igc: Igc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unique by constraint, over both environments: randomness that fails stops the authority."""
    monkeypatch.setattr(module, "random_serial", lambda: 2**126 + 1)
    igc.register(1)
    igc.register(2)
    igc.authority.issue(1)
    with pytest.raises(psycopg.errors.UniqueViolation):
        igc.authority.issue(2)
    assert [row["numero_serie"] is None for row in igc.rows()] == [False, True]


def test_reserved_issuer_that_is_gone_is_not_replaced(
    igc: Igc, signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key under the same serial would be a second certificate."""
    igc.register()
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedAuthority, "_sign", die)
        with pytest.raises(Killed):
            igc.authority.issue(59)
    with pytest.raises(AuthorityUnavailable):
        igc.start(make_signers()).issue(59)
    assert igc.start(signers).issue(59).serial_number == int.from_bytes(igc.rows()[0]["numero_serie"], "big")


def test_authority_that_ends_too_soon_signs_nothing(igc: Igc) -> None:
    """A certificate never outlives its issuer."""
    igc.register(1)
    igc.clock.now += timedelta(days=13 * 365)
    with pytest.raises(AuthorityUnavailable):
        igc.register(2)
    with pytest.raises(AuthorityUnavailable):
        igc.authority.issue(1)
    assert igc.rows()[0]["numero_serie"] is None


def test_invalid_signature_never_leaves(igc: Igc, signers: Signers) -> None:
    """A fault in the computation is seen before the certificate is stored."""
    name = issuing_authority(request_for(ORG_SIGN, Environment.TEST, igc.key))
    wrong = {**signers, name: replace(signers[name], key=igc.key)}
    igc.register()
    with pytest.raises(InvalidSignature):
        igc.start(wrong).issue(59)
    assert igc.rows()[0]["der"] is None
