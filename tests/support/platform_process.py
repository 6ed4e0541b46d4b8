"""A platform in a process of its own, over a sandbox's folder of keys; PFCNG-IGC is where ``PFCNG_IGC`` says.

Usage: python -m support.platform_process PKI DSN PORT
"""

import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from pfcng.app.platform import create_app
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, ROOTS
from pfcng.sandbox.own_settings import sandbox_settings
from pfcng.sandbox.pki import plan_pki
from pfcng.web.serving import serve_until_signal, server
from pfcng.web.tls import server_context


def main(folder: str, dsn: str, port: str) -> None:
    """Serve until a signal."""
    pki = plan_pki(Path(folder), ())
    settings = sandbox_settings(pki, PublicationUrls(), Path(folder))
    assert settings.igc is not None
    app = create_app(settings, dsn=dsn, clock=lambda: datetime.now(UTC))
    authorities = [pki.authorities[name.common_name].pair.certificate for name in (*ROOTS, *AUTHORITIES)]
    tls = server_context(pki.server.certificate, pki.server.key, authorities)
    assert app.published is not None
    app.published.publisher.turn()
    app.platform.trust.refresh()
    with app.kept_published(), socket.create_server(("127.0.0.1", int(port)), backlog=100) as opened:
        serve_until_signal([(server(app.service, tls), opened)], lambda: None)
    app.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
