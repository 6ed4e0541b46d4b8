"""pkilint on what authorities sign: certificates, CRLs, OCSP answers (RFC 5280, RFC 6960)."""

from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader, pkix
from pkilint.pkix import certificate as pkix_certificate, crl as pkix_crl, extension, name, ocsp as pkix_ocsp
from pkilint.validation import ValidationFindingSeverity

ALLOWED: Final = {
    "pkix.certificate_policies_policy_has_qualifier": "the real certificates name the place of their policy (CPS)",
    "pkix.ldap_uri_not_validated": "the real certificates also point to CRLs in LDAP, which the lint does not read",
}
"""Findings that are the real profiles' own: code → why it is kept."""


def lint_certificate(certificate: x509.Certificate) -> set[str]:
    """Codes of what is wrong with a certificate, from notice up."""
    der = certificate.public_bytes(Encoding.DER)
    return _findings(_certificates(), loader.RFC5280CertificateDocumentLoader().load_der_document(der))


def lint_crl(der: bytes) -> set[str]:
    """The same of a CRL."""
    return _findings(_crls(), loader.RFC5280CertificateListDocumentLoader().load_der_document(der))


def lint_ocsp(der: bytes) -> set[str]:
    """The same of an OCSP answer."""
    return _findings(_answers(), loader.RFC6960OCSPResponseDocumentLoader().load_der_document(der))


@cache
def _certificates() -> Any:
    return pkix_certificate.create_pkix_certificate_validator_container(
        pkix_certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            pkix_certificate.create_issuer_validator_container([]),
            pkix_certificate.create_validity_validator_container(),
            pkix_certificate.create_subject_validator_container([]),
            pkix_certificate.create_extensions_validator_container([]),
            pkix_certificate.create_spki_validator_container([]),
        ],
    )


@cache
def _crls() -> Any:
    return pkix_crl.create_pkix_crl_validator_container(
        _decoders(),
        [
            pkix_crl.create_issuer_validator_container([]),
            pkix_crl.create_validity_validator_container([]),
            pkix_crl.create_extensions_validator_container([]),
        ],
    )


@cache
def _answers() -> Any:
    return pkix_ocsp.create_pkix_ocsp_response_validator_container(
        [pkix_ocsp.create_response_decoder(), *_decoders()], []
    )


def _decoders() -> list[Any]:
    return [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ]


def _findings(linter: Any, document: Any) -> set[str]:
    return {
        finding.finding.code
        for result in linter.validate(document.root)
        for finding in result.finding_descriptions
        if finding.finding.severity <= ValidationFindingSeverity.NOTICE
    }
