"""Several nodes on one database: what one learns all know, and one that stops is not missed (docs/exploitation)."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import Offre, Product, Usage
from support.csrs import make_csr, make_key, make_keys
from support.demandes import demande_for
from support.load import Customer, Promises, load
from support.proxies import Proxy, need, post, running_proxy, side_by_side
from support.serve import Installation, Node, install, run, running_node
from support.workers import wait_until

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
CALLS = 5
KEYS = 1500
"""More than are needed."""


@pytest.fixture(scope="module")
def several(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(tmp_path_factory.mktemp("noeuds"), postgres, "noeuds")


@pytest.fixture
def nodes(several: Installation) -> Iterator[list[Node]]:
    """Two, behind the proxies of this machine if there are any."""
    with ExitStack() as stack:
        told = {"processus": 1, "proxies": ["127.0.0.2/32"]}
        yield [stack.enter_context(running_node(several, several.write(f"{name}.toml", **told))) for name in "ab"]


def statuses(nodes: list[Node], holder: str) -> list[int]:
    """What each node answers to what is no message: 500 to who is admitted, 403 to others."""
    pair = nodes[0].installation.pki.clients[holder]
    urls = [node.service.replace("127.0.0.1", "localhost") + "/ws-srv" for node in nodes]
    return [post(url, node.installation, pair).status_code for url, node in zip(urls, nodes, strict=True)]


def test_white_list_and_demandes_are_those_of_all_nodes(nodes: list[Node]) -> None:
    """What is ordered at one is withdrawn at the other; who is listed or not is so at both."""
    first, second = nodes
    with first.client() as client:
        reply = client.demander_certificats([demande_for(ORG, make_csr(make_key()))])
        assert reply.statut_lot == "OK", reply.message
    with second.client() as client:
        assert "BEGIN CERTIFICATE" in client.retirer_certificat(reply.demandes[0].indice_retrait or "", "un code").pem
    installation = first.installation
    certificate = installation.pki.clients["intrus"].certificate
    assert statuses(nodes, "intrus") == [403, 403]
    for act, expected in (("ajouter", [500, 500]), ("retirer", [403, 403])):
        told = run("liste-blanche", act, "--base", installation.dsn, "--certificat", certificate)
        assert told.returncode == 0, told.stderr
        wait_until(lambda expected=expected: statuses(nodes, "intrus") == expected)  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_node_that_stops_loses_no_request(several: Installation, tmp_path: Path, kind: str) -> None:
    """Orders go on through the proxy while a node is stopped as for its upgrade."""
    need(kind)
    with ExitStack() as stack:
        both = zip(("c.toml", "d.toml"), side_by_side(processus=1, proxies=["127.0.0.1/32"]), strict=True)
        nodes = [stack.enter_context(running_node(several, several.write(name, **told))) for name, told in both]
        proxy = stack.enter_context(running_proxy(kind, tmp_path, nodes))
        answers: list[str] = []
        stopped, done = Event(), Event()

        def order() -> None:
            after = 0
            try:
                while after < CALLS:
                    with proxy.client() as client:
                        csr = make_csr(make_key())
                        answers.append(client.demander_certificats([demande_for(ORG, csr)]).statut_lot)
                    after += stopped.is_set()
            finally:
                done.set()

        thread = Thread(target=order)
        thread.start()
        wait_until(lambda: len(answers) >= CALLS or done.is_set())
        assert nodes[0].stop(signal.SIGTERM) == 0
        stopped.set()
        thread.join(120)
        assert set(answers) == {"OK"}
        assert len(answers) >= 2 * CALLS


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_node_that_is_killed_takes_nothing_with_it(several: Installation, tmp_path: Path, kind: str) -> None:
    """What was acknowledged is there, what was cut is asked again, and the proxy goes on with the other node."""
    need(kind)
    with ExitStack() as stack:
        both = zip(("e.toml", "f.toml"), side_by_side(processus=1, proxies=["127.0.0.1/32"]), strict=True)
        nodes = [stack.enter_context(running_node(several, several.write(name, **told))) for name, told in both]
        proxy = stack.enter_context(running_proxy(kind, tmp_path, nodes))
        keys = iter(make_keys(KEYS))
        with load(lambda _: proxy.client(), [0], keys, 2) as promises:
            before = delivered(several)
            wait_until(lambda: len(delivered(several)) >= len(before) + CALLS)
            os.killpg(nodes[0].process.pid, signal.SIGKILL)
            killed = delivered(several)
            wait_until(lambda: len(delivered(several)) >= len(killed) + CALLS)
        assert promises.odd == []
        finish(proxy, promises)
    kept = delivered(several)
    assert {
        numero: one.public_bytes(Encoding.DER) for numero, one in promises.delivered.items()
    }.items() <= kept.items()
    assert len(set(kept.values())) == len(kept)


def delivered(installation: Installation) -> dict[int, bytes]:
    """The certificates that the platform has, by demande."""
    with psycopg.connect(installation.dsn) as connection:
        rows = connection.execute("SELECT demande, certificat FROM produit WHERE certificat IS NOT NULL")
        return {numero: bytes(der) for numero, der in rows}


def finish(proxy: Proxy, promises: Promises) -> None:
    """What was left open is withdrawn, by a client that found nobody for a moment."""
    with proxy.client() as client:
        customer = Customer([client], iter(()), Event())
        for numero in sorted(promises.open - promises.unsure):
            customer.withdraw(numero)
    assert customer.promises.odd == []
    promises.add(customer.promises)
    assert promises.open <= promises.unsure
