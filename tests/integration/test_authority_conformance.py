"""One suite for every way to reach PFCNG-IGC: embedded, remote, and remote over a network that does not keep its word.

Source: docs/igc.md (interface); guide §20 (RMT_ERR_003 to 013).
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import PRODUCTS, Environment
from pfcng.igc.authority import (
    AuthorityUnavailable,
    NotRegistered,
    Progress,
    ReconcilableAuthority,
    RegistrationConflict,
    RequestRefused,
)
from pfcng.igc.issued import check_issued
from pfcng.igc.requests import CertificateRequest, OrganisationSubject
from pfcng.store import attestation
from pfcng.store.database import Database, Row
from support.certificate_requests import request_for
from support.csrs import make_key
from support.faulty_proxy import RECOVERABLE, Fault, faulty_proxy
from support.igc_service import Identities, service_in_thread
from support.platform import make_authority, make_pki

T = TypeVar("T")
ORG_SIGN = next(product for product in PRODUCTS if product.label == "ORG_SIGN")
SEED: Final = 20
SLOW: Final = (Fault.HELD_BEFORE, Fault.HELD_AFTER)
"""Each one takes the whole time of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to reach the authority, and the authority's own tables."""

    authority: ReconcilableAuthority
    database: Database
    key: rsa.RSAPrivateKey

    def settle(self, call: Callable[[], T]) -> T:
        """What a caller does that is told to try later."""
        for _ in range(100):
            try:
                return call()
            except AuthorityUnavailable:
                continue
        raise AssertionError("unavailable for good")

    def request(self, environment: Environment = Environment.TEST) -> CertificateRequest:
        return request_for(ORG_SIGN, environment, self.key)

    def register(self, numero: int, request: CertificateRequest | None = None) -> None:
        self.settle(lambda: self.authority.register(numero, request or self.request()))

    def issue(self, numero: int) -> bytes:
        return self.settle(lambda: self.authority.issue(numero)).public_bytes(Encoding.DER)

    def rows(self) -> list[Row]:
        with self.database.transaction() as connection:
            return connection.execute("SELECT * FROM igc.certificat ORDER BY numero").fetchall()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return make_key()


@pytest.fixture(params=["embedded", "remote", "lossy"])
def way(
    request: pytest.FixtureRequest, database: Database, dsn: str, pki: Path, key: rsa.RSAPrivateKey
) -> Iterator[Way]:
    if request.param == "embedded":
        yield Way(authority=make_authority(database, pki), database=database, key=key)
        return
    identities = Identities.of(make_pki(pki))
    with ExitStack() as stack:
        url = stack.enter_context(service_in_thread(identities, dsn))
        if request.param == "lossy":
            upstream = stack.enter_context(identities.http(url))
            files = identities.server
            proxy = stack.enter_context(faulty_proxy(upstream, certificate=files.certificate, key=files.key))
            chance = random.Random(SEED)  # noqa: S311 - the same faults at every run
            quick = [fault for fault in RECOVERABLE if fault not in SLOW]
            proxy.rule = lambda _method, _path: chance.choice(quick) if chance.random() < 0.6 else None
            url = proxy.url
        authority = identities.connect(url)
        stack.callback(authority.close)
        yield Way(authority=authority, database=database, key=key)


def test_registration_repeated_is_one(way: Way) -> None:
    """The same number with the same request is fine (R1)."""
    way.register(59)
    way.register(59)
    assert [row["numero"] for row in way.rows()] == [59]


def test_number_with_another_request_is_refused_for_good(way: Way) -> None:
    """RMT_ERR_004; the first request stays."""
    way.register(59)
    with pytest.raises(RegistrationConflict):
        way.register(59, way.request(Environment.PRODUCTION))
    assert [CertificateRequest.from_json(row["requete"]) for row in way.rows()] == [way.request()]


def test_request_that_no_certificate_can_hold_is_refused_for_good(way: Way) -> None:
    """RMT_ERR_004."""
    request = way.request()
    assert isinstance(request.subject, OrganisationSubject)
    with pytest.raises(RequestRefused):
        way.register(59, replace(request, subject=replace(request.subject, common_name="é" * 63)))
    assert way.rows() == []


def test_number_that_is_not_registered_is_refused_for_good(way: Way) -> None:
    """RMT_ERR_007 and RMT_ERR_013; nothing is written."""
    with pytest.raises(NotRegistered):
        way.issue(59)
    with pytest.raises(NotRegistered):
        way.settle(lambda: way.authority.revoke(59, None))
    assert way.settle(lambda: way.authority.status(59)).progress is Progress.UNKNOWN
    assert way.rows() == []


@pytest.mark.parametrize("environment", tuple(Environment))
def test_certificate_is_that_of_the_request_at_every_call(way: Way, environment: Environment) -> None:
    """One certificate, to the byte (R3)."""
    request = way.request(environment)
    way.register(59, request)
    first = way.issue(59)
    check_issued(x509.load_der_x509_certificate(first), request)
    assert [way.issue(59) for _ in range(3)] == [first] * 3
    assert [row["der"] for row in way.rows()] == [first]


def test_revocation_keeps_its_first_moment(way: Way) -> None:
    """A repeated call changes neither the moment nor the reason (V2)."""
    way.register(59)
    way.issue(59)
    reasons = (x509.ReasonFlags.key_compromise, None, x509.ReasonFlags.cessation_of_operation)
    moments = {way.settle(lambda reason=reason: way.authority.revoke(59, reason)) for reason in reasons}  # type: ignore[misc]
    assert len(moments) == 1
    with way.database.transaction() as connection:
        [row] = connection.execute("SELECT raison, revoque_le FROM igc.revocation").fetchall()
    assert (row["raison"], {row["revoque_le"]}) == ("keyCompromise", moments)


def test_status_tells_each_step(way: Way) -> None:
    """Unknown, registered, issued, revoked, with the serial and the moment."""

    def progress() -> Progress:
        return way.settle(lambda: way.authority.status(59)).progress

    seen = [progress()]
    way.register(59)
    seen.append(progress())
    certificate = x509.load_der_x509_certificate(way.issue(59))
    seen.append(progress())
    moment = way.settle(lambda: way.authority.revoke(59, None))
    seen.append(progress())
    assert seen == list(Progress)
    status = way.settle(lambda: way.authority.status(59))
    assert (status.numero, status.serial, status.revoked_at) == (59, certificate.serial_number, moment)


def test_list_has_what_was_issued_page_by_page(way: Way) -> None:
    """In the order of the numbers, from any of them; what is only registered is not in it."""
    for numero in (5, 3, 8, 1):
        way.register(numero)
    for numero in (8, 5, 1):
        way.issue(numero)

    def page(after: int) -> list[int]:
        return [status.numero for status in way.settle(lambda: way.authority.list_issued(after=after, limit=2))]

    assert [page(0), page(5), page(8)] == [[1, 5], [8], []]


def test_publication_can_be_asked_for(way: Way) -> None:
    """Who calls does not wait for the hour."""
    way.settle(way.authority.publish)


def test_no_number_ever_gets_two_certificates(way: Way) -> None:
    """Many callers at once, whatever the network does: each number has one certificate, the same for everybody."""
    numbers = [numero for numero in range(1, 9) for _ in range(3)]

    def withdraw(numero: int) -> tuple[int, bytes]:
        way.register(numero)
        return numero, way.issue(numero)

    with ThreadPoolExecutor(6) as threads:
        delivered = set(threads.map(withdraw, numbers))
    assert sorted(delivered) == [(row["numero"], row["der"]) for row in way.rows()]
    assert len({row["numero_serie"] for row in way.rows()}) == 8


def test_dossier_that_was_forgotten_is_taken_back_whole(way: Way) -> None:
    """Request, certificate, revocation with its moment; repeated, and over what is there already (docs/restore.md)."""
    way.register(59)
    certificate = way.issue(59)
    moment = way.settle(lambda: way.authority.revoke(59, x509.ReasonFlags.key_compromise))
    dossier = way.settle(lambda: way.authority.read_dossier(59))
    before = way.rows()
    with way.database.transaction() as connection:
        connection.execute("DELETE FROM igc.revocation")
        connection.execute("DELETE FROM igc.certificat")
    for _ in range(2):
        way.settle(lambda: way.authority.adopt(dossier))
    [row], [old] = way.rows(), before
    assert {**row, "enregistre_le": None} == {**old, "enregistre_le": None}
    assert way.issue(59) == certificate
    assert way.settle(lambda: way.authority.status(59)).revoked_at == moment
    assert way.settle(lambda: way.authority.read_dossier(59)) == dossier


def test_dossier_of_a_number_that_is_taken_is_refused_for_good(way: Way) -> None:
    """One number, one certificate."""
    for numero in (59, 60):
        way.register(numero)
        way.issue(numero)
    dossier = way.settle(lambda: way.authority.read_dossier(59))
    with pytest.raises(RegistrationConflict):
        way.settle(lambda: way.authority.adopt(replace(dossier, numero=60)))
    with pytest.raises(NotRegistered):
        way.settle(lambda: way.authority.read_dossier(61))


def test_suspect_database_is_attested_when_it_was_compared(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken in or signed before; every process sees it within some seconds."""
    monkeypatch.setattr(attestation, "FRESH", 0.0)
    way.register(59)
    way.database.suspect("pour l’essai")
    assert not way.settle(way.authority.is_attested)
    way.settle(way.authority.attest)
    assert way.settle(way.authority.is_attested)
    way.issue(59)
