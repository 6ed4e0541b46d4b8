"""The plain HTTP port over a real database: files, conditional requests, OCSP over GET and POST.

Source: docs/publication.md; RFC 9110 §13, RFC 5019 §5 and §6.
"""

import base64
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import ocsp

from pfcng.igc import others, published
from pfcng.igc.others import Known, Purpose
from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.store.database import Database
from pfcng.web.publication import create_publication
from pfcng.web.published_files import PublishedFiles
from support.asgi import AsgiClient
from support.igc import NOW, Clock, Hierarchy, make_hierarchy, revoke
from support.ocsp import ask, statuses

CRL, DELTA, ROOT_CRL = "/CRL/ACI-EL-ORG-TEST.crl", "/CRL/ACI-EL-ORG-TEST-delta.crl", "/CRL/ACR-EL-TEST.crl"
CERTIFICATE = "/AC%20TEST/ACI-EL-ORG-TEST.cer"
CHAIN = "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


class Port:
    """The port of a root and an authority, and who publishes on it."""

    def __init__(self, database: Database, hierarchy: Hierarchy, ocsp_url: str) -> None:
        signers = [hierarchy.authority, hierarchy.root]
        self.database = database
        self.hierarchy = hierarchy
        self.clock = Clock()
        self.publisher = Publisher(database, signers=signers, clock=self.clock)
        responder = Responder(database, signers=signers, clock=self.clock)
        files = PublishedFiles(database, [signer.certificate for signer in signers], clock=self.clock)
        self.client = AsgiClient(create_publication(files, responder, ocsp_url=ocsp_url, clock=self.clock))
        with database.transaction() as connection:
            others.register(connection, [Known(hierarchy.issuer, Purpose.CARD, hierarchy.root.certificate)])

    @property
    def known(self) -> int:
        """A serial that the authority knows."""
        return self.hierarchy.root.certificate.serial_number

    def request(self, **how: bytes) -> bytes:
        return ask(self.hierarchy.authority.certificate, self.known, **how)  # type: ignore[arg-type]  # a nonce


@pytest.fixture
def port(database: Database, hierarchy: Hierarchy) -> Port:
    return Port(database, hierarchy, "http://localhost:8080/ocsp")


@pytest.fixture
def bare_port(database: Database, hierarchy: Hierarchy) -> Port:
    """The responder has a host of its own, as the real one."""
    return Port(database, hierarchy, "http://ocsp.esante.gouv.fr")


def test_crls_are_served_as_they_are_published(port: Port) -> None:
    """At the real paths; the delta beside, for the real one is in a directory alone."""
    port.publisher.turn()
    serial = revoke(port.database, port.hierarchy.issuer)
    for path, delta in ((CRL, False), (DELTA, True), (ROOT_CRL, False)):
        answer = port.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pkix-crl")
        assert int(answer.headers["content-length"]) == len(answer.content)
        crl = x509.load_der_x509_crl(answer.content)
        assert len(crl) == 0
        assert any(isinstance(extension.value, x509.DeltaCRLIndicator) for extension in crl.extensions) is delta
    port.clock.now += 2 * MINUTE
    port.publisher.turn()
    for path in (CRL, DELTA):
        assert [entry.serial_number for entry in x509.load_der_x509_crl(port.client.get(path).content)] == [serial]
    assert port.client.get("/CRL/ACR-EL-TEST-delta.crl").status_code == 404


def test_authorities_are_served_alone_and_as_a_chain(port: Port) -> None:
    """DER, with the types that browsers and libraries know (RFC 2585)."""
    certificate = port.client.get(CERTIFICATE)
    assert certificate.headers["content-type"] == "application/pkix-cert"
    assert x509.load_der_x509_certificate(certificate.content) == port.hierarchy.authority.certificate
    chain = port.client.get(CHAIN)
    assert chain.headers["content-type"] == "application/x-pkcs7-certificates"
    expected = {port.hierarchy.root.certificate, port.hierarchy.authority.certificate}
    assert set(pkcs7.load_der_pkcs7_certificates(chain.content)) == expected
    assert port.client.get("/AC/Chaine_de_certification-IGC-Sante.p7b").status_code == 404


@pytest.mark.parametrize("path", [CRL, DELTA, ROOT_CRL, CERTIFICATE, CHAIN])
def test_what_the_client_has_is_not_sent_again(port: Port, path: str) -> None:
    """ETag before Last-Modified; HEAD says the same without a body."""
    port.publisher.turn()
    first = port.client.get(path)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    head = port.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "last-modified", "cache-control", "content-length", "content-type"):
        assert head.headers[name] == first.headers[name]
    earlier = format_datetime(parsedate_to_datetime(modified) - SECOND, usegmt=True)
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f'"x", W/{etag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": modified}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": earlier}, 200),
        ({"If-Modified-Since": "hier"}, 200),
    ):
        again = port.client.get(path, headers=headers)
        assert (again.status_code, bool(again.content)) == (status, status == 200), headers
        assert again.headers["etag"] == etag


def test_crl_may_be_kept_for_an_hour_and_never_past_its_next_update(port: Port) -> None:
    """The delta for a minute: who fetches it wants the newest."""
    port.publisher.turn()
    made = NOW.replace(microsecond=0)
    for path, age, end in ((CRL, 3600, made + 6 * DAY), (DELTA, 60, made + DAY), (ROOT_CRL, 3600, made + 45 * DAY)):
        headers = port.client.get(path).headers
        assert headers["cache-control"] == f"public, max-age={age}, must-revalidate"
        assert parsedate_to_datetime(headers["expires"]) == end
        assert parsedate_to_datetime(headers["last-modified"]) == made
        port.clock.now = end - 10 * SECOND
        assert "max-age=10," in port.client.get(path).headers["cache-control"]
        port.clock.now = end + DAY
        assert "max-age=0," in port.client.get(path).headers["cache-control"]
        port.clock.now = NOW
    assert "max-age=86400," in port.client.get(CERTIFICATE).headers["cache-control"]


def test_what_is_not_there_is_told_in_french(port: Port) -> None:
    """404, 405, and 503 for a CRL that is about to come."""
    unknown = port.client.get("/CRL/inconnue.crl")
    assert (unknown.status_code, unknown.text) == (404, "Ce fichier n’est pas publié ici.\n")
    refused = port.client.post(CRL)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.text.startswith("Méthode non admise")
    waiting = port.client.get(CRL)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "60")
    assert waiting.text == "Ce fichier n’est pas encore publié.\n"


def test_files_are_served_while_the_database_is_away(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process holds is still true until its nextUpdate."""
    port.publisher.turn()
    content = port.client.get(CRL).content

    def away(*_: object, **__: object) -> int:
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(published, "newest_number", away)
    assert port.client.get(CRL).content == content
    assert port.client.get(DELTA).status_code == 503


def test_files_are_served_while_the_database_goes_away(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the reading: the file before, or HTTP 503, as when it was away at the look."""

    def cut(*_: object, **__: object) -> None:
        raise psycopg.errors.AdminShutdown

    port.publisher.turn()
    held = port.client.get(CRL).content
    with monkeypatch.context() as patch:
        patch.setattr(published, "read_file", cut)
        assert port.client.get(DELTA).status_code == 503
        revoke(port.database, port.hierarchy.issuer, port.known, at=port.clock.now)
        port.clock.now += HOUR
        port.publisher.turn()
        assert port.client.get(CRL).content == held
    assert port.client.get(CRL).content != held


def test_body_is_read_once_for_every_request(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request costs one look-up; the megabytes are read when there is a new number."""
    port.publisher.turn()
    reads = []
    read = published.read_file

    def counted(*arguments: object, **named: object) -> object:
        reads.append(arguments)
        return read(*arguments, **named)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(published, "read_file", counted)
    for _ in range(5):
        port.client.get(CRL)
    assert len(reads) == 1


def test_ocsp_is_asked_by_post(port: Port) -> None:
    """RFC 6960 A.1; nobody keeps such an answer."""
    for path in ("/ocsp", "/ocsp/"):
        answer = port.client.post(path, content=port.request(), headers={"Content-Type": "application/ocsp-request"})
        assert answer.headers["content-type"] == "application/ocsp-response"
        assert answer.headers["cache-control"] == "no-store"
        assert statuses(answer.content) == [(port.known, "GOOD")]


def written(request: bytes) -> list[str]:
    """The ways in which clients write a request into a path."""
    encoded = base64.b64encode(request).decode()
    return [
        quote(encoded, safe=""),
        encoded,
        encoded.rstrip("="),
        "/" + encoded,
        quote(quote(encoded, safe=""), safe=""),
        base64.urlsafe_b64encode(request).decode(),
        encoded.replace("+", "%20"),
    ]


@pytest.mark.parametrize("way", range(7))
def test_ocsp_is_asked_by_get(port: Port, way: int) -> None:
    """RFC 6960 A.1: base64, then URL-encoded; and what clients make of that."""
    for serial in range(1, 40):  # some have + and / in their base64
        request = ask(port.hierarchy.authority.certificate, serial)
        answer = port.client.get(f"/ocsp/{written(request)[way]}")
        assert statuses(answer.content) == [(serial, "UNKNOWN")], serial


def test_ocsp_answer_may_be_kept_for_some_minutes(port: Port) -> None:
    """RFC 5019 §6.2; the client that has it is told so."""
    path = f"/ocsp/{written(port.request())[0]}"
    answer = port.client.get(path)
    minute = NOW.replace(second=0, microsecond=0)
    assert answer.headers["cache-control"] == "max-age=300, public, no-transform, must-revalidate"
    assert parsedate_to_datetime(answer.headers["last-modified"]) == minute
    assert parsedate_to_datetime(answer.headers["expires"]) == minute + HOUR
    again = port.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    revoke(port.database, port.hierarchy.issuer, port.known)
    assert port.client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("path", ["/ocsp/", "/ocsp/M%00", "/ocsp/é", "/ocsp/" + "M" * 20_000])
def test_path_that_is_no_request_is_malformed_and_not_kept(port: Port, path: str) -> None:
    """An OCSP answer all the same; and so has one with a nonce nothing to keep."""
    answer = port.client.get(path)
    status = ocsp.load_der_ocsp_response(answer.content).response_status
    assert (answer.status_code, status) == (200, ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    assert answer.headers["cache-control"] == "no-store"
    nonced = port.client.get(f"/ocsp/{written(port.request(nonce=b'n'))[0]}")
    assert nonced.headers["cache-control"] == "no-store"


def test_ocsp_request_is_bounded(port: Port) -> None:
    """Nobody fills the memory."""
    answer = port.client.post("/ocsp", content=b"0" * 20_000)
    assert (answer.status_code, answer.text) == (413, "Requête OCSP trop longue.\n")


def test_responder_with_a_host_of_its_own_answers_at_the_root(bare_port: Port) -> None:
    """As ``http://ocsp.esante.gouv.fr``; the files stay where they are."""
    bare_port.publisher.turn()
    assert statuses(bare_port.client.post("/", content=bare_port.request()).content) == [(bare_port.known, "GOOD")]
    answer = bare_port.client.get(f"/{written(bare_port.request())[0]}")
    assert statuses(answer.content) == [(bare_port.known, "GOOD")]
    assert bare_port.client.get(CRL).headers["content-type"] == "application/pkix-crl"
    assert bare_port.client.get("/CRL/inconnue.crl").status_code == 404
