"""The connector and the service of PFCNG-IGC, and each fault of the network between them (docs/igc.md)."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import httpx
import psycopg
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import PRODUCTS, Environment
from pfcng.igc.authority import AuthorityUnavailable, NotRegistered
from pfcng.igc.connectors import caller
from pfcng.igc.issued import check_issued
from pfcng.igc.peers import PeerRefused, Peers
from pfcng.igc.requests import CertificateRequest
from pfcng.igc.wire import CALL_HEADER, MAX_BODY
from pfcng.sandbox.pki import SandboxPki
from pfcng.store.database import Database, Row
from support.certificate_requests import request_for
from support.csrs import make_key
from support.faulty_proxy import RECOVERABLE, Fault, FaultyProxy, faulty_proxy
from support.igc_service import Identities, service_in_thread
from support.platform import make_pki

ORG_SIGN = next(product for product in PRODUCTS if product.label == "ORG_SIGN")
HARMLESS = (Fault.DOUBLED, Fault.ANSWERED_TWICE)
"""The call itself is answered."""
NOT_DONE = (Fault.DROPPED_BEFORE, Fault.BAD_GATEWAY, Fault.WRONG_PAGE, Fault.MISSING_PAGE)
"""The service never saw the request."""
HASTE = 0.5
"""Seconds for the calls that get no answer."""


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def requests() -> dict[int, CertificateRequest]:
    """Two numbers, each with its own key."""
    return {numero: request_for(ORG_SIGN, Environment.TEST, make_key()) for numero in (1, 2)}


@pytest.fixture
def sandbox_pki(pki: Path) -> SandboxPki:
    return make_pki(pki)


@pytest.fixture
def identities(sandbox_pki: SandboxPki) -> Identities:
    return Identities.of(sandbox_pki)


@pytest.fixture
def url(identities: Identities, dsn: str) -> Iterator[str]:
    with service_in_thread(identities, dsn) as url:
        yield url


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The network, and what the authority has."""

    proxy: FaultyProxy
    identities: Identities
    database: Database

    def rows(self) -> list[Row]:
        with self.database.transaction() as connection:
            return connection.execute("SELECT * FROM igc.certificat ORDER BY numero").fetchall()

    def spoil(self, path: str, fault: Fault | None) -> None:
        """From now on every request to that path meets the fault."""
        self.proxy.rule = lambda _method, asked: fault if asked == path else None


@pytest.fixture
def link(
    identities: Identities, url: str, database: Database, requests: dict[int, CertificateRequest]
) -> Iterator[Link]:
    """Both numbers are registered, the second is issued."""
    files = identities.server
    with ExitStack() as stack:
        upstream = stack.enter_context(identities.http(url))
        proxy = stack.enter_context(faulty_proxy(upstream, certificate=files.certificate, key=files.key))
        authority = identities.connect(proxy.url)
        for numero, request in requests.items():
            authority.register(numero, request)
        authority.issue(2)
        authority.close()
        yield Link(proxy=proxy, identities=identities, database=database)


def test_name_with_several_addresses_is_that_of_several_services(
    identities: Identities, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose machine refuses connections is passed over; no call is lost (docs/service-igc.md)."""
    port = int(url.rpartition(":")[2])
    asked: list[object] = []

    def resolve(host: object, *_args: object, **_options: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    authority = identities.connect(url)
    try:
        assert authority.status(1).numero == 1
    finally:
        authority.close()
    assert asked


@pytest.mark.parametrize("fault", RECOVERABLE, ids=lambda fault: fault.name)
def test_issue_after_a_fault_gives_the_one_certificate(
    link: Link, requests: dict[int, CertificateRequest], fault: Fault
) -> None:
    """Nothing but « try later » is said, whatever became of the call; the next one gives what was signed."""
    hasty, patient = link.identities.connect(link.proxy.url, timeout=HASTE), link.identities.connect(link.proxy.url)
    link.spoil("/demandes/1/certificat", fault)
    if fault in HARMLESS:
        check_issued(patient.issue(1), requests[1])
        patient.issue(2)
    else:
        with pytest.raises(AuthorityUnavailable):
            hasty.issue(1)
    signed = link.rows()[0]["der"]
    if fault is not Fault.HELD_BEFORE:  # that one arrives in its own time
        assert (signed is None) == (fault in NOT_DONE)
    link.spoil("", None)
    issued = patient.issue(1)
    check_issued(issued, requests[1])
    assert signed in {None, der(issued)}
    assert [row["der"] for row in link.rows()] == [der(issued), der(patient.issue(2))]
    hasty.close()
    patient.close()


def test_answer_that_comes_twice_is_not_that_of_the_next_call(
    link: Link, requests: dict[int, CertificateRequest]
) -> None:
    """One connection, and each answer is still to its own call: number 1 never gets the certificate of number 2."""
    authority = link.identities.connect(link.proxy.url)
    link.proxy.rule = lambda _method, _path: Fault.ANSWERED_TWICE
    for numero in (1, 2, 1, 2):
        check_issued(authority.issue(numero), requests[numero])
    authority.close()


def test_certificate_of_another_number_is_not_accepted(link: Link, requests: dict[int, CertificateRequest]) -> None:
    """Whatever comes back is held against the request: its key, and the authority that signs it."""
    authority = link.identities.connect(link.proxy.url)
    link.proxy.swap = 2
    link.spoil("/demandes/1/certificat", Fault.SWAPPED)
    certificate = authority.issue(1)
    with pytest.raises(AuthorityUnavailable, match="another key"):
        check_issued(certificate, requests[1])
    production = request_for(ORG_SIGN, Environment.PRODUCTION, make_key())
    with pytest.raises(AuthorityUnavailable, match="another key"):
        check_issued(certificate, production)
    authority.close()


def test_certificate_of_another_authority_is_not_accepted(link: Link) -> None:
    """Only the authorities that the platform was given are believed; it is logged as an error."""
    authority = link.identities.connect(link.proxy.url)
    authority._issuers = tuple(
        issuer for issuer in authority._issuers if "ORGANISATIONS" not in issuer.subject.rfc4514_string()
    )
    with structlog.testing.capture_logs() as logs, pytest.raises(AuthorityUnavailable):
        authority.issue(1)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["igc.certificate_not_believed"]
    authority.close()


def test_typed_refusal_that_the_call_cannot_meet_says_nothing(link: Link) -> None:
    """« conflit » is an answer to a registration: at issue it is somebody's mistake, not the end of a demande."""
    authority = link.identities.connect(link.proxy.url)
    link.spoil("/demandes/1/certificat", Fault.CONFLICT)
    with pytest.raises(AuthorityUnavailable):
        authority.issue(1)
    link.spoil("/demandes/1/certificat", Fault.REFUSED)
    with pytest.raises(NotRegistered):
        authority.issue(1)
    authority.close()


def test_answer_without_end_is_given_up(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is read as far as its bound."""
    monkeypatch.setattr(caller, "MAX_ANSWER", 100)
    authority = link.identities.connect(link.proxy.url)
    with pytest.raises(AuthorityUnavailable, match="more than 100"):
        authority.issue(1)
    authority.close()


def test_service_that_is_not_there_is_unavailable(identities: Identities) -> None:
    """RMT_ERR_003, 006, 012."""
    authority = identities.connect("https://localhost:1")
    with pytest.raises(AuthorityUnavailable):
        authority.status(1)
    authority.close()


def test_threads_share_a_connector(link: Link) -> None:
    """As the platform's requests do."""
    authority = link.identities.connect(link.proxy.url)
    seen: list[bytes] = []
    threads = [Thread(target=lambda: seen.append(der(authority.issue(1)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    authority.close()


def test_holder_of_an_unlisted_name_is_refused(identities: Identities, sandbox_pki: SandboxPki, url: str) -> None:
    """The service has a white list of its own; the answer says so in French and the connector calls it unavailable."""
    with identities.http(url, sandbox_pki.clients["intrus"]) as client, structlog.testing.capture_logs() as logs:
        answer = client.get("/demandes/1")
    assert answer.status_code == 403
    assert answer.json()["message"] == "Accès refusé : le DN du certificat client n’est pas dans la liste blanche."
    [refused] = [line for line in logs if line["event"] == "igc.peer_refused"]
    assert refused["incident"] == answer.json()["incident"]
    intruder = Identities.of(sandbox_pki, "intrus").connect(url)
    with pytest.raises(AuthorityUnavailable, match="403"):
        intruder.status(1)
    intruder.close()


def test_certificate_of_an_authority_that_is_not_admitted_is_refused(
    identities: Identities, sandbox_pki: SandboxPki, url: str
) -> None:
    """The listed name alone is not enough: who certified it counts. TLS itself ends here."""
    with identities.http(url, sandbox_pki.server) as client, pytest.raises(httpx.HTTPError):
        client.get("/demandes/1")


def test_nobody_without_a_certificate_is_answered_but_for_health(identities: Identities, url: str) -> None:
    """``/sante`` is for load balancers."""
    context = ssl.create_default_context(cafile=identities.anchors)
    with httpx.Client(base_url=url, verify=context, trust_env=False) as client:
        assert client.get("/demandes/1").status_code == 403
        health = client.get("/sante")
    assert (health.status_code, health.json()) == (200, {"etat": "en service"})


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("PUT", "/demandes/7", b"pas du JSON", 400),
        ("PUT", "/demandes/7", b"{}", 400),
        ("PUT", "/demandes/7", b"[]", 400),
        ("PUT", "/demandes/7", b"x" * (MAX_BODY + 1), 413),
        ("POST", "/demandes/7/revocation", b'{"raison": "parce que"}', 400),
        ("GET", f"/demandes/{2**63}", b"", 400),
        ("GET", f"/demandes/{'9' * 5000}", b"", 400),
        ("GET", "/demandes/7x", b"", 400),
        ("GET", "/demandes?apres=-1", b"", 400),
        ("GET", "/demandes?limite=beaucoup", b"", 400),
        ("GET", "/ailleurs", b"", 404),
        ("DELETE", "/demandes/7", b"", 404),
    ],
)
def test_request_that_is_not_of_the_interface_refuses_nothing(
    identities: Identities, url: str, method: str, path: str, content: bytes, status: int
) -> None:
    """A mistake of the caller ends no demande: the body has no ``refus``."""
    with identities.http(url) as client:
        answer = client.request(method, path, content=content)
    assert answer.status_code == status
    assert "refus" not in answer.json()
    assert answer.json()["message"]


def test_unforeseen_failure_is_told_by_its_number_alone(identities: Identities, url: str, dsn: str) -> None:
    """The log has the cause; the answer has the number under which the log tells it, and the call's own."""
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE igc.certificat RENAME TO absente")
    with identities.http(url) as client, structlog.testing.capture_logs() as logs:
        answer = client.get("/demandes/7", headers={CALL_HEADER: "0123abcd"})
    assert answer.status_code == 500
    assert set(answer.json()) == {"message", "incident"}
    assert answer.headers[CALL_HEADER] == "0123abcd"
    [failed] = [line for line in logs if line["event"] == "igc.failed"]
    assert failed["incident"] == answer.json()["incident"]
    assert "igc.certificat" in failed["cause"]


def test_log_has_one_line_a_call_and_no_request(
    identities: Identities, url: str, requests: dict[int, CertificateRequest]
) -> None:
    """Who called, for what, how it ended; never a key."""
    authority = identities.connect(url)
    with structlog.testing.capture_logs() as logs:
        authority.register(1, requests[1])
    authority.close()
    [line] = [line for line in logs if line["event"] == "igc.call"]
    assert (line["method"], line["path"], line["status"]) == ("PUT", "/demandes/1", 204)
    assert requests[1].spki.hex() not in json.dumps(logs, default=str)


def test_certificate_that_ended_under_its_connection_is_refused(identities: Identities) -> None:
    """Dates are looked at for each request."""
    issuer = x509.load_pem_x509_certificate(identities.client_issuer.read_bytes())
    certificate = x509.load_pem_x509_certificate(identities.client.certificate.read_bytes())
    peers = Peers.of([issuer], [certificate.subject.rfc4514_string()])
    end = certificate.not_valid_after_utc
    assert peers.admit(certificate, end)
    with pytest.raises(PeerRefused, match="dates"):
        peers.admit(certificate, end + timedelta(seconds=1))


def test_calls_that_nobody_answers_leave_threads_to_the_rest_of_the_platform(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call more than may be under way is given up at once, not after the whole time of a call."""
    monkeypatch.setattr(caller, "_CONNECTIONS", 1)
    monkeypatch.setattr(caller, "_QUEUE", 0.01)
    authority = link.identities.connect(link.proxy.url)
    arrived = Event()

    def hold(_method: str, _path: str) -> Fault:
        arrived.set()
        return Fault.HELD_AFTER

    link.proxy.rule = hold
    ends: list[str] = []

    def call() -> None:
        with pytest.raises(AuthorityUnavailable) as error:
            authority.status(1)
        ends.append(str(error.value))

    held = Thread(target=call)
    held.start()
    assert arrived.wait(60)
    with pytest.raises(AuthorityUnavailable, match="1 calls are under way"):
        authority.status(2)
    authority.close()
    held.join()
    assert ends == ["CancelledError"]
