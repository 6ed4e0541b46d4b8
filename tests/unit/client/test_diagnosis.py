"""Each step that can fail is told for what it is, on messages of any tool, on hostile ones too."""

import builtins
import socket
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from hostile.attacks import FAMILIES, Attack, attacks
from pfcng.client.diagnosis import State, Step
from pfcng.client.diagnosis.certificate import Trust
from pfcng.client.diagnosis.diagnose import Diagnosis, diagnose
from pfcng.client.diagnosis.french import explain
from pfcng.contract.refusal import Refusal
from pfcng.xml import dsig
from pfcng.xml.canonical import Canonicalisation, canonical_octets
from pfcng.xml.soap import open_envelope
from support.minimal_pki import Card, MinimalPki, crl_of
from support.raw_signature import (
    BARE,
    DS,
    EXCLUSIVE,
    RETRAIT,
    WSSE_WRAPPER,
    WSU,
    Shape,
    canonical,
    digest_again,
    find,
    sign_again,
)

EXCLUSIVE_TRANSFORM = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'


def trust_of(pki: MinimalPki, *, revoked: Sequence[Card] = ()) -> Trust:
    certificates = [one.certificate for one in (*pki.trust.roots, *pki.trust.authorities)]
    return Trust(certificates=certificates, crls=[("crl", crl_of(pki.authority, revoked))], fetch=None, now=pki.now)


def look(raw: bytes, pki: MinimalPki, trust: Trust | None = None) -> Diagnosis:
    return diagnose(raw, trust or trust_of(pki))


def step(found: Diagnosis, name: str) -> Step:
    return next(one for one in found.steps if one.name == name)


def only_fault(found: Diagnosis) -> Step:
    """The one step that is at fault; libxmlsec1 then agrees that something is."""
    [fault] = [one for one in found.steps if one.state is State.BAD and one.name != "xmlsec"]
    return fault


@pytest.mark.parametrize(
    "shape",
    [
        Shape(),
        Shape(wrapper=BARE),
        Shape(wrapper=WSSE_WRAPPER, body_attributes=f'xmlns:u="{WSU}" u:Id="Body"'),
        Shape(canonicalisation=EXCLUSIVE, transforms=(EXCLUSIVE_TRANSFORM,)),
        Shape(transforms=()),
        Shape(envelope_attributes='xmlns="urn:defaut" xmlns:autre="urn:autre"'),
    ],
)
def test_message_that_the_platform_takes_is_good_at_every_step(shape: Shape, minimal_pki: MinimalPki) -> None:
    """Ours and other tools'; the octets shown are those that were digested and signed."""
    raw = shape.signed(minimal_pki.signer)
    found = look(raw, minimal_pki)
    assert [one.name for one in found.steps] == [
        *("document", "place", "forme", "reference", "certificat", "dates", "chaine", "crl"),
        *("signature", "condense", "xmlsec"),
    ]
    assert {one.state for one in found.steps} == {State.GOOD}, found.steps
    value = find(etree.fromstring(raw), ".//ds:DigestValue").text
    assert found.body is not None
    assert step(found, "condense").details["Condensé attendu"] == value


def test_without_trust_the_chain_is_said_not_to_be_verified(minimal_pki: MinimalPki) -> None:
    """No anchors, no CRL: neither good nor at fault."""
    trust = Trust(certificates=[], crls=[], fetch=None, now=minimal_pki.now)
    found = look(Shape().signed(minimal_pki.signer), minimal_pki, trust)
    assert {one.name for one in found.steps if one.state is State.UNKNOWN} == {"chaine", "crl"}
    assert found.first_fault is None


def resigned(pki: MinimalPki, octets: bytes, function: hashes.HashAlgorithm, raw: bytes) -> bytes:
    """The message with the signature of other octets."""
    root = etree.fromstring(raw)
    value = pki.signer.key.sign(octets, padding.PKCS1v15(), function)
    find(root, ".//ds:SignatureValue").text = b64encode(value).decode()
    return bytes(etree.tostring(root))


def redigested(pki: MinimalPki, octets: bytes, raw: bytes) -> bytes:
    """The message with the digest of other octets, signed again."""
    root = etree.fromstring(raw)
    find(root, ".//ds:DigestValue").text = b64encode(sha256(octets).digest()).decode()
    sign_again(root, pki.signer)
    return bytes(etree.tostring(root))


def body_of(raw: bytes) -> etree._Element:
    return find(etree.fromstring(raw), "soap:Body")


SIGNED = Shape(envelope_attributes='xmlns="urn:defaut"')


@pytest.mark.parametrize(
    ("slip", "expected"),
    [
        (lambda raw: canonical_octets(body_of(raw), Canonicalisation(exclusive=True)), "exclusive"),
        (lambda raw: canonical_octets(body_of(raw)[0], Canonicalisation()), "le contenu de l’élément"),
        (lambda raw: raw[raw.index(b"<soap:Body") : raw.index(b"</soap:Body>") + 12], "sans canonicalisation"),
        (lambda raw: canonical(body_of(raw.replace(b' sec:id="Body"', b""))), "identifiant"),
    ],
)
def test_digest_of_something_else_is_recognised(minimal_pki: MinimalPki, slip: object, expected: str) -> None:
    """The usual slips, each made again until one fits."""
    assert callable(slip)
    raw = SIGNED.signed(minimal_pki.signer)
    fault = only_fault(look(redigested(minimal_pki, slip(raw), raw), minimal_pki))
    assert (fault.name, expected in fault.text) == ("condense", True), fault.text


def test_message_that_was_indented_after_its_signature_is_recognised(minimal_pki: MinimalPki) -> None:
    """A pretty-printer between the tool and the wire."""
    root = etree.fromstring(Shape().signed(minimal_pki.signer))
    etree.indent(find(root, "soap:Body"))
    fault = only_fault(look(etree.tostring(root), minimal_pki))
    assert "avant son indentation" in fault.text


def test_other_hash_and_hexadecimal_are_recognised(minimal_pki: MinimalPki) -> None:
    """SHA-512 under a SHA-256 label; the digest in hexadecimal under base64."""
    root = etree.fromstring(Shape().signed(minimal_pki.signer))
    digest_again(root, hashes.SHA512())
    sign_again(root, minimal_pki.signer)
    assert "SHA512" in only_fault(look(etree.tostring(root), minimal_pki)).text
    body = canonical(find(root, "soap:Body"))
    find(root, ".//ds:DigestValue").text = b64encode(sha256(body).hexdigest().encode()).decode()
    sign_again(root, minimal_pki.signer)
    assert "hexadécimal" in only_fault(look(etree.tostring(root), minimal_pki)).text


def test_body_that_was_changed_is_told(minimal_pki: MinimalPki) -> None:
    """No slip explains it."""
    raw = Shape().signed(minimal_pki.signer).replace(b">59<", b">60<")
    assert "modifié après sa signature" in only_fault(look(raw, minimal_pki)).text


def test_signature_of_something_else_is_recognised(minimal_pki: MinimalPki) -> None:
    """What the key has really signed is inside its signature: the Body, a double digest, another form or hash."""
    raw = Shape().signed(minimal_pki.signer)
    info = canonical(find(etree.fromstring(raw), ".//ds:SignedInfo"))
    exclusive = canonical_octets(find(etree.fromstring(raw), ".//ds:SignedInfo"), Canonicalisation(exclusive=True))
    for octets, function, expected in (
        (canonical(body_of(raw)), hashes.SHA256(), "signé le Body lui-même"),
        (sha256(info).digest(), hashes.SHA256(), "condensé deux fois"),
        (exclusive, hashes.SHA256(), "exclusive"),
        (info, hashes.SHA512(), "SHA512"),
        (b"autre chose", hashes.SHA256(), "SignedInfo a changé"),
    ):
        fault = only_fault(look(resigned(minimal_pki, octets, function, raw), minimal_pki))
        assert (fault.name, expected in fault.text) == ("signature", True), fault.text


def test_signature_by_another_key_is_recognised(minimal_pki: MinimalPki) -> None:
    """The other key of the card, or the certificates of KeyInfo in the wrong order."""
    raw = Shape().signed(minimal_pki.stranger, minimal_pki.signer)
    assert "Une carte a deux clés" in only_fault(look(raw, minimal_pki)).text
    raw = Shape().signed(minimal_pki.stranger, minimal_pki.signer, minimal_pki.stranger)
    assert "doit être le premier" in step(look(raw, minimal_pki), "signature").text


def test_pss_under_another_label_is_recognised(minimal_pki: MinimalPki) -> None:
    """CPS4 cards can do it."""
    root = etree.fromstring(Shape().signed(minimal_pki.signer))
    octets = canonical(find(root, ".//ds:SignedInfo"))
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    find(root, ".//ds:SignatureValue").text = b64encode(
        minimal_pki.signer.key.sign(octets, scheme, hashes.SHA256())
    ).decode()
    assert "RSA-PSS" in only_fault(look(etree.tostring(root), minimal_pki)).text


@pytest.mark.parametrize(
    ("holder", "name", "expected"),
    [
        ("authentication", "certificat", "certificat de signature de la carte"),
        ("expired", "dates", "expiré"),
        ("organisation", "chaine", "ne certifie pas de personnes"),
        ("stranger", "chaine", "Aucun des certificats de --confiance"),
        ("revoked", "crl", "opposée"),
    ],
)
def test_fault_of_the_certificate_is_a_step_of_its_own(
    minimal_pki: MinimalPki, holder: str, name: str, expected: str
) -> None:
    """Use, dates, chain, CRL; the rest of the signature is good."""
    raw = Shape().signed(getattr(minimal_pki, holder))
    fault = only_fault(look(raw, minimal_pki, trust_of(minimal_pki, revoked=[minimal_pki.revoked])))
    assert (fault.name, expected in fault.text) == (name, True), fault.text


def test_card_before_its_dates_is_told(minimal_pki: MinimalPki) -> None:
    """A clock that is wrong, here or there."""
    trust = replace(trust_of(minimal_pki), now=minimal_pki.signer.certificate.not_valid_before_utc.replace(year=2020))
    assert "pas encore valide" in step(look(Shape().signed(minimal_pki.signer), minimal_pki, trust), "dates").text


@pytest.mark.parametrize(
    ("shape", "name", "expected"),
    [
        (Shape(wrapper="<x:y xmlns:x='urn:x'>{signature}</x:y>"), "place", "entrées de signature"),
        (Shape(method=f"{DS}rsa-sha1"), "forme", "SHA-1"),
        (Shape(canonicalisation="urn:autre"), "forme", "CanonicalizationMethod"),
        (Shape(uri=""), "forme", "Reference"),
    ],
)
def test_shape_that_the_platform_refuses_is_told_in_french(
    minimal_pki: MinimalPki, shape: Shape, name: str, expected: str
) -> None:
    """The platform's own rule, and the steps after it are looked at all the same."""
    found = look(shape.unsigned(minimal_pki.signer).encode(), minimal_pki)
    fault = step(found, name)
    assert (fault.state, expected in fault.text) == (State.BAD, True), fault.text
    assert step(found, "condense").state is State.BAD


def test_reference_and_key_that_lead_nowhere_are_told(minimal_pki: MinimalPki) -> None:
    """An identifier that nobody bears; a key without its certificate."""
    root = etree.fromstring(Shape().signed(minimal_pki.signer))
    find(root, ".//ds:Reference").set("URI", "#Autre")
    sign_again(root, minimal_pki.signer)
    assert "Aucun élément" in step(look(etree.tostring(root), minimal_pki), "reference").text
    raw = Shape(key_info="<ds:KeyName>clé</ds:KeyName>").signed(minimal_pki.signer)
    found = look(raw, minimal_pki)
    assert "X509Certificate" in step(found, "forme").text
    assert "jamais de KeyValue" in step(found, "certificat").text


def test_what_the_platform_says_of_a_card_is_explained(minimal_pki: MinimalPki) -> None:
    """The causes that `pki.trust` gives for the cards of this PKI, none of them left in English."""
    for card, words in (
        (minimal_pki.expired, "ne vaut que du"),
        (minimal_pki.revoked, "la carte est opposée"),
        (minimal_pki.stranger, "Aucune autorité admise"),
        (minimal_pki.organisation, "ne certifie pas de personnes"),
        (minimal_pki.authentication, "nonRepudiation"),
    ):
        with pytest.raises(Refusal) as refused:
            dsig.verify(
                open_envelope(Shape().signed(card), soap_action=None), trust=minimal_pki.trust, now=minimal_pki.now
            )
        assert words in explain(refused.value.diagnostic)


def test_missing_signature_and_envelope_are_told(minimal_pki: MinimalPki) -> None:
    """Nothing to look at further."""
    assert (
        "pas de Header"
        in only_fault(
            look(
                f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{RETRAIT}</s:Body></s:Envelope>'.encode(),
                minimal_pki,
            )
        ).text
    )
    assert only_fault(look(b"<a/>", minimal_pki)).name == "document"
    assert only_fault(look(b"<!DOCTYPE a><a/>", minimal_pki)).name == "document"
    assert only_fault(look(b"", minimal_pki)).name == "document"


@pytest.fixture(scope="module")
def hostile_messages(minimal_pki: MinimalPki, tmp_path_factory: pytest.TempPathFactory) -> list[Attack]:
    payload = etree.fromstring(
        '<ws:requeteDemandeCertificats xmlns:ws="http://www.pfcng.in.com/WS/">'
        "<demandeCertificat><offre>ORG</offre><mailDemandeur>dsi@hopital.example</mailDemandeur></demandeCertificat>"
        "</ws:requeteDemandeCertificats>"
    )
    valid = dsig.sign(payload, certificate=minimal_pki.signer.certificate, key=minimal_pki.signer.key)
    canary = tmp_path_factory.mktemp("canary") / "canary.txt"
    canary.write_text("canari")
    found = attacks(valid, signer=minimal_pki.signer, stranger=minimal_pki.stranger, canary=canary)
    plain = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"demanderCertificats"'}
    return [one for one in found if not one.over_limit and dict(one.headers) == plain]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda number: FAMILIES[number].title)
def test_hostile_message_is_at_fault_somewhere_and_told_in_french(
    family: int, hostile_messages: list[Attack], minimal_pki: MinimalPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the border refuses the diagnosis finds too; nothing is fetched, no file is read, nothing breaks."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("network or file access")

    mine = [one for one in hostile_messages if one.family == family]
    trust = trust_of(minimal_pki)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        patch.setattr(builtins, "open", refuse)
        patch.setattr(Path, "open", refuse)
        found = {one.name: diagnose(one.body, trust) for one in mine}
    assert [name for name, diagnosis in found.items() if diagnosis.first_fault is None] == []
    texts = {diagnosis.first_fault.text for diagnosis in found.values() if diagnosis.first_fault}
    untold = ("signature:", "not ", "over ", "place:", "shape:", "reference:", "algorithm:", "too much", "an XML")
    assert [text for text in texts if not text or any(word in text for word in untold)] == []
