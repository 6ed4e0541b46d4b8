"""A network that does not keep its word, between the connector and the service of PFCNG-IGC.

It speaks TLS on both sides and does to each request what a test says: nothing, or one of `Fault`.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Final

import httpx

from pfcng.igc.wire import CALL_HEADER

_PAGE: Final = b"<html><body>Bad gateway</body></html>"
_PATIENCE: Final = 60.0
Rule = Callable[[str, str], "Fault | None"]
"""Method and path → what happens to the request."""


class Fault(Enum):
    """What can happen to a request; « after » is after the service did it, whatever the caller sees."""

    DROPPED_BEFORE = auto()
    DROPPED_AFTER = auto()
    CUT_AFTER = auto()
    """Half of the answer comes."""
    HELD_AFTER = auto()
    """The answer does not come in time."""
    HELD_BEFORE = auto()
    """The request reaches the service once the caller has given up."""
    DOUBLED = auto()
    """The request reaches the service twice."""
    ANSWERED_TWICE = auto()
    """The answer comes again before that of the next request."""
    REPLAYED = auto()
    """The answer is that of the request before."""
    SWAPPED = auto()
    """The service is asked for another number, and the caller cannot see it."""
    BAD_GATEWAY = auto()
    FAILED_AFTER = auto()
    """The service did it and says 500."""
    WRONG_PAGE = auto()
    """200, with a page of somebody else."""
    MISSING_PAGE = auto()
    """404, with a page of somebody else."""
    REFUSED = auto()
    """A typed refusal: the service knows no such number."""
    CONFLICT = auto()
    """A typed refusal: the number has another request."""


RECOVERABLE: Final = tuple(fault for fault in Fault if fault not in {Fault.SWAPPED, Fault.REFUSED, Fault.CONFLICT})
"""After these a caller may call again and must find what it asked for."""


class FaultyProxy:
    """The network. ``rule`` may be replaced at any time; ``seen`` has every request that came.

    Args:
        upstream: Reaches the service; its base URL may be where nobody listens.
    """

    def __init__(self, upstream: httpx.Client) -> None:
        self.rule: Rule = lambda _method, _path: None
        self.on_done: Callable[[str, str], None] = lambda _method, _path: None
        self.seen: list[tuple[str, str]] = []
        self.swap = 0
        self.url = ""
        self.last: httpx.Response | None = None
        self._upstream = upstream
        self._lock = Lock()

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Ask the service."""
        response = self._upstream.request(method, path, headers=headers, content=body)
        self.on_done(method, path)
        return response

    def next_fault(self, method: str, path: str) -> Fault | None:
        """What happens to this request."""
        with self._lock:
            self.seen.append((method, path))
            return self.rule(method, path)

    def remember(self, response: httpx.Response) -> httpx.Response | None:
        """Keep the answer and give the one before."""
        with self._lock:
            before, self.last = self.last, response
            return before


@contextmanager
def faulty_proxy(upstream: httpx.Client, *, certificate: Path, key: Path) -> Iterator[FaultyProxy]:
    """A proxy on a free port of localhost, with this certificate."""
    proxy = FaultyProxy(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    proxy.url = f"https://localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Gone(Exception):
    """The connection ends without an answer."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a caller."""

    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    proxy: FaultyProxy

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: self.headers[name] for name in ("Content-Type", CALL_HEADER) if name in self.headers}
        try:
            self.wfile.write(self._answer(self.proxy.next_fault(self.command, self.path), headers, body))
        except (_Gone, httpx.HTTPError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do  # noqa: N815 - http.server's names

    def _answer(self, fault: Fault | None, headers: dict[str, str], body: bytes) -> bytes:
        if fault is Fault.DROPPED_BEFORE:
            raise _Gone
        if fault in _PAGES:
            return _page(*_PAGES[fault])
        if fault in _TYPED:
            return _typed(*_TYPED[fault], headers)
        if fault is Fault.HELD_BEFORE:
            self._wait_until_gone()
        return self._forwarded(fault, headers, body)

    def _forwarded(self, fault: Fault | None, headers: dict[str, str], body: bytes) -> bytes:
        path = self.path
        if fault is Fault.SWAPPED:
            path = "/".join(str(self.proxy.swap) if part.isdigit() else part for part in path.split("/"))
        response = self.proxy.forward(self.command, path, headers, body)
        before = self.proxy.remember(response)
        if fault is Fault.DOUBLED:
            response = self.proxy.forward(self.command, path, headers, body)
        if fault is Fault.HELD_AFTER:
            self._wait_until_gone()
        if fault in {Fault.DROPPED_AFTER, Fault.HELD_AFTER, Fault.HELD_BEFORE}:
            raise _Gone
        if fault is Fault.FAILED_AFTER:
            return _page(500, b"")
        return self._written(_raw(before if fault is Fault.REPLAYED and before else response), fault)

    def _written(self, raw: bytes, fault: Fault | None) -> bytes:
        if fault is Fault.CUT_AFTER:
            self.close_connection = True
            return raw[: len(raw) // 2]
        return raw * 2 if fault is Fault.ANSWERED_TWICE else raw

    def _wait_until_gone(self) -> None:
        while self.connection.recv(1):
            pass

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


_PAGES: Final = {
    Fault.BAD_GATEWAY: (502, _PAGE),
    Fault.WRONG_PAGE: (200, _PAGE),
    Fault.MISSING_PAGE: (404, _PAGE),
}
_TYPED: Final = {Fault.REFUSED: (404, "inconnu"), Fault.CONFLICT: (409, "conflit")}


def _page(status: int, content: bytes) -> bytes:
    return _head(status, {"Content-Type": "text/html", "Content-Length": str(len(content))}) + content


def _typed(status: int, name: str, headers: dict[str, str]) -> bytes:
    content = b'{"refus": "%s", "message": "", "incident": ""}' % name.encode()
    told = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    return _head(status, {**told, CALL_HEADER: headers[CALL_HEADER]}) + content


def _raw(response: httpx.Response) -> bytes:
    kept = ("content-type", "content-length", CALL_HEADER.lower())
    return _head(response.status_code, {n: v for n, v in response.headers.items() if n in kept}) + response.content


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
