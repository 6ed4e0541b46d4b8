"""What one client may take of ``pfcng serve``: time, connections, headers, requests (docs/exploitation/reglages.md)."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest

from pfcng.sandbox.pairs import Pair
from support.serve import PATIENCE, Installation, Node, obtain, running_node
from support.workers import wait_until

CONNECTIONS: Final = 6
AT_ONCE: Final = 2
HEAD: Final = b"POST /ws-srv HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n"
WSDL: Final = b"GET /ws-srv?wsdl HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def narrow(installation: Installation) -> Iterator[Node]:
    """A node of one process that gives little."""
    limites = {
        "connexions": CONNECTIONS,
        "delai_entete": 1,
        "delai_corps": 3,
        "delai_reponse": 1,
        "requetes_simultanees": AT_ONCE,
    }
    with running_node(installation, installation.write("etroit.toml", processus=1, limites=limites)) as node:
        yield node


@contextmanager
def connected(node: Node, pair: Pair | None = None) -> Iterator[ssl.SSLSocket]:
    """A TLS connection to the Web Service, with a client certificate or without."""
    context = ssl.create_default_context(cafile=node.installation.pki.anchors)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    with (
        socket.create_connection(("127.0.0.1", node.port), timeout=PATIENCE) as opened,
        context.wrap_socket(opened, server_hostname="localhost") as tls,
    ):
        yield tls


def reply(connection: ssl.SSLSocket) -> str:
    """All that comes until the server closes."""
    content = b""
    try:
        while part := connection.recv(65536):
            content += part
    except OSError:
        pass
    return content.decode()


def status(text: str) -> int:
    return int(text.split(" ", 2)[1])


def test_head_that_does_not_come_to_its_end_is_answered(narrow: Node) -> None:
    """HTTP 408 in French, and the connection is closed."""
    with connected(narrow) as slow:
        slow.sendall(HEAD)
        told = reply(slow)
    assert status(told) == 408
    assert "La requête n’est pas arrivée à temps." in told


@pytest.mark.parametrize(
    "said", [b"EHLO pfcng\r\n\r\n", b"POST /ws-apt HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_not_http_is_answered(narrow: Node, said: bytes) -> None:
    """HTTP 400 in French, and the connection is closed."""
    with connected(narrow) as stranger:
        stranger.sendall(said)
        told = reply(stranger)
    assert status(told) == 400
    assert told.endswith("\r\n\r\nLa requête n’est pas de l’HTTP/1.1.\n")


def test_request_before_what_is_not_http_has_no_answer(narrow: Node) -> None:
    """The server closes: the request is abandoned or its reply is lost, never one delivered (RMT_ERR_009)."""

    def ended_without_reply() -> int:
        return narrow.heard("request.abandoned") + narrow.heard("reply.lost")

    before = ended_without_reply()
    with connected(narrow, narrow.installation.pki.clients["editeur"]) as client:
        client.sendall(HEAD.replace(b"1000", b"4") + b"\r\n<a/>EHLO pfcng\r\n\r\n")
        wait_until(lambda: ended_without_reply() == before + 1, 15)  # while the client stays
        assert reply(client) == ""


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
def test_body_of_a_request_for_another_protocol_is_its_body(narrow: Node, upgrade: str) -> None:
    """It is never the next request: whoever shares a proxy's connection would have it say what he likes.

    RFC 9110 §7.8: a server may pass over the wish, and then answers as without it.
    """
    wish = f"Connection: Upgrade\r\nUpgrade: {upgrade}\r\nExpect: 100-continue\r\n\r\n".encode()
    with connected(narrow, narrow.installation.pki.clients["editeur"]) as client:
        client.sendall(HEAD.replace(b"1000", b"%d" % len(WSDL)) + wish)
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(
            WSDL + WSDL.replace(b"?wsdl", b"?xsd=aucun").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        told = reply(client)
    assert re.findall("HTTP/1.1 ([0-9]+) ", told) == ["500", "405"]
    assert "soap:Client" in told
    assert "wsdl:definitions" not in told


def test_body_that_does_not_come_to_its_end_is_answered(narrow: Node) -> None:
    """The application waits for it no longer either."""
    with connected(narrow, narrow.installation.pki.clients["editeur"]) as slow:
        slow.sendall(HEAD + b"\r\n<half")
        told = reply(slow)
    assert status(told) == 408
    assert "La requête n’est pas arrivée à temps." in told


def test_client_that_does_not_read_is_cut_off(narrow: Node) -> None:
    """What it asked for does not stay in memory."""
    with connected(narrow) as deaf:
        deaf.settimeout(0.5)
        try:
            for _ in range(5000):
                deaf.sendall(WSDL * 10)
        except OSError:
            pass  # nobody reads any more on the other side
        wait_until(lambda: narrow.heard("client.slow") > 0)


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"".join(b"X-%d: 1\r\n" % number for number in range(100)) + b"\r\n",
        HEAD + b"X-Long: " + b"a" * 70_000,
        HEAD + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["more than 100", "more than 64 KiB, without end", "more than 64 KiB"],
)
def test_head_of_too_many_or_too_large_fields_is_refused(narrow: Node, head: bytes) -> None:
    """HTTP 431 in French."""
    with connected(narrow) as client:
        client.sendall(head)
        told = reply(client)
    assert status(told) == 431
    assert "L’en-tête de la requête est trop grand, ou a trop de champs." in told


def test_idle_connections_leave_room_for_others(narrow: Node) -> None:
    """The one that was idle for longest is closed; handshakes that are never begun take no room either."""
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", narrow.port)))
        first = stack.enter_context(connected(narrow))
        for _ in range(2 * CONNECTIONS):
            stack.enter_context(connected(narrow))
        assert reply(first) == ""
        assert "BEGIN CERTIFICATE" in obtain(narrow)


def test_connection_too_many_is_told_to_come_back(narrow: Node) -> None:
    """When all the others are at work: HTTP 503 in French, with Retry-After."""
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(connected(narrow)).sendall(HEAD + b"\r\n<half")
        with connected(narrow) as late:
            late.sendall(WSDL)
            told = reply(late)
    assert status(told) == 503
    assert re.search("^retry-after: 5\r$", told, re.MULTILINE)
    assert "réessayez dans quelques secondes" in told
    wait_until(lambda: narrow.heard("connections.full") > 0)


def test_certificate_that_asks_for_too_much_at_once_is_told_to_come_back(narrow: Node) -> None:
    """HTTP 429 in French, with Retry-After; another certificate is served."""
    editeur, intrus = (narrow.installation.pki.clients[name] for name in ("editeur", "intrus"))
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(connected(narrow, editeur)).sendall(HEAD + b"\r\n<half")
        told = {}
        for name, pair in (("editeur", editeur), ("intrus", intrus)):
            with connected(narrow, pair) as client:
                client.sendall(WSDL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                told[name] = reply(client)
    assert status(told["editeur"]) == 429
    assert re.search("^retry-after: 1\r$", told["editeur"], re.MULTILINE)
    assert "Trop de requêtes de ce certificat" in told["editeur"]
    assert status(told["intrus"]) == 200
