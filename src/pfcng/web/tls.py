"""TLS of the server: client certificates, and the peer's certificate in the ASGI scope.

uvicorn does not put the peer certificate in the scope: a subclass of its protocol adds the ASGI ``tls`` extension.
A handshake that fails never reaches the application, so it is logged here, with its reason.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = structlog.get_logger()

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers together; anybody may connect, so this is bounded before anything else."""
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class LoggedTls(ssl.SSLObject):
    """A TLS connection that says why its handshake failed."""

    def do_handshake(self) -> None:
        """Take the handshake one step further."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            log.warning("tls.refused", reason=error.reason, detail=getattr(error, "verify_message", None))
            raise


def server_context(certificate: Path, key: Path, client_authorities: Sequence[Path]) -> ssl.SSLContext:
    """TLS 1.2 or later, asking for a client certificate of these authorities.

    A client without a certificate is let in, for the application to answer it with a sentence (HTTP 403).

    Args:
        certificate: PEM of the server certificate followed by its chain.
        key: PEM of its key.
        client_authorities: PEM files of roots and intermediates that issue client certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key, password=lambda: "")  # an encrypted key is refused, not asked for
    for authority in client_authorities:
        context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.sslobject_class = LoggedTls
    return context


class PeerCertificateProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose scopes carry the TLS peer's certificate (ASGI TLS extension, ``client_cert_chain``)."""

    _extensions: dict[str, dict[object, object]]
    _head = 0
    _in_head = False

    def connection_made(self, transport: Any) -> None:
        """Read the peer's certificate once a connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        chain = [ssl.DER_cert_to_PEM_cert(der)] if der else []
        self._extensions = {"tls": {"client_cert_chain": chain}} if tls else {}

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the head of the request grows beyond all measure."""
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
        if self._head > MAX_HEAD_BYTES and not self.transport.is_closing():
            log.warning("request.head_too_large", address=self.client)
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the headers, those after a chunked body too."""
        if not self._in_head:
            self._head += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._head, self._in_head = 0, False
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """Give the request the connection's extensions."""
        super().on_message_begin()
        self._head, self._in_head = 0, True
        self.scope["extensions"] = dict(self._extensions)
