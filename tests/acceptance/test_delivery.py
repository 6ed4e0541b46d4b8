"""The last step of a retrait is taken when the reply has left whole, and not before (guide §15.2, RMT_ERR_009)."""

import socket
import ssl
import time

import pytest
from cryptography import x509

from pfcng.client import Client
from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.messages import RequeteRetraitCertificat
from pfcng.contract.operations import Operation
from pfcng.pki.keys import load_pem
from pfcng.xml import codec, dsig
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.live import Sandbox


def order(client: Client, csr: str) -> str:
    """The indice de retrait of a new demande."""
    reply = client.demander_certificats([demande_for(Product(Offre.ORG, Usage.AUTH_CLI), csr)])
    return str(reply.demandes[0].indice_retrait)


def send_and_leave(sandbox: Sandbox, indice: str, seconds: float) -> None:
    """Send a signed retrait and close the connection after that time, without reading a byte of the reply."""
    card = sandbox.description["cartes"]["cpa-editeur"]
    auth, sign = (
        load_pem(sandbox.path(card[use]["certificat"]), sandbox.path(card[use]["cle"])) for use in ("auth", "sign")
    )
    assert auth.certificate != sign.certificate
    payload = codec.encode(RequeteRetraitCertificat(indice_retrait=indice, code_revocation="premier"))
    body = dsig.sign(payload, certificate=sign.certificate, key=sign.key)
    host, port = sandbox.description["urls"]["ws_apt"].removeprefix("https://").removesuffix("/ws-apt").split(":")
    context = ssl.create_default_context(cafile=sandbox.anchors)
    context.load_cert_chain(sandbox.path(card["auth"]["certificat"]), sandbox.path(card["auth"]["cle"]))
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        head = (
            f"POST /ws-apt HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/xml; charset=utf-8\r\n"
            f"SOAPAction: {Operation.RETIRER_CERTIFICAT.soap_action}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        tls.sendall(head.encode() + body)
        time.sleep(seconds)  # the moment at which the client goes is what the test is about


@pytest.mark.parametrize("milliseconds", [0, 10, 20, 40, 80])
def test_client_that_leaves_gets_the_same_certificate_later(sandbox: Sandbox, milliseconds: int) -> None:
    """Whenever the client goes, the demande ends with one certificate of its key, or its delivery was confirmed."""
    key = make_key()
    with sandbox.client() as client:
        indice = order(client, make_csr(key))
        send_and_leave(sandbox, indice, milliseconds / 1000)
        reply = client.call(RequeteRetraitCertificat(indice_retrait=indice, code_revocation="second"))
    if reply.certificat is None:  # the first reply had left whole: the produit is actif
        assert reply.message == codes.WSMG_11.message(Raison.PRODUIT_PAS_A_RETIRER)
    else:
        assert x509.load_pem_x509_certificate(reply.certificat.encode()).public_key() == key.public_key()
