"""TLS of the server: its certificate, and those of its clients.

A handshake that fails never reaches the application, so it is logged here, with its reason.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from pfcng.watch import metrics

log = structlog.get_logger()


_REASONS: Final = {
    "CERTIFICATE_VERIFY_FAILED": "certificate",
    "UNSUPPORTED_PROTOCOL": "protocol",
    "WRONG_VERSION_NUMBER": "protocol",
    "VERSION_TOO_LOW": "protocol",
    "HTTP_REQUEST": "protocol",
    "NO_SHARED_CIPHER": "cipher",
}
"""What a refused handshake counts as; the log has OpenSSL's own word."""


class LoggedTls(ssl.SSLObject):
    """A TLS connection that says why its handshake failed."""

    def do_handshake(self) -> None:
        """Take the handshake one step further."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            metrics.TLS_REFUSED.labels(_REASONS.get(error.reason or "", "other")).inc()
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
