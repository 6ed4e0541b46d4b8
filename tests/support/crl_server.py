"""A small HTTP server of one CRL, well or badly behaved."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(slots=True)
class Shelf:
    """What the server has, and what it was asked.

    Attributes:
        content: The body.
        status: Other than 200, it is all that is said.
        pieces: The body is sent so many times over, without an announced length.
        asked: Headers of each request.
        answered: Status of each answer.
    """

    content: bytes
    status: int = 200
    pieces: int = 1
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    @property
    def etag(self) -> str:
        return f'"{sha256(self.content).hexdigest()}"'


@contextmanager
def serve(content: bytes) -> Iterator[Shelf]:
    """Serve on a free port of the loopback."""
    shelf = Shelf(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shelf.asked.append(dict(self.headers))
            known = self.headers.get("If-None-Match") == shelf.etag
            status = 304 if known and shelf.status == 200 else shelf.status
            shelf.answered.append(status)
            self.send_response(status)
            if status == 200:
                self.send_header("ETag", shelf.etag)
                self.end_headers()
                for _ in range(shelf.pieces):
                    self.wfile.write(shelf.content)
            else:
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        shelf.url = f"http://127.0.0.1:{server.server_port}/CRL/ACI-EL-ORG-TEST.crl"
        yield shelf
        server.shutdown()
        thread.join()
