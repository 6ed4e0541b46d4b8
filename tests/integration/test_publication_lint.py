"""pkilint's RFC 5280 and RFC 6960 lint on what is published: CRLs of every kind, OCSP answers, responders."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags, ocsp
from pkilint import loader, pkix
from pkilint.pkix import certificate as pkix_certificate, crl as pkix_crl, extension, name, ocsp as pkix_ocsp
from pkilint.validation import ValidationFindingSeverity

from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.store.database import Database
from support.igc import Clock, Hierarchy, make_hierarchy, revoke
from support.ocsp import ask


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


def decoders() -> list[Any]:
    return [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ]


def findings(linter: Any, document: Any) -> set[str]:
    """Codes from notice up."""
    return {
        finding.finding.code
        for result in linter.validate(document.root)
        for finding in result.finding_descriptions
        if finding.finding.severity <= ValidationFindingSeverity.NOTICE
    }


def lint_crl(der: bytes) -> set[str]:
    linter = pkix_crl.create_pkix_crl_validator_container(
        decoders(),
        [
            pkix_crl.create_issuer_validator_container([]),
            pkix_crl.create_validity_validator_container([]),
            pkix_crl.create_extensions_validator_container([]),
        ],
    )
    return findings(linter, loader.RFC5280CertificateListDocumentLoader().load_der_document(der))


def lint_ocsp(der: bytes) -> set[str]:
    linter = pkix_ocsp.create_pkix_ocsp_response_validator_container(
        [pkix_ocsp.create_response_decoder(), *decoders()], []
    )
    return findings(linter, loader.RFC6960OCSPResponseDocumentLoader().load_der_document(der))


def lint_certificate(certificate: x509.Certificate) -> set[str]:
    linter = pkix_certificate.create_pkix_certificate_validator_container(
        pkix_certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            pkix_certificate.create_issuer_validator_container([]),
            pkix_certificate.create_validity_validator_container(),
            pkix_certificate.create_subject_validator_container([]),
            pkix_certificate.create_extensions_validator_container([]),
            pkix_certificate.create_spki_validator_container([]),
        ],
    )
    der = certificate.public_bytes(Encoding.DER)
    return findings(linter, loader.RFC5280CertificateDocumentLoader().load_der_document(der))


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
