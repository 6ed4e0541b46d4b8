"""Where a program of the exploitant listens."""

import socket

from pfcng.mistakes import reason
from pfcng.node.faults import StartFault

_BACKLOG = 1024


def listen(setting: str, address: str) -> socket.socket:
    """A listening socket, opened before anything else: a taken port is told at once.

    Args:
        setting: The name of the setting that says where.
        address: Host and port.

    Raises:
        StartFault: It cannot be had.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except (socket.gaierror, UnicodeError) as error:
        raise StartFault(f"{setting} : le nom {host} est inconnu.", is_outage=True) from error
    except OSError as error:
        raise StartFault(
            f"{setting} : impossible d’écouter sur {address} ({reason(error)}).", is_outage=True
        ) from error


def place(opened: socket.socket) -> str:
    """Host and port as a URL has them."""
    host, port = opened.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
