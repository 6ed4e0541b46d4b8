"""pkilint's RFC 5280 lint on every product of both environments."""

import datetime
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader
from pkilint.pkix import certificate as pkix, extension, name
from pkilint.validation import ValidationFindingSeverity

from pfcng.contract.catalogue import PRODUCTS, Environment, Product
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.serials import random_serial
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AuthorityName
from support.certificate_requests import request_for

ALLOWED = {
    "pkix.certificate_policies_policy_has_qualifier": "the real certificates name the place of their policy (CPS)",
    "pkix.ldap_uri_not_validated": "the real certificates also point to CRLs in LDAP, which the lint does not read",
}
"""Findings that are the real profiles' own: code → why it is kept."""


@pytest.fixture(scope="session")
def linter() -> Any:
    return pkix.create_pkix_certificate_validator_container(
        pkix.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            pkix.create_issuer_validator_container([]),
            pkix.create_validity_validator_container(),
            pkix.create_subject_validator_container([]),
            pkix.create_extensions_validator_container([]),
            pkix.create_spki_validator_container([]),
        ],
    )


@pytest.mark.parametrize("environment", tuple(Environment))
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_product_passes_the_lint(
    linter: Any,
    issuers: Mapping[AuthorityName, x509.Certificate],
    issuer_key: rsa.RSAPrivateKey,
    holder_key: rsa.RSAPrivateKey,
    product: Product,
    environment: Environment,
) -> None:
    """No finding from notice up, but those that are the real certificates' own; and none of these has gone."""
    request = request_for(product, environment, holder_key)
    builder = certificate_builder(
        request,
        issuer=issuers[issuing_authority(request)],
        serial=random_serial(),
        not_before=datetime.datetime.now(datetime.UTC),
        urls=PublicationUrls(),
    )
    der = builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)
    results = linter.validate(loader.RFC5280CertificateDocumentLoader().load_der_document(der).root)
    findings = {
        finding.finding.code
        for result in results
        for finding in result.finding_descriptions
        if finding.finding.severity <= ValidationFindingSeverity.NOTICE
    }
    assert findings == set(ALLOWED)
