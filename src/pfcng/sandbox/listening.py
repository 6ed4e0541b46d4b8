"""Where the sandbox listens: its sockets and their addresses."""

import errno
import ipaddress
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pfcng.mistakes import reason
from pfcng.sandbox.descriptor import Addresses
from pfcng.sandbox.mistakes import SandboxError

_LOOPBACK: Final = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""The system's refusals that no other port would change."""
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")


def check_host(host: str) -> None:
    """See that a certificate and a URL can hold the host, before the system is asked for it.

    Raises:
        SandboxError: It is neither an address nor a DNS name.
    """
    if not _HOST.fullmatch(host) and not _is_ipv6(host):
        raise SandboxError("La valeur de --host n’est ni une adresse IP ni un nom DNS de 253 caractères au plus.")


@contextmanager
def listen(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """A listening socket, opened before anything is made: a taken port is told at once.

    Raises:
        SandboxError: The host is unknown, or the port cannot be had; ``option`` names the port's option.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.create_server(address[:2], family=family, backlog=1024)
    except (socket.gaierror, UnicodeError) as error:
        raise SandboxError(f"Le nom {host} est inconnu. Choisissez une adresse de ce poste avec --host.") from error
    except OSError as error:
        other = "une adresse de ce poste avec --host" if error.errno in _ADDRESS else f"un autre port avec {option}"
        raise SandboxError(f"Impossible d’écouter sur {host}:{port} ({reason(error)}). Choisissez {other}.") from error
    with opened:
        yield opened


def addresses(host: str, service: socket.socket, http: socket.socket) -> Addresses:
    """What the two sockets are reached at."""
    name = "localhost" if host in _LOOPBACK else f"[{host}]" if _is_ipv6(host) else host
    return Addresses(
        service=f"https://{name}:{service.getsockname()[1]}", http=f"http://{name}:{http.getsockname()[1]}"
    )


def _is_ipv6(host: str) -> bool:
    """Whether it is an address of IP version 6; one with a zone (``%eth0``) fits no URL."""
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False
