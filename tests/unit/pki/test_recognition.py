"""A certificate is recognised for what it was made as."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.contract.catalogue import PRODUCTS, Environment, Product
from pfcng.igc import builder
from pfcng.igc.cards import CardSpec, CardType, CardUse, card_holder
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import EMULATEUR, AuthorityName
from pfcng.pki.recognition import recognise
from support.certificate_requests import request_for, spki

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def issuer(name: AuthorityName, key: rsa.RSAPrivateKey) -> x509.Certificate:
    subject = name.distinguished_name(EMULATEUR)
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW, NOW)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_product_is_recognised(product: Product, environment: Environment, printed_key: rsa.RSAPrivateKey) -> None:
    """By its authority, usages, names and policy; one product is left, both worlds."""
    request = request_for(product, environment, printed_key)
    made = certificate_builder(
        request,
        issuer=issuer(issuing_authority(request), printed_key),
        serial=7,
        not_before=NOW,
        urls=PublicationUrls(),
    ).sign(printed_key, hashes.SHA256())
    known = recognise(made)
    assert (known.products, known.environment, known.emulated) == ((product,), environment, True)
    assert known.category == "certificat logiciel"


@pytest.mark.parametrize("use", CardUse)
def test_card_is_recognised(use: CardUse, printed_key: rsa.RSAPrivateKey) -> None:
    """Its type and use, its number, the profession and the savoir-faire."""
    spec = CardSpec(
        name="x", card_type=CardType.CPS, environment=Environment.TEST, id_nat="899700990015", nom="N", prenom="P",
        title="Médecin", profession=10, savoir_faire=("SM26", "SM54"),
    )  # fmt: skip
    holder = card_holder(spec, use, spki(printed_key))
    made = builder.build(
        holder, issuer=issuer(spec.authority, printed_key), serial=7, not_before=NOW, urls=PublicationUrls()
    ).sign(printed_key, hashes.SHA256())
    known = recognise(made)
    assert known.card == f"CPS, {'signature' if use is CardUse.SIGN else 'authentification'}"
    assert (known.products, known.category) == ((), "carte")
    assert known.private == {
        "Numéro de carte": f"8025000001/{spec.number}",
        "Profession": "10",
        "Savoir-faire": "SM26, SM54",
    }


def test_authority_and_stranger_are_recognised(printed_key: rsa.RSAPrivateKey) -> None:
    """An authority by its name; outside the IGC-Santé nothing is said."""
    request = request_for(PRODUCTS[0], Environment.TEST, printed_key)
    authority = recognise(issuer(issuing_authority(request), printed_key))
    assert (authority.is_authority, authority.authority) == (True, issuing_authority(request))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "autre")])
    made = x509.CertificateBuilder(name, name, printed_key.public_key(), 1, NOW, NOW).sign(printed_key, hashes.SHA256())
    assert recognise(made).authority is None
    assert recognise(made).products == ()
