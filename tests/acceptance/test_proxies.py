"""Mutual TLS at a proxy: deploy/nginx and deploy/haproxy in front of two nodes. Source: RFC 9440."""

import base64
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.igc import revocations
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import to_octets
from pfcng.pki.trust import key_identifier
from pfcng.sandbox.pairs import Pair
from pfcng.store.database import Database
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.proxies import Proxy, need, post, running_proxy, side_by_side
from support.serve import Installation, Node, running_node
from support.workers import wait_until

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
NO_CERTIFICATE = "Accès refusé : cette adresse exige un certificat client.\n"
NOT_LISTED = "Accès refusé : le DN du certificat client n’est pas dans la liste blanche de ws-srv.\n"
UNSIGNED = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<w:requeteSuiviActivite xmlns:w="http://www.pfcng.in.com/WS/"/></s:Body></s:Envelope>'
)
INVALID = "Accès refusé : le certificat client n’est pas valide.\n"


@pytest.fixture(scope="module")
def nodes(installation: Installation) -> Iterator[list[Node]]:
    """Two nodes of one process that believe the proxies of this machine."""
    with ExitStack() as stack:
        both = enumerate(side_by_side(processus=1, proxies=["127.0.0.1/32"]))
        yield [
            stack.enter_context(running_node(installation, installation.write(f"proxy-{number}.toml", **told)))
            for number, told in both
        ]


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def proxy(
    request: pytest.FixtureRequest, nodes: list[Node], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """Each of the two."""
    need(request.param)
    with running_proxy(request.param, tmp_path_factory.mktemp(request.param), nodes) as running:
        yield running


@pytest.fixture
def elsewhere(proxy: Proxy) -> str:
    """An address of this machine that no other test comes from: one for each proxy."""
    return f"127.0.0.{int(proxy.service.rpartition(':')[2]) % 200 + 20}"


def forged(pair: Pair) -> dict[str, str]:
    """The header that a proxy would write for this certificate."""
    certificate = pair.load_chain()[0]
    return {"Client-Cert": f":{base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()}:"}


def test_client_of_a_proxy_is_who_holds_the_certificate(proxy: Proxy) -> None:
    """A card orders and withdraws through the proxy as it does at a node."""
    with proxy.client() as client:
        reply = client.demander_certificats([demande_for(ORG, make_csr(make_key()))])
        assert reply.statut_lot == "OK", reply.message
        retrait = client.retirer_certificat(reply.demandes[0].indice_retrait or "", "un code")
    assert "BEGIN CERTIFICATE" in retrait.pem


def test_journal_has_the_address_of_the_client_of_a_proxy(proxy: Proxy, elsewhere: str) -> None:
    """Not the proxy's, and not what the client says it is."""
    pair = proxy.installation.pki.clients["editeur"]
    reply = post(
        f"{proxy.service}/ws-srv",
        proxy.installation,
        pair,
        headers={"X-Forwarded-For": "203.0.113.7"},
        content=UNSIGNED,
        address=elsewhere,
    )
    assert "WSMG-00000002" in reply.text
    with psycopg.connect(proxy.installation.dsn) as connection:
        found = {row[0] for row in connection.execute("SELECT adresse FROM journal")}
    assert elsewhere in found
    assert "203.0.113.7" not in found


def test_client_without_a_certificate_reads_why(proxy: Proxy) -> None:
    """The platform answers, in its own words."""
    for endpoint in ("ws-apt", "ws-srv"):
        reply = proxy.post(endpoint, None)
        assert (reply.status_code, reply.text) == (403, NO_CERTIFICATE)


def test_header_that_a_client_writes_counts_for_nothing(proxy: Proxy) -> None:
    """Neither instead of a certificate nor beside one, however it is spelled."""
    pki = proxy.installation.pki
    headers = forged(pki.clients["editeur"])
    assert proxy.post("ws-srv", pki.clients["editeur"]).status_code == 500  # admitted: the message is what is wrong
    for name in ("Client-Cert", "client-cert", "CLIENT-CERT"):
        reply = proxy.post("ws-srv", None, {name: headers["Client-Cert"]})
        assert (reply.status_code, reply.text) == (403, NO_CERTIFICATE)
        reply = proxy.post("ws-srv", pki.clients["intrus"], {name: headers["Client-Cert"]})
        assert (reply.status_code, reply.text) == (403, NOT_LISTED)


def test_header_counts_from_the_proxies_alone(node: Node) -> None:
    """A node that was told of no proxy looks at the connection's own certificate."""
    headers = forged(node.installation.pki.clients["editeur"])
    url = node.service.replace("127.0.0.1", "localhost") + "/ws-srv"
    reply = post(url, node.installation, None, headers)
    assert (reply.status_code, reply.text) == (403, NO_CERTIFICATE)


def test_revoked_card_is_refused_behind_a_proxy(proxy: Proxy) -> None:
    """Within the seconds that a revocation takes to be known by all nodes."""
    pki = proxy.installation.pki
    pair = pki.cards["cps-revoquee"].auth
    revoke(proxy.installation, pair)
    wait_until(lambda: [proxy.post("ws-apt", pair).text for _ in range(4)] == [INVALID] * 4)


def test_contract_and_publication_pass_through(proxy: Proxy) -> None:
    """The address in the WSDL is the proxy's, and CRLs are those of the nodes."""
    context = ssl.create_default_context(cafile=proxy.installation.pki.anchors)
    with httpx.Client(verify=context, trust_env=False, timeout=60) as client:
        wsdl = client.get(f"{proxy.service}/ws-apt?wsdl")
        assert f'location="{proxy.service}/ws-apt"' in wsdl.text
        crl = client.get(f"{proxy.http}/CRL/ACI-EL-ORG-TEST.crl")
        assert crl.status_code == 200, crl.text


def refused(node: Node) -> float:
    """How many clients a node has refused since it started."""
    text = httpx.get(f"{node.exploitation}/metrics", trust_env=False, timeout=60).text
    counted = re.findall(r"^pfcng_peers_refused_total\{.*\} (\S+)$", text, re.MULTILINE)
    return sum(map(float, counted))


def test_node_that_is_not_ready_is_sent_nothing_unless_none_is(installation: Installation, tmp_path: Path) -> None:
    """HAProxy asks /sante/pret; when nobody is ready, those who listen answer all the same, with their incidents."""
    need("haproxy")
    ready, other = side_by_side(processus=1, proxies=["127.0.0.1/32"])
    other["ecoute_exploitation"] = "127.0.0.2:0"  # where the proxy looks, nobody says that it is ready
    with ExitStack() as stack:
        both = [
            stack.enter_context(running_node(installation, installation.write(f"pret-{number}.toml", **told)))
            for number, told in enumerate((ready, other))
        ]
        proxy = stack.enter_context(running_proxy("haproxy", tmp_path, both))
        wait_until(lambda: proxy.log().count("Server noeuds/noeud-b is DOWN") == 1)
        assert [proxy.post("ws-srv", None).status_code for _ in range(6)] == [403] * 6
        assert [refused(node) for node in both] == [6, 0]
        both[0].stop()
        wait_until(lambda: proxy.log().count("Server noeuds/noeud-a is DOWN") == 1)
        assert proxy.post("ws-srv", None).status_code == 403
        assert refused(both[1]) == 1


def revoke(installation: Installation, pair: Pair) -> None:
    """As PFCNG-IGC does it: a row, and a notice to all."""
    certificate, authority = pair.load_chain()
    database = Database(installation.dsn, max_connections=1)
    with database.transaction() as connection:
        revocations.insert(
            connection,
            Revocation(
                issuer=key_identifier(authority),
                serial=to_octets(certificate.serial_number),
                numero=None,
                reason=None,
                revoked_at=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
            ),
        )
    database.close()
