"""Signing and verifying messages (guide §11; docs/choices.md §11)."""

import random
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from pfcng.contract.catalogue import Environment
from pfcng.contract.codes import WSMG_02
from pfcng.contract.operations import NAMESPACE, Operation
from pfcng.contract.refusal import Refusal
from pfcng.pki.trust import key_identifier
from pfcng.xml.canonical import Canonicalisation, canonical_octets
from pfcng.xml.dsig import VerifiedBody, sign, verify
from pfcng.xml.soap import open_envelope
from support.minimal_pki import Card, MinimalPki
from support.raw_signature import (
    BARE,
    C14N,
    DS,
    EXCLUSIVE,
    RETRAIT,
    SOAP_SEC,
    SOAP_SEC_WRAPPER,
    WS,
    WSSE,
    WSSE_WRAPPER,
    WSU,
    Shape,
    certificate_text,
    digest_again,
    find,
    sign_again,
)

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
XMLENC = "http://www.w3.org/2001/04/xmlenc#"
ENVELOPED = f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
EXCLUSIVE_TRANSFORM = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'


def transform_with_prefixes(prefixes: str) -> str:
    return (
        f'<ds:Transform Algorithm="{EXCLUSIVE}">'
        f'<x:InclusiveNamespaces xmlns:x="{EXCLUSIVE}" PrefixList="{prefixes}"/></ds:Transform>'
    )


def check(raw: bytes, pki: MinimalPki) -> VerifiedBody:
    return verify(open_envelope(raw, soap_action=None), trust=pki.trust, now=pki.now)


def refusal(raw: bytes, pki: MinimalPki) -> str:
    with pytest.raises(Refusal) as refused:
        check(raw, pki)
    assert refused.value.code is WSMG_02
    return refused.value.diagnostic.removeprefix("signature: ")


def payload() -> etree._Element:
    return etree.fromstring(RETRAIT)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(),
        Shape(wrapper=BARE),
        Shape(wrapper=WSSE_WRAPPER),
        Shape(
            wrapper=WSSE_WRAPPER.format(signature=f"<wsse:BinarySecurityToken>AAAA</wsse:BinarySecurityToken>{BARE}")
        ),
        Shape(wrapper=WSSE_WRAPPER.format(signature=f'<u:Timestamp xmlns:u="{WSU}"/>{BARE}')),
        Shape(wrapper=f"\n  <!-- signature -->\n  {SOAP_SEC_WRAPPER}\n  "),
        Shape(wrapper=f'<a:To xmlns:a="http://www.w3.org/2005/08/addressing">x</a:To>{SOAP_SEC_WRAPPER}'),
        Shape(body_attributes='id="Body"'),
        Shape(body_attributes='Id="Body"'),
        Shape(body_attributes='ID="Body"'),
        Shape(body_attributes=f'xmlns:u="{WSU}" u:Id="id-1.2_3"', uri="#id-1.2_3"),
        Shape(body_attributes='xml:id="Body"'),
        Shape(body_attributes=f'xmlns:sec="{SOAP_SEC}" xmlns:u="{WSU}" sec:id="Body" u:Id="id-7" id="other"'),
        Shape(canonicalisation=C14N),
        Shape(canonicalisation=EXCLUSIVE),
        Shape(canonicalisation=f"{EXCLUSIVE}WithComments"),
        Shape(
            canonicalisation=EXCLUSIVE,
            canonicalisation_content=f'<x:InclusiveNamespaces xmlns:x="{EXCLUSIVE}" PrefixList="soap sec"/>',
        ),
        Shape(transforms=()),
        Shape(transforms=[EXCLUSIVE_TRANSFORM]),
        Shape(transforms=[f'<ds:Transform Algorithm="{C14N}"/>']),
        Shape(transforms=[f'<ds:Transform Algorithm="{C14N}#WithComments"/>']),
        Shape(transforms=[ENVELOPED, f'<ds:Transform Algorithm="{C14N}"/>']),
        Shape(transforms=[ENVELOPED, EXCLUSIVE_TRANSFORM]),
        Shape(transforms=[ENVELOPED, f'<ds:Transform Algorithm="{EXCLUSIVE}WithComments"/>']),
        Shape(transforms=[ENVELOPED, transform_with_prefixes("ws soap absent")]),
        Shape(transforms=[transform_with_prefixes("other #default")], envelope_attributes='xmlns:other="urn:o"'),
        Shape(transforms=[transform_with_prefixes("#default")], envelope_attributes='xmlns="urn:default"'),
        Shape(method=f"{MORE}rsa-sha384"),
        Shape(method=f"{MORE}rsa-sha512"),
        Shape(digest=f"{MORE}sha384"),
        Shape(digest=f"{XMLENC}sha512"),
        Shape(prologue='<?xml version="1.0" encoding="utf-8"?>\n<!-- a -->'),
    ],
    ids=lambda shape: " ".join(f"{name}" for name in shape.__slots__ if getattr(shape, name) != getattr(Shape(), name)),
)
def test_accepted_form_is_verified(shape: Shape, minimal_pki: MinimalPki) -> None:
    """Places, identifiers and algorithms of docs/choices.md §11, signed by libxmlsec1 as another client would."""
    verified = check(shape.signed(minimal_pki.signer), minimal_pki)
    assert verified.operation is Operation.RETIRER_CERTIFICAT
    assert verified.payload[1].text == "été < hiver"
    assert verified.signer == minimal_pki.signer.certificate
    assert verified.authority.name.environment is Environment.TEST


@pytest.mark.parametrize("transforms", [(ENVELOPED,), (EXCLUSIVE_TRANSFORM,)], ids=["inclusive", "exclusive"])
@pytest.mark.parametrize(
    ("envelope_attributes", "payload_text"),
    [
        (f'xmlns="{WS}"', '<OP><a xmlns="">1</a><b xmlns="">2</b></OP>'),
        ('xmlns="urn:other"', f'<ws:OP xmlns:ws="{WS}"><a xmlns="">1</a></ws:OP>'),
        ('xmlns="urn:other"', f'<ws:OP xmlns:ws="{WS}"><a>1</a></ws:OP>'),
        ("", f'<OP xmlns="{WS}"><a>1</a></OP>'),
        (f'xmlns:a="{WS}" xmlns:b="{WS}"', "<a:OP><b:a>1</b:a></a:OP>"),
        (f'xmlns:ws="{WS}" xml:lang="fr" xml:space="preserve"', "<ws:OP> <a>1</a></ws:OP>"),
        (f'xmlns:ws="{WS}" xml:lang="fr"', '<ws:OP xml:lang="en"><a>1</a></ws:OP>'),
        (f'xmlns:ws="{WS}"', '<ws:OP z="2" a="1" ws:b="&#10;&lt;&quot;"><a/></ws:OP>'),
        (f'xmlns:ws="{WS}"', "<ws:OP><a><![CDATA[<&]]>&#13;\n\t&#169;é</a></ws:OP>"),
        (f'xmlns:ws="{WS}"', "<ws:OP>\n<!--Optional:--><?pi x?>\n<a>1</a></ws:OP>"),
        (f'xmlns:ws="{WS}" xmlns:i="urn:i"', '<ws:OP i:type="ws:t"><a>1</a></ws:OP>'),
    ],
)
def test_namespaces_and_attributes_of_every_shape_are_verified(
    envelope_attributes: str, payload_text: str, transforms: tuple[str, ...], minimal_pki: MinimalPki
) -> None:
    """What an element inherits is part of what is signed, and toolkits write it in many ways (Canonical XML §2)."""
    shape = Shape(
        envelope_attributes=envelope_attributes,
        payload=payload_text.replace("OP", "requeteRetraitCertificat"),
        transforms=transforms,
    )
    raw = shape.signed(minimal_pki.signer)
    verified = check(raw, minimal_pki)
    sent = open_envelope(raw, soap_action=None).payload
    assert [(e.tag, (e.text or "").strip(), dict(e.attrib)) for e in verified.payload.iter()] == [
        (e.tag, (e.text or "").strip(), dict(e.attrib)) for e in sent.iter(etree.Element)
    ]


def test_remarks_between_elements_never_reach_the_payload(minimal_pki: MinimalPki) -> None:
    """SoapUI writes them; they are allowed and change nothing (docs/choices.md §11)."""
    remarked = RETRAIT.replace("<indice", "<!--Optional:--><?pi?>\n<indice")
    verified = check(Shape(payload=remarked).signed(minimal_pki.signer), minimal_pki)
    assert [node.tag for node in verified.payload.iter()] == [
        f"{{{NAMESPACE}}}requeteRetraitCertificat", "indiceRetrait", "codeRevocation"
    ]  # fmt: skip


def test_comment_added_between_elements_after_signing_changes_nothing(minimal_pki: MinimalPki) -> None:
    """A Reference to a fragment leaves comments out (XML Signature 1.0 §4.3.3.3)."""
    raw = Shape().signed(minimal_pki.signer).replace(b"<codeRevocation>", b"<!-- evil --><codeRevocation>")
    assert check(raw, minimal_pki).payload.findtext("indiceRetrait") == "59"


def test_signed_message_has_the_form_of_the_guide(minimal_pki: MinimalPki) -> None:
    """SOAP-SEC entry, algorithms, X509SubjectName and X509Certificate, base64 in lines of 76 (guide §11)."""
    raw = sign(payload(), certificate=minimal_pki.signer.certificate, key=minimal_pki.signer.key)
    root = etree.fromstring(raw)
    assert find(root, "soap:Header/sec:Signature/ds:Signature/ds:SignedInfo") is not None
    assert find(root, "soap:Body").get(f"{{{SOAP_SEC}}}id") == "Body"
    assert [e.get("Algorithm") for e in root.iter() if e.get("Algorithm")] == [
        f"{C14N}#WithComments", f"{MORE}rsa-sha256", f"{DS}enveloped-signature", f"{XMLENC}sha256"
    ]  # fmt: skip
    assert find(root, ".//ds:Reference").get("URI") == "#Body"
    assert find(root, ".//ds:X509SubjectName").text == "CN=899700000001,O=TEST,C=FR"
    certificate = find(root, ".//ds:X509Certificate").text or ""
    assert "".join(certificate.split("\n")) == certificate_text(minimal_pki.signer)
    assert {len(line) for line in certificate.split("\n")[:-1]} == {76}


@pytest.mark.parametrize(
    "text",
    [
        RETRAIT,
        f'<requeteRetraitCertificat xmlns="{WS}"><a xmlns="">1</a><b xml:lang="fr"/></requeteRetraitCertificat>',
        RETRAIT.replace("59", "5\r\n9&#13;é😀\t]]&gt;"),
        RETRAIT.replace("<indice", "<!-- a --><indice"),
    ],
)
def test_what_is_signed_is_verified_by_libxmlsec1(text: str, minimal_pki: MinimalPki) -> None:
    """The canonical forms computed here are those that another implementation computes."""
    signed = sign(etree.fromstring(text), certificate=minimal_pki.signer.certificate, key=minimal_pki.signer.key)
    root = etree.fromstring(signed)
    context = xmlsec.SignatureContext()
    public_key = minimal_pki.signer.key.public_key()
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    context.register_id(find(root, "soap:Body"), "id", SOAP_SEC)
    context.verify(find(root, ".//ds:Signature"))
    assert check(signed, minimal_pki).operation is Operation.RETIRER_CERTIFICAT


def test_signing_leaves_the_payload_as_it_is(minimal_pki: MinimalPki) -> None:
    """A tail or a parent of the payload is not signed with it."""
    parent = etree.fromstring(f"<a>{RETRAIT}tail</a>")
    raw = sign(parent[0], certificate=minimal_pki.signer.certificate, key=minimal_pki.signer.key)
    assert b"tail" not in raw
    assert parent[0].tail == "tail"


def test_signing_asks_the_key_for_one_signature_only(minimal_pki: MinimalPki) -> None:
    """A card or an HSM holds the key: ``sign`` is all there is."""

    class Token:
        calls = 0

        def sign(self, data: bytes, scheme: padding.PKCS1v15, algorithm: hashes.SHA256) -> bytes:
            self.calls += 1
            return minimal_pki.signer.key.sign(data, scheme, algorithm)

    token = Token()
    raw = sign(payload(), certificate=minimal_pki.signer.certificate, key=cast("rsa.RSAPrivateKey", token))
    assert check(raw, minimal_pki).signer == minimal_pki.signer.certificate
    assert token.calls == 1


@pytest.mark.parametrize(
    ("card", "diagnostic"),
    [
        ("authentication", "4 certificate: keyUsage without contentCommitment"),
        ("expired", "4 certificate: outside its validity"),
        ("revoked", "4 certificate: revoked"),
        ("organisation", "4 certificate: TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS certifies no person"),
        ("stranger", "4 certificate: not issued by an accepted authority"),
        ("authority", "4 certificate: keyUsage without contentCommitment"),
    ],
)
def test_certificate_that_is_not_believed_is_refused(card: str, diagnostic: str, minimal_pki: MinimalPki) -> None:
    """Valid, contentCommitment, of a person, not revoked (docs/choices.md §11)."""
    signer: Card = getattr(minimal_pki, card)
    assert refusal(Shape().signed(signer), minimal_pki).startswith(diagnostic)


def test_believed_signer_is_believed_no_more_once_revoked(minimal_pki: MinimalPki) -> None:
    """What a certificate says is read once, whether it is believed is asked with each message."""
    pki = minimal_pki
    raw = Shape().signed(pki.signer)
    check(raw, pki)
    late = {key_identifier(pki.authority.certificate): frozenset({pki.signer.certificate.serial_number})}
    with pytest.raises(Refusal) as refused:
        verify(open_envelope(raw, soap_action=None), trust=pki.trust.with_late(late), now=pki.now)
    assert "4 certificate: revoked" in refused.value.diagnostic


def test_stale_crl_is_a_refusal(minimal_pki: MinimalPki) -> None:
    """Older than its nextUpdate and the grace: not a guess (docs/choices.md §11)."""
    envelope = open_envelope(Shape().signed(minimal_pki.signer), soap_action=None)
    with pytest.raises(Refusal) as refused:
        verify(envelope, trust=minimal_pki.trust, now=minimal_pki.now + timedelta(days=8))
    assert "CRL" in refused.value.diagnostic


def test_chain_from_the_signer_up_is_accepted(minimal_pki: MinimalPki) -> None:
    """Some toolkits send all they have, the signer first (docs/choices.md §11)."""
    pki = minimal_pki
    assert check(Shape().signed(pki.signer, pki.signer, pki.authority, pki.root), pki).signer == pki.signer.certificate


@pytest.mark.parametrize(
    "order", [("authority", "signer"), ("signer", "root"), ("signer", "root", "authority"), ("signer", "signer")]
)
def test_certificates_in_another_order_are_refused(order: tuple[str, ...], minimal_pki: MinimalPki) -> None:
    """Which of them signs is not to be guessed (docs/choices.md §11)."""
    cards = [getattr(minimal_pki, name) for name in order]
    assert refusal(Shape().signed(minimal_pki.signer, *cards), minimal_pki).startswith("4 certificate")


def test_key_value_beside_the_certificate_counts_for_nothing(minimal_pki: MinimalPki) -> None:
    """The key comes from X509Certificate only; Java writes both (docs/choices.md §11)."""
    key_info = (
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue>"
        f"</ds:KeyValue><ds:X509Data><ds:X509Certificate>{certificate_text(minimal_pki.signer)}</ds:X509Certificate>"
        "</ds:X509Data>"
    )
    check(Shape(key_info=key_info).signed(minimal_pki.signer), minimal_pki)


@pytest.mark.parametrize(
    ("shape", "step"),
    [
        (Shape(method=f"{DS}rsa-sha1"), "2 algorithm: SignatureMethod"),
        (Shape(digest=f"{DS}sha1"), "2 algorithm: DigestMethod"),
        (Shape(canonicalisation="http://www.w3.org/2006/12/xml-c14n11"), "2 algorithm: CanonicalizationMethod"),
        (Shape(uri=""), "2 shape: the Reference"),
        (Shape(body_attributes='id="Body"', payload=RETRAIT.replace("<indice", '<a Id="Body"/><indice')), "3 ref"),
        (Shape(payload=RETRAIT.replace("59", "5<!-- -->9")), "3 reference: comment"),
        (Shape(payload=RETRAIT.replace("59", "5<?pi?>9")), "3 reference: comment"),
        (Shape(payload=RETRAIT.replace("59", "<?pi?>")), "3 reference: comment"),
    ],
)  # fmt: skip
def test_message_that_libxmlsec1_would_verify_is_refused(shape: Shape, step: str, minimal_pki: MinimalPki) -> None:
    """The lists of docs/choices.md §11 are shorter than those of the library."""
    assert refusal(shape.signed(minimal_pki.signer), minimal_pki).startswith(step)


def test_content_is_compared_even_if_libxmlsec1_were_content(
    minimal_pki: MinimalPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The octets that go further are digested here: a tree that another reader sees otherwise is of no use."""
    monkeypatch.setattr("pfcng.xml.dsig.ask_libxmlsec1", lambda *_: None)
    raw = Shape().signed(minimal_pki.signer).replace(b">59<", b">60<")
    assert refusal(raw, minimal_pki) == "6 content: digest mismatch"


def test_libxmlsec1_is_asked_too(minimal_pki: MinimalPki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two implementations agree, or the message is refused (docs/choices.md §11)."""
    raw = Shape().signed(minimal_pki.signer).replace(b">59<", b">60<")
    forged = canonical_octets(open_envelope(raw, soap_action=None).body, Canonicalisation())
    monkeypatch.setattr("pfcng.xml.dsig._authentic_octets", lambda *_: forged)
    assert refusal(raw, minimal_pki) == "7 libxmlsec1: not verified"


def test_payload_comes_from_the_digested_octets(minimal_pki: MinimalPki) -> None:
    """Not from the tree that was received (docs/choices.md §11)."""
    envelope = open_envelope(Shape().signed(minimal_pki.signer), soap_action=None)
    other = open_envelope(Shape(payload=RETRAIT.replace("59", "60")).signed(minimal_pki.signer), soap_action=None)
    verified = verify(replace(envelope, payload=other.payload), trust=minimal_pki.trust, now=minimal_pki.now)
    assert verified.payload.findtext("indiceRetrait") == "59"


def test_diagnostic_is_printable_and_short(minimal_pki: MinimalPki) -> None:
    """It goes to a log line and to an HTTP header of the sandbox."""
    root = etree.fromstring(Shape().signed(minimal_pki.signer))
    find(root, ".//ds:DigestMethod").set("Algorithm", "é\n" * 30)
    digest_again(root)
    sign_again(root, minimal_pki.signer)
    diagnostic = refusal(etree.tostring(root), minimal_pki)
    assert diagnostic.isascii()
    assert diagnostic.isprintable()
    assert len(diagnostic) <= 300


def test_damaged_certificate_is_a_refusal_like_another(minimal_pki: MinimalPki) -> None:
    """Whatever the library makes of garbage, nothing but WSMG-00000002 comes out (docs/choices.md §11)."""
    der = minimal_pki.signer.certificate.public_bytes(Encoding.DER)
    whole = certificate_text(minimal_pki.signer)
    raw = Shape().signed(minimal_pki.signer).decode()
    chance = random.Random(20260302)  # noqa: S311 (the same bytes at every run)
    for position in chance.choices(range(len(der)), k=300):
        damaged = bytearray(der)
        damaged[position] ^= 1 << chance.randrange(8)
        assert refusal(raw.replace(whole, b64encode(damaged).decode()).encode(), minimal_pki).startswith(
            "4 certificate"
        )


def test_message_can_be_verified_again(minimal_pki: MinimalPki) -> None:
    """Verification changes nothing of an envelope that would change its outcome."""
    envelope = open_envelope(Shape(wrapper=f"{WSSE_WRAPPER}").signed(minimal_pki.signer), soap_action=None)
    first, second = (verify(envelope, trust=minimal_pki.trust, now=minimal_pki.now) for _ in range(2))
    assert etree.tostring(first.payload) == etree.tostring(second.payload)
    assert etree.QName(envelope.root[0][0]).namespace == WSSE
