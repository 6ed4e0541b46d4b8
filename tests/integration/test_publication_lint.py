"""pkilint's RFC 5280 and RFC 6960 lint on what is published: CRLs of every kind, OCSP answers, responders."""

import pytest
from cryptography.x509 import ReasonFlags, ocsp

from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.store.database import Database
from support.igc import Clock, Hierarchy, make_hierarchy, revoke
from support.lints import lint_certificate, lint_crl, lint_ocsp
from support.ocsp import ask


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


def test_crls_pass_the_lint(database: Database, hierarchy: Hierarchy) -> None:
    """Complete and delta, of an authority and of a root, empty and with every reason that there is."""
    clock = Clock()
    publisher = Publisher(database, signers=[hierarchy.authority, hierarchy.root], clock=clock)
    publisher.turn()
    for reason in (None, ReasonFlags.unspecified, ReasonFlags.key_compromise, ReasonFlags.cessation_of_operation):
        revoke(database, hierarchy.issuer, reason=reason)
    publisher.turn(at_once=True)
    with database.transaction() as connection:
        rows = connection.execute("SELECT base, entrees, der FROM igc.crl").fetchall()
    assert sorted((row["base"] is not None, row["entrees"]) for row in rows) == [
        (False, 0),
        (False, 0),
        (False, 4),
        (True, 0),
        (True, 4),
    ]
    assert {code for row in rows for code in lint_crl(row["der"])} == set()


def test_ocsp_answers_pass_the_lint(database: Database, hierarchy: Hierarchy) -> None:
    """Good, revoked with and without a reason, unknown; with and without a nonce."""
    issuer = hierarchy.authority.certificate
    responder = Responder(database, signers=[hierarchy.authority], clock=Clock())
    [delegate] = ocsp.load_der_ocsp_response(responder.answer(ask(issuer, 1)).der).certificates
    serials = [
        delegate.serial_number,
        revoke(database, hierarchy.issuer, reason=ReasonFlags.key_compromise),
        revoke(database, hierarchy.issuer),
        1,
    ]
    for serial in serials:
        for nonce in (None, b"n" * 32):
            assert lint_ocsp(responder.answer(ask(issuer, serial, nonce=nonce)).der) == set()
    assert lint_certificate(delegate) == set()
