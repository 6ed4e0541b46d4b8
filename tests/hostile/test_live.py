"""The hostile messages again, through the real endpoint: TLS, HTTP, pipeline, database."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest
from lxml import etree

from hostile.attacks import FAMILIES, Attack, attacks
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import RequeteDemandeCertificats
from pfcng.pki.keys import load_pem
from pfcng.xml import codec, dsig
from support.csrs import make_csr
from support.demandes import demande_for
from support.live import Sandbox
from support.minimal_pki import Card, MinimalPki

SECONDS: Final = 1.0
"""No message may cost the server more: its own processor time, which other programs do not change."""
CANARY: Final = "the content of a file that no message may read"


@pytest.fixture(scope="module")
def endpoint(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """ws-srv, as the white-listed server."""
    server = sandbox.description["serveurs"]["editeur"]
    context = ssl.create_default_context(cafile=sandbox.anchors)
    context.load_cert_chain(sandbox.path(server["certificat"]), sandbox.path(server["cle"]))
    url = sandbox.description["urls"]["ws_srv"]
    with httpx.Client(verify=context, trust_env=False, base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def valid_message(sandbox: Sandbox) -> bytes:
    """A lot that the platform accepts, signed by the administrateur technique."""
    lot = RequeteDemandeCertificats(demandes=(demande_for(Product(Offre.ORG, Usage.AUTH_CLI), make_csr()),))
    card = signing_card(sandbox)
    return dsig.sign(codec.encode(lot), certificate=card.certificate, key=card.key)


@pytest.fixture(scope="module")
def hostile_messages(
    valid_message: bytes, sandbox: Sandbox, minimal_pki: MinimalPki, tmp_path_factory: pytest.TempPathFactory
) -> list[Attack]:
    """Every variant of every family."""
    canary = tmp_path_factory.mktemp("canary") / "canary.txt"
    canary.write_text(CANARY)
    card = signing_card(sandbox)
    return list(attacks(valid_message, signer=card, stranger=minimal_pki.stranger, canary=Path(canary)))


def signing_card(sandbox: Sandbox) -> Card:
    """The signature certificate of ``cpa-editeur``."""
    files = sandbox.description["cartes"]["cpa-editeur"]["sign"]
    loaded = load_pem(sandbox.path(files["certificat"]), sandbox.path(files["cle"]))
    return Card(certificate=loaded.certificate, key=loaded.key)


def send(sandbox: Sandbox, endpoint: httpx.Client, attack: Attack) -> tuple[str, str]:
    """What the endpoint answers, as ``statut`` or ``faultcode``, and all it said, for at most a second's work."""
    server = psutil.Process(sandbox.process.pid)
    before = sum(server.cpu_times()[:2])
    reply = endpoint.post("", content=attack.body, headers=dict(attack.headers))
    assert sum(server.cpu_times()[:2]) - before <= SECONDS, str(attack)
    return verdict(reply), reply.text + str(reply.headers)


def verdict(reply: httpx.Response) -> str:
    """``WSMG-…``, ``OK``, ``soap:Client`` or ``soap:Server``."""
    root = etree.fromstring(reply.content)
    found = [element.text or "" for element in root.iter("statutLot", "statut", "faultcode")]
    assert len(found) == 1, reply.text
    return found[0]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda number: FAMILIES[number].title)
def test_hostile_message_gets_no_business_answer(
    sandbox: Sandbox, endpoint: httpx.Client, hostile_messages: list[Attack], family: int
) -> None:
    """WSMG-00000002, a Client fault, or WSMG-00000024 over 10 MiB; within a second; no file's content comes back."""
    answers = {str(attack): send(sandbox, endpoint, attack) for attack in hostile_messages if attack.family == family}
    over = {str(attack) for attack in hostile_messages if attack.over_limit}
    assert answers
    for name, (answer, everything) in answers.items():
        assert answer in ({"WSMG-00000024"} if name in over else {"WSMG-00000002", "soap:Client"}), name
        assert CANARY not in everything


def test_the_message_they_are_made_from_is_accepted(endpoint: httpx.Client, valid_message: bytes) -> None:
    """It passes after all of them: none of them was taken for it, and its key was never presented."""
    reply = endpoint.post("", content=valid_message, headers={"Content-Type": "text/xml; charset=utf-8"})
    assert verdict(reply) == "OK"


@pytest.mark.parametrize("card", ["cps-revoquee", "cps-expiree"])
def test_card_that_counts_no_more_signs_nothing(sandbox: Sandbox, endpoint: httpx.Client, card: str) -> None:
    """A revoked or expired signature certificate: WSMG-00000002, and the sandbox says why (guide §11)."""
    files = sandbox.description["cartes"][card]["sign"]
    loaded = load_pem(sandbox.path(files["certificat"]), sandbox.path(files["cle"]))
    lot = RequeteDemandeCertificats(demandes=(demande_for(Product(Offre.PS, Usage.SIGN), make_csr()),))
    reply = endpoint.post("", content=dsig.sign(codec.encode(lot), certificate=loaded.certificate, key=loaded.key))
    assert verdict(reply) == "WSMG-00000002"
    cause = {"cps-revoquee": "revoked: serial", "cps-expiree": "outside its validity"}[card]
    assert cause in reply.headers["X-Pfcng-Diagnostic"]
