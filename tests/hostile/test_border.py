"""No hostile message gets through the border (docs/choices.md §9, §11)."""

import builtins
import random
import socket
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest
from lxml import etree

from hostile.attacks import FAMILIES, Attack, attacks
from pfcng.contract.codes import WSMG_02
from pfcng.contract.refusal import Refusal
from pfcng.xml import dsig, soap
from support.minimal_pki import MinimalPki

CANARY = "the content of a file that no message may read"


@pytest.fixture(scope="session")
def valid_message(minimal_pki: MinimalPki) -> bytes:
    """A lot of two demandes, signed as the guide shows."""
    payload = etree.fromstring(
        '<ws:requeteDemandeCertificats xmlns:ws="http://www.pfcng.in.com/WS/">'
        "<demandeCertificat><offre>ORG</offre><mailDemandeur>dsi@hopital.example</mailDemandeur></demandeCertificat>"
        "<demandeCertificat><offre>SERV</offre><mailDemandeur>été@hopital.example</mailDemandeur></demandeCertificat>"
        "</ws:requeteDemandeCertificats>".encode()
    )
    return dsig.sign(payload, certificate=minimal_pki.signer.certificate, key=minimal_pki.signer.key)


@pytest.fixture(scope="session")
def hostile_messages(
    valid_message: bytes, minimal_pki: MinimalPki, tmp_path_factory: pytest.TempPathFactory
) -> list[Attack]:
    canary = tmp_path_factory.mktemp("canary") / "canary.txt"
    canary.write_text(CANARY)
    return list(attacks(valid_message, signer=minimal_pki.signer, stranger=minimal_pki.stranger, canary=canary))


def pass_border(body: bytes, headers: dict[str, str], pki: MinimalPki) -> dsig.VerifiedBody:
    envelope = soap.open_envelope(body, soap_action=headers.get("SOAPAction"), content_type=headers.get("Content-Type"))
    return dsig.verify(envelope, trust=pki.trust, now=pki.now)


def answer(attack: Attack, pki: MinimalPki) -> str | None:
    """Everything the border says when it refuses; ``None`` if it does not."""
    try:
        pass_border(attack.body, dict(attack.headers), pki)
    except soap.ClientFault as fault:
        return f"Client: {fault.text} {fault.diagnostic}"
    except Refusal as refusal:
        return f"{refusal.code.value}: {refusal.message} {refusal.diagnostic}"
    return None


def test_valid_message_passes(valid_message: bytes, minimal_pki: MinimalPki) -> None:
    """What all variants are made from is accepted: they are refused for what was done to it (guide §11)."""
    verified = pass_border(valid_message, {}, minimal_pki)
    assert [element.text for element in verified.payload.iter("offre")] == ["ORG", "SERV"]


def test_every_family_has_several_variants(hostile_messages: list[Attack]) -> None:
    """The eighteen families and the rest of the requirement, each in more than one variant, named apart."""
    families = Counter(attack.family for attack in hostile_messages)
    assert families.keys() == FAMILIES.keys()
    assert min(families.values()) >= 3
    assert len({str(attack) for attack in hostile_messages}) == len(hostile_messages)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda number: FAMILIES[number].title)
def test_hostile_message_is_refused_without_network_or_file(
    family: int, hostile_messages: list[Attack], minimal_pki: MinimalPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Client fault or WSMG-00000002; nothing is fetched to find out, no file is read (docs/choices.md §9, §11)."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("network or file access")

    mine = [attack for attack in hostile_messages if attack.family == family and not attack.over_limit]
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        patch.setattr(builtins, "open", refuse)
        patch.setattr(Path, "open", refuse)
        answers = {attack.name: answer(attack, minimal_pki) for attack in mine}
    assert answers
    assert [name for name, text in answers.items() if text is None] == []
    accepted = ("Client: ", f"{WSMG_02.value}: {WSMG_02.text} signature: ")
    assert [text for text in answers.values() if not (text and text.startswith(accepted)) or CANARY in text] == []


def test_flipped_byte_never_changes_what_is_verified(valid_message: bytes, minimal_pki: MinimalPki) -> None:
    """A message altered anywhere is refused, or its verified payload is the original to the octet (guide §11)."""
    original = etree.tostring(pass_border(valid_message, {}, minimal_pki).payload, method="c14n")
    chance = random.Random(20260302)  # noqa: S311 (the same bytes at every run)
    refused = 0
    for position in chance.sample(range(len(valid_message)), 200):
        altered = bytearray(valid_message)
        altered[position] ^= 1 << chance.randrange(8)
        try:
            verified = pass_border(bytes(altered), {}, minimal_pki)
        except (soap.ClientFault, Refusal):
            refused += 1
        else:
            assert etree.tostring(verified.payload, method="c14n") == original
    assert refused > 150
