"""One HTTP/1.1 connection: the TLS peer's certificate in the ASGI scope, and the limits of what it may take.

uvicorn puts no peer certificate in the scope and leaves a slow client all the time it wants: a subclass of its protocol
does both. `Connection.look` is called every second; nothing is done for time on the way of a request but to note it.
"""

import ssl
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import httptools
import structlog
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pfcng.watch import metrics
from pfcng.web.limits import Limits

log = structlog.get_logger()

_LEAVING: Final = 5.0
"""Seconds that a connection may take to close."""
_BUSY: Final = PlainTextResponse(
    "Le service a trop de connexions ouvertes : réessayez dans quelques secondes.\n",
    status_code=HTTPStatus.SERVICE_UNAVAILABLE,
    headers={"Retry-After": "5", "Connection": "close"},
)


class _Reading(Enum):
    """What of a request is being read."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


_SENTENCES: Final = {
    HTTPStatus.BAD_REQUEST: "La requête n’est pas de l’HTTP/1.1.",
    HTTPStatus.REQUEST_TIMEOUT: "La requête n’est pas arrivée à temps.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "L’en-tête de la requête est trop grand, ou a trop de champs.",
}


class Config(uvicorn.Config):
    """A server's configuration, with the limits of its connections."""

    limits: Limits


class Connection(HttpToolsProtocol):
    """A connection of a server whose configuration has `Limits`."""

    config: Config
    _extensions: dict[str, dict[object, object]]
    _limits: Limits
    _reading = _Reading.NOTHING
    _since = 0.0
    _stuck_since: float | None = None
    _leaving_since: float | None = None
    _head = 0
    _headers = 0
    _plain_head = b""
    _fields = 0

    def connection_made(self, transport: Any) -> None:
        """Read the peer's certificate once a connection, and make room for it or turn it away."""
        super().connection_made(transport)
        self._limits = self.config.limits
        self._note(_Reading.NOTHING)
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        chain = [ssl.DER_cert_to_PEM_cert(der)] if der else []
        self._extensions = {"tls": {"client_cert_chain": chain}} if tls else {}
        if len(self.connections) > self._limits.connections and not self._make_room():
            metrics.LIMITS.labels("connections").inc()
            log.warning("connections.full", limit=self._limits.connections, address=self.client)
            self.app = _BUSY

    def look(self, now: float) -> None:
        """See that the client keeps up; one that does not is told, where anything can be told, and let go."""
        limits = self._limits
        if self._leaving_since is not None:
            if now - self._leaving_since > _LEAVING:
                self.transport.abort()
        elif self._stuck_since is not None:
            if now - self._stuck_since > limits.reply:
                metrics.LIMITS.labels("reply").inc()
                log.warning("client.slow", what="reply", address=self.client)
                self.transport.abort()
        elif self._reading is _Reading.NOTHING:
            if self._is_idle and now - self._since > limits.idle:
                self._leave()
        elif self.flow.read_paused:  # it is the application that is behind
            self._since = now
        elif now - self._since > (limits.head if self._reading is _Reading.HEAD else limits.body):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the connection was given up."""
        if self._leaving_since is not None:
            return
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            self.send_400_response(type(error).__name__)
            return
        if self._reading is _Reading.HEAD:
            self._head += len(data)
        if self._is_head_too_large and self._leaving_since is None:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        """Have it parsed.

        The parser stops at a head that asks for another protocol, and takes its body for the next request. It is fed
        that head again without the wish, which counts for nothing here (RFC 9110 §7.8).
        """
        while data and self._leaving_since is None:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                data = self._plain_head + data[stop.args[0] :]
                self._plain_head = b""
            else:
                return

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused, in French."""
        log.warning("request.not_http", cause=msg, address=self.client)  # the kind alone: nothing of the client's
        self._end_with(HTTPStatus.BAD_REQUEST)

    def on_message_begin(self) -> None:
        """Give the request the connection's extensions."""
        super().on_message_begin()
        self._note(_Reading.HEAD)
        self._head = self._headers = self._fields = 0
        self.scope["extensions"] = dict(self._extensions)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the headers, those after a chunked body too."""
        self._headers += 1
        self._fields += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is over."""
        if self._leaving_since is not None:
            return
        if self._is_head_too_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        if self.parser.should_upgrade():
            self._want_no_other_protocol()
            return
        self._head = self._fields = 0
        super().on_headers_complete()
        self._note(_Reading.BODY)

    def _want_no_other_protocol(self) -> None:
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response("CONNECT")
            return
        request_line = b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())
        fields = [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self._plain_head = b"\r\n".join([request_line, *fields, b"", b""])

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        if self._leaving_since is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._leaving_since is None and not self._plain_head:
            super().on_message_complete()
            self._note(_Reading.NOTHING)

    def on_response_complete(self) -> None:
        """The reply is whole; what is left of a body that nobody wanted has its time all the same."""
        super().on_response_complete()
        if self._reading is _Reading.NOTHING:
            self._note(_Reading.NOTHING)

    def pause_writing(self) -> None:
        """The client does not read what is sent."""
        super().pause_writing()
        self._stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._stuck_since = None

    @property
    def _is_idle(self) -> bool:
        return (
            self._reading is _Reading.NOTHING
            and not self.pipeline
            and (self.cycle is None or self.cycle.response_complete)
        )

    @property
    def _is_head_too_large(self) -> bool:
        return max(self._head, self._fields) > self._limits.head_bytes or self._headers > self._limits.headers

    def _note(self, reading: _Reading) -> None:
        self._reading, self._since = reading, self.loop.time()

    def _make_room(self) -> bool:
        """Close the connection that has been idle for longest, if any is."""
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        idle = [one for one in others if one._is_idle and one._leaving_since is None]  # noqa: SLF001 - of this class
        if not idle:
            return False
        min(idle, key=lambda one: one._since)._leave()  # noqa: SLF001 - idem
        return True

    def _refuse(self, status: HTTPStatus) -> None:
        """Count and log what goes beyond a limit, and close."""
        too_large = status is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        metrics.LIMITS.labels("headers" if too_large else self._reading.name.lower()).inc()
        log.warning("request.cut_short", status=status, reading=self._reading.name.lower(), address=self.client)
        self._end_with(status)

    def _end_with(self, status: HTTPStatus) -> None:
        """Answer instead of the application, where no reply has begun, and close; no reply leaves any more."""
        cycle = self.cycle
        # Until a body is read the cycle is that of the request before.
        is_free = cycle is None or (
            not cycle.response_started if self._reading is _Reading.BODY else cycle.response_complete
        )
        if is_free and not self.pipeline:
            self.transport.write(_answer(status))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self._leave()

    def _leave(self) -> None:
        self._leaving_since = self.loop.time()
        self.transport.close()


def _answer(status: HTTPStatus) -> bytes:
    body = f"{_SENTENCES[status]}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
