"""Step 1: whom each endpoint admits, and what the others read (guide §10)."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from cryptography import x509

from pfcng.contract.schemas import xsd
from support.live import Sandbox


@contextmanager
def connection(sandbox: Sandbox, pair: dict[str, str] | None) -> Iterator[httpx.Client]:
    """An HTTPS client that shows this certificate, or none."""
    context = ssl.create_default_context(cafile=sandbox.anchors)
    if pair is not None:
        context.load_cert_chain(sandbox.path(pair["certificat"]), sandbox.path(pair["cle"]))
    with httpx.Client(verify=context, trust_env=False) as client:
        yield client


def pair_of(sandbox: Sandbox, holder: str) -> dict[str, str] | None:
    """The TLS certificate of a card, of a server, or none."""
    description = sandbox.description
    if holder in description["cartes"]:
        found: dict[str, str] = description["cartes"][holder]["auth"]
        return found
    server: dict[str, str] | None = description["serveurs"].get(holder)
    return server


SRV, APT = "ws_srv", "ws_apt"
NOT_LISTED = "Accès refusé : le DN du certificat client n’est pas dans la liste blanche de ws-srv.\n"
NO_CERTIFICATE = "Accès refusé : cette adresse exige un certificat client.\n"
NOT_A_SERVER = (
    "Accès refusé : ws-srv n’admet que les certificats de serveur de l’AC IGC-SANTE ELEMENTAIRE ORGANISATIONS, "
    "de production ou de test.\n"
)
NOT_A_CARD = "Accès refusé : ws-apt n’admet que les certificats d’authentification des cartes CPx.\n"
INVALID = "Accès refusé : le certificat client n’est pas valide.\n"


@pytest.mark.parametrize(
    ("endpoint", "holder", "sentence"),
    [
        (SRV, "intrus", NOT_LISTED),
        (SRV, "nobody", NO_CERTIFICATE),
        (SRV, "cpa-editeur", NOT_A_SERVER),
        (APT, "nobody", NO_CERTIFICATE),
        (APT, "editeur", NOT_A_CARD),
        (APT, "cps-revoquee", INVALID),
    ],
)
def test_peer_that_is_not_admitted_reads_why(sandbox: Sandbox, endpoint: str, holder: str, sentence: str) -> None:
    """HTTP 403 with one plain French sentence, and nothing of the message is looked at."""
    with connection(sandbox, pair_of(sandbox, holder)) as client:
        reply = client.post(sandbox.description["urls"][endpoint], content=b"<not even xml")
    assert (reply.status_code, reply.text) == (403, sentence)


@pytest.mark.parametrize(("endpoint", "holder"), [(SRV, "editeur"), (APT, "cps-medecin"), (APT, "cpa-production")])
def test_peer_that_is_admitted_gets_an_answer(sandbox: Sandbox, endpoint: str, holder: str) -> None:
    """A white-listed server at ws-srv, a card of either environment at ws-apt."""
    with connection(sandbox, pair_of(sandbox, holder)) as client:
        reply = client.post(sandbox.description["urls"][endpoint], content=b"<not even xml")
    assert reply.status_code == 500
    assert "soap:Client" in reply.text


def test_expired_certificate_does_not_pass_the_handshake(sandbox: Sandbox) -> None:
    """TLS itself refuses it, and the log says why."""
    with (
        connection(sandbox, pair_of(sandbox, "cps-expiree")) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.post(sandbox.description["urls"][APT], content=b"")
    log = sandbox.directory.with_suffix(".log").read_text("utf-8")
    assert "tls.refused" in log
    assert "certificate has expired" in log


@pytest.mark.parametrize("endpoint", [SRV, APT])
def test_contract_is_served_to_anybody_at_its_own_address(sandbox: Sandbox, endpoint: str) -> None:
    """``?wsdl`` and ``?WSDL`` name the address they were asked at; the schema they import is there (§9.2)."""
    url = sandbox.description["urls"][endpoint]
    with connection(sandbox, None) as client:
        for query in ("?wsdl", "?WSDL"):
            wsdl = client.get(f"{url}/{query}")
            assert wsdl.headers["content-type"] == "text/xml; charset=utf-8"
            assert f'<soap:address location="{url}/"/>' in wsdl.text
        schema = client.get(f"{url}/?xsd=pfcng-ws.xsd")
    assert schema.content == xsd()


def test_unknown_address_and_method_are_told_in_french(sandbox: Sandbox) -> None:
    """Plain sentences, no page of a framework."""
    base = sandbox.description["urls"][SRV]
    with connection(sandbox, None) as client:
        assert client.get(f"{base}/autre").text == "Adresse inconnue. Le Web Service est à /ws-srv et /ws-apt.\n"
        assert client.put(base).status_code == 405
        assert client.get(base).status_code == 405


def test_authorities_and_crls_are_published_over_plain_http(sandbox: Sandbox) -> None:
    """The addresses that certificates carry answer on the plain HTTP port."""
    http = sandbox.description["urls"]["http"]
    issuer = httpx.get(f"{http}/AC%20TEST/ACI-EL-ORG-TEST.cer", trust_env=False)
    assert issuer.headers["content-type"] == "application/pkix-cert"
    common_name = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"
    expected = x509.load_pem_x509_certificate(sandbox.authority(common_name).read_bytes())
    assert x509.load_der_x509_certificate(issuer.content) == expected
    crl = httpx.get(f"{http}/CRL/ACI-FO-PP-TEST.crl", trust_env=False)
    assert len(x509.load_der_x509_crl(crl.content)) == 2
    assert httpx.get(f"{http}/CRL/inconnue.crl", trust_env=False).status_code == 404
