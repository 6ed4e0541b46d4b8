"""OCSP over a real database: every state of a certificate, and whatever a stranger asks. Source: RFC 6960."""

from datetime import datetime, timedelta
from typing import Any, NoReturn

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import HealthCheck, given, settings, strategies as st

from pfcng.igc import others, responder as module
from pfcng.igc.ocsp import issuer_ids
from pfcng.igc.others import Known, Purpose
from pfcng.igc.responder import Responder
from pfcng.pki.keys import Credential
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.store.database import Database
from support.igc import NOW, Clock, Hierarchy, make_hierarchy, revoke
from support.ocsp import ask, ask_several, statuses

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WHOLE_MINUTE = NOW.replace(second=0, microsecond=0)


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


@pytest.fixture(scope="session")
def responder_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Desk:
    """A responder of one authority, its clock, and a certificate that the authority knows."""

    def __init__(self, database: Database, hierarchy: Hierarchy) -> None:
        self.database = database
        self.clock = Clock()
        self.hierarchy = hierarchy
        self.issuer = hierarchy.authority.certificate
        self.responder = Responder(database, signers=[hierarchy.authority], clock=self.clock)
        self.known = self.know(hierarchy.root.certificate).serial_number  # any certificate will do

    def know(self, certificate: x509.Certificate) -> x509.Certificate:
        with self.database.transaction() as connection:
            others.register(connection, [Known(self.hierarchy.issuer, Purpose.CARD, certificate)])
        return certificate

    def raw(self, serial: int, **how: Any) -> bytes:
        return self.responder.answer(ask(self.issuer, serial, **how)).der

    def answer(self, serial: int, **how: Any) -> ocsp.OCSPResponse:
        return ocsp.load_der_ocsp_response(self.raw(serial, **how))

    def refusal(self, raw: bytes) -> OCSPResponseStatus:
        answer = self.responder.answer(raw)
        assert answer.next_update is None
        return ocsp.load_der_ocsp_response(answer.der).response_status


@pytest.fixture
def desk(
    database: Database, hierarchy: Hierarchy, responder_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.setattr(rsa, "generate_private_key", lambda **_: responder_key)  # one key for all the tests
    return Desk(database, hierarchy)


def test_known_certificate_is_good(desk: Desk) -> None:
    """Signed by a delegate of its authority, whose certificate comes along."""
    answer = desk.answer(desk.known)
    assert answer.certificate_status is OCSPCertStatus.GOOD
    assert answer.serial_number == desk.known
    [delegate] = answer.certificates
    delegate.verify_directly_issued_by(desk.issuer)
    key = delegate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), hashes.SHA256())
    identifier = delegate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert answer.responder_key_hash == identifier.digest
    assert (answer.this_update_utc, answer.next_update_utc) == (WHOLE_MINUTE, WHOLE_MINUTE + HOUR)
    assert answer.produced_at_utc == WHOLE_MINUTE


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (None, None),
        (x509.ReasonFlags.unspecified, None),
        (x509.ReasonFlags.key_compromise, x509.ReasonFlags.key_compromise),
        (x509.ReasonFlags.cessation_of_operation, x509.ReasonFlags.cessation_of_operation),
    ],
)
def test_revoked_certificate_says_when_and_why(
    desk: Desk, reason: x509.ReasonFlags | None, told: x509.ReasonFlags | None
) -> None:
    """The same as the CRL, and at once."""
    revoke(desk.database, desk.hierarchy.issuer, desk.known, reason=reason)
    answer = desk.answer(desk.known)
    assert answer.certificate_status is OCSPCertStatus.REVOKED
    assert answer.revocation_time_utc == NOW.replace(microsecond=0)
    assert answer.revocation_reason == told
    assert answer.this_update_utc >= answer.revocation_time_utc


def test_revoked_certificate_stays_revoked_after_its_end(desk: Desk) -> None:
    """It leaves the CRL, not the responder."""
    revoke(desk.database, desk.hierarchy.issuer, desk.known, not_after=NOW + HOUR)
    desk.clock.now += 400 * DAY
    assert desk.answer(desk.known).certificate_status is OCSPCertStatus.REVOKED


@pytest.mark.parametrize("serial", [1, 2**127 - 1, 2**158, 2**200])
def test_serial_of_nobody_is_unknown_and_never_good(
    desk: Desk, serial: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """And an alarm: the authority could have signed something it does not know."""
    assert desk.answer(serial).certificate_status is OCSPCertStatus.UNKNOWN
    assert "ocsp.unknown_serial" in capsys.readouterr().out


def test_reserved_serial_is_unknown_until_it_is_signed(desk: Desk) -> None:
    """Revoked before, it is revoked."""
    with desk.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO igc.certificat
                (numero, requete, enregistre_le, emetteur, numero_serie, debut_validite, adresses)
            VALUES (1, '{}', now(), %s, %s, now(), '{}')
            """,
            (desk.hierarchy.issuer, (77).to_bytes(16, "big")),
        )
    assert desk.answer(77).certificate_status is OCSPCertStatus.UNKNOWN
    with desk.database.transaction() as connection:
        connection.execute("UPDATE igc.certificat SET der = '\\x30'")
    assert desk.answer(77).certificate_status is OCSPCertStatus.GOOD
    revoke(desk.database, desk.hierarchy.issuer, 77)
    assert desk.answer(77).certificate_status is OCSPCertStatus.REVOKED


def test_serial_of_another_authority_is_unknown(desk: Desk, hierarchy: Hierarchy) -> None:
    """The same number under another issuer is another certificate."""
    both = Responder(desk.database, signers=[hierarchy.authority, hierarchy.root], clock=desk.clock)
    asked = ask(hierarchy.root.certificate, desk.known)
    assert statuses(both.answer(asked).der) == [(desk.known, "UNKNOWN")]


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])  # noqa: S303
def test_issuer_may_be_named_by_any_usual_hash(desk: Desk, algorithm: hashes.HashAlgorithm) -> None:
    """And is named the same way in the answer."""
    answer = desk.answer(desk.known, algorithm=algorithm)
    assert answer.certificate_status is OCSPCertStatus.GOOD
    assert answer.hash_algorithm.name == algorithm.name


@pytest.mark.parametrize("length", [1, 16, 32, 128])
def test_nonce_is_repeated_and_such_an_answer_is_not_kept(desk: Desk, length: int) -> None:
    """RFC 9654: 1 to 128 bytes."""
    request = ask(desk.issuer, desk.known, nonce=b"n" * length)
    answer = desk.responder.answer(request)
    read = ocsp.load_der_ocsp_response(answer.der)
    assert read.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * length
    assert answer.next_update is None
    assert list(ocsp.load_der_ocsp_response(desk.raw(desk.known)).extensions) == []


@pytest.mark.parametrize("length", [0, 129])
def test_nonce_of_another_length_is_malformed(desk: Desk, length: int) -> None:
    """RFC 9654 §2.1."""
    request = ask(desk.issuer, desk.known, nonce=b"n" * length)
    assert desk.refusal(request) is OCSPResponseStatus.MALFORMED_REQUEST


def test_several_certificates_are_answered_together(desk: Desk) -> None:
    """As ``openssl ocsp`` asks them; of several authorities, they are not: an answer has one signer."""
    revoked = revoke(desk.database, desk.hierarchy.issuer)
    several = ask_several(ask(desk.issuer, desk.known), ask(desk.issuer, revoked), ask(desk.issuer, 5))
    assert statuses(desk.responder.answer(several).der) == [
        (desk.known, "GOOD"),
        (revoked, "REVOKED"),
        (5, "UNKNOWN"),
    ]
    root = desk.hierarchy.root.certificate
    assert desk.refusal(ask_several(ask(desk.issuer, 5), ask(root, 5))) is OCSPResponseStatus.UNAUTHORIZED
    assert desk.refusal(ask_several(*[ask(desk.issuer, 5)] * 51)) is OCSPResponseStatus.MALFORMED_REQUEST


def test_unknown_issuer_is_not_answered_for(desk: Desk) -> None:
    """RFC 6960 §2.3: unauthorized."""
    assert desk.refusal(ask(desk.hierarchy.root.certificate, 5)) is OCSPResponseStatus.UNAUTHORIZED


@pytest.mark.parametrize("raw", [b"", b"\0", b"\x30\x00", b"\x30\x02\x30\x00", b"GET", b"\x30\x80" * 50])
def test_what_is_no_request_is_malformed(desk: Desk, raw: bytes) -> None:
    """Never an exception."""
    assert desk.refusal(raw) is OCSPResponseStatus.MALFORMED_REQUEST


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(min_value=0, max_value=200), value=st.integers(min_value=0, max_value=255))
def test_damaged_request_is_answered_all_the_same(desk: Desk, place: int, value: int) -> None:
    """Whatever byte is changed: a status or a refusal, never ours to blame."""
    raw = bytearray(ask(desk.issuer, desk.known, nonce=b"n" * 16))
    raw[place % len(raw)] = value
    answer = ocsp.load_der_ocsp_response(desk.responder.answer(bytes(raw)).der)
    assert answer.response_status is not OCSPResponseStatus.INTERNAL_ERROR


@pytest.mark.parametrize("critical", [False, True])
def test_unknown_extension_counts_when_it_is_critical(desk: Desk, critical: bool) -> None:
    """RFC 6960 §4.4: what is critical and not understood is not passed over."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        issuer_ids(desk.issuer)[0].name,
        issuer_ids(desk.issuer)[0].key,
        desk.known,
        hashes.SHA1(),  # noqa: S303 - what every client uses to name an issuer
    )
    request = builder.add_extension(unknown, critical=critical).build().public_bytes(Encoding.DER)
    if critical:
        assert desk.refusal(request) is OCSPResponseStatus.MALFORMED_REQUEST
    else:
        assert statuses(desk.responder.answer(request).der) == [(desk.known, "GOOD")]


def test_answers_of_one_minute_are_the_same_bytes(desk: Desk) -> None:
    """What an HTTP cache may compare; the next minute says another moment, a revocation says itself at once."""
    first = desk.raw(desk.known)
    desk.clock.now += timedelta(seconds=20)
    assert desk.raw(desk.known) == first
    desk.clock.now += MINUTE
    assert desk.raw(desk.known) != first
    revoke(desk.database, desk.hierarchy.issuer, desk.known, at=desk.clock.now)
    assert desk.answer(desk.known).certificate_status is OCSPCertStatus.REVOKED


def test_delegate_is_known_before_it_answers_and_is_renewed_in_its_last_week(desk: Desk) -> None:
    """Thirty days, OCSPSigning and nocheck; itself good."""

    def delegates() -> int:
        with desk.database.transaction() as connection:
            row = connection.execute(
                "SELECT count(*) AS n FROM igc.autre_certificat WHERE objet = 'répondeur OCSP'"
            ).fetchone()
        assert row is not None
        return int(row["n"])

    desk.responder.renew()
    assert delegates() == 0
    [first] = desk.answer(desk.known).certificates
    assert delegates() == 1
    assert desk.answer(first.serial_number).certificate_status is OCSPCertStatus.GOOD
    purposes = first.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert first.extensions.get_extension_for_oid(ExtensionOID.OCSP_NO_CHECK)
    assert first.not_valid_after_utc - first.not_valid_before_utc == 30 * DAY
    desk.clock.now += 22 * DAY
    desk.responder.renew()
    assert delegates() == 1
    desk.clock.now += 2 * DAY
    desk.responder.renew()
    assert delegates() == 2
    [second] = desk.answer(desk.known).certificates
    assert second != first


def test_authority_that_cannot_certify_keeps_no_other_s_delegate_from_its_renewal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is away for as long as it likes; each process renews its own delegates, once."""
    authorities = [desk.hierarchy.root, desk.hierarchy.authority]
    both = Responder(desk.database, signers=authorities, clock=desk.clock)
    for one in authorities:
        both.answer(ask(one.certificate, desk.known))
    certify, renewed = module.make_certificate, list[Credential]()

    def moody(issuer: Credential, key: rsa.RSAPublicKey, now: datetime) -> x509.Certificate:
        if issuer is desk.hierarchy.root:
            raise KeyUnavailable("Le jeton ne répond pas.")
        renewed.append(issuer)
        return certify(issuer, key, now)

    monkeypatch.setattr(module, "make_certificate", moody)
    desk.clock.now += 24 * DAY
    both.renew()
    both.renew()
    assert renewed == [desk.hierarchy.authority]


def test_delegate_that_nobody_renewed_does_not_outlive_its_end(desk: Desk) -> None:
    """It is made again when it is asked."""
    desk.answer(desk.known)
    desk.clock.now += 31 * DAY
    [delegate] = desk.answer(desk.known).certificates
    assert delegate.not_valid_after_utc > desk.clock.now


def test_delegate_of_a_future_that_the_clock_left_is_made_again(desk: Desk) -> None:
    """A clock that was two days ahead: no client would believe that delegate before."""
    desk.clock.now += 2 * DAY
    desk.answer(desk.known)
    desk.clock.now -= 2 * DAY
    [delegate] = desk.answer(desk.known).certificates
    assert delegate.not_valid_before_utc < desk.clock.now


def test_authority_s_key_that_is_away_is_told_as_such(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """tryLater; a delegate that exists answers without it."""

    def away(*_: object) -> NoReturn:
        raise KeyUnavailable("Le jeton ne répond pas.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "make_certificate", away)
        assert desk.refusal(ask(desk.issuer, desk.known)) is OCSPResponseStatus.TRY_LATER
    desk.answer(desk.known)
    monkeypatch.setattr(module, "make_certificate", away)
    assert desk.answer(desk.known).certificate_status is OCSPCertStatus.GOOD


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (psycopg.OperationalError("away"), OCSPResponseStatus.TRY_LATER),
        (ZeroDivisionError(), OCSPResponseStatus.INTERNAL_ERROR),
    ],
)
def test_what_fails_here_is_never_good(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, status: OCSPResponseStatus
) -> None:
    """No database: try later; a defect: internal error."""

    def failing(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(others, "find_status", failing)
    assert desk.refusal(ask(desk.issuer, desk.known)) is status


def test_wrong_signature_of_a_delegate_does_not_leave(desk: Desk, responder_key: rsa.RSAPrivateKey) -> None:
    """A fault in the authority's computation is seen before the certificate is known."""
    wrong = Credential(certificate=desk.issuer, chain=(), key=responder_key)
    responder = Responder(desk.database, signers=[wrong], clock=desk.clock)
    answer = ocsp.load_der_ocsp_response(responder.answer(ask(desk.issuer, desk.known)).der)
    assert answer.response_status is OCSPResponseStatus.TRY_LATER
