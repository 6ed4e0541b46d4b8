"""pkilint's RFC 5280 lint on every certificate: products, roots and authorities of both environments."""

import datetime
from collections.abc import Mapping

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.contract.catalogue import PRODUCTS, Environment, Product
from pfcng.igc.hierarchy import AuthorityPlan, authority_serial, certify
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.serials import random_serial
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, EMULATEUR, ROOTS, AuthorityName
from pfcng.pki.keys import Credential
from support.certificate_requests import request_for
from support.lints import ALLOWED, lint_certificate

NOW = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)


@pytest.mark.parametrize("environment", tuple(Environment))
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_product_passes_the_lint(
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
    assert lint_certificate(builder.sign(issuer_key, hashes.SHA256())) == set(ALLOWED)


@pytest.mark.parametrize("markers", [(), (EMULATEUR,)], ids=["strict", "emulateur"])
@pytest.mark.parametrize("name", [*ROOTS, *AUTHORITIES], ids=lambda name: name.file_stem)
def test_root_and_authority_pass_the_lint(
    issuer_key: rsa.RSAPrivateKey, holder_key: rsa.RSAPrivateKey, name: AuthorityName, markers: tuple[str]
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
    assert lint_certificate(certificate) == ALLOWED.keys() - ({ldap} if name.is_root else set())
