"""pkilint's RFC 5280 lint on every certificate: products, roots and authorities of both environments."""

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
from pfcng.igc.hierarchy import AuthorityPlan, authority_serial, certify
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.serials import random_serial
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, EMULATEUR, ROOTS, AuthorityName
from pfcng.pki.keys import Credential
from support.certificate_requests import request_for

ALLOWED = {
    "pkix.certificate_policies_policy_has_qualifier": "the real certificates name the place of their policy (CPS)",
    "pkix.ldap_uri_not_validated": "the real certificates also point to CRLs in LDAP, which the lint does not read",
}
"""Findings that are the real profiles' own: code → why it is kept."""
NOW = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)


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
    assert findings_of(linter, builder.sign(issuer_key, hashes.SHA256())) == set(ALLOWED)


@pytest.mark.parametrize("markers", [(), (EMULATEUR,)], ids=["strict", "emulateur"])
@pytest.mark.parametrize("name", [*ROOTS, *AUTHORITIES], ids=lambda name: name.file_stem)
def test_root_and_authority_pass_the_lint(
    linter: Any, issuer_key: rsa.RSAPrivateKey, holder_key: rsa.RSAPrivateKey, name: AuthorityName, markers: tuple[str]
) -> None:
    """As products; a root names no CRL."""

    def plan(of: AuthorityName) -> AuthorityPlan:
        return AuthorityPlan(
            name=of,
            markers=markers,
            serial=authority_serial(),
            not_before=NOW,
            not_after=NOW + datetime.timedelta(days=7300),
            urls=PublicationUrls(),
        )

    root = certify(plan(name.root), issuer_key.public_key(), issuer_key)
    signer = issuer_key if name.is_root else Credential(certificate=root, chain=(), key=issuer_key)
    key = issuer_key if name.is_root else holder_key
    certificate = certify(plan(name), key.public_key(), signer)
    ldap = "pkix.ldap_uri_not_validated"
    assert findings_of(linter, certificate) == ALLOWED.keys() - ({ldap} if name.is_root else set())


def findings_of(linter: Any, certificate: x509.Certificate) -> set[str]:
    """The codes, from notice up."""
    der = certificate.public_bytes(Encoding.DER)
    results = linter.validate(loader.RFC5280CertificateDocumentLoader().load_der_document(der).root)
    return {
        finding.finding.code
        for result in results
        for finding in result.finding_descriptions
        if finding.finding.severity <= ValidationFindingSeverity.NOTICE
    }
