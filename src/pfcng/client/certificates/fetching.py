"""Fetches what a certificate points to: CRLs, authorities, OCSP answers. Nothing is believed before its signature.

The addresses are a stranger's: HTTP alone, no redirection, bounded in time and in size.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import httpx

MAX_BYTES: Final = 32 << 20
"""The largest CRL that is read."""
TIMEOUT: Final = 10.0
_THIS_MACHINE: Final = ("localhost", "127.0.0.1")


class Unreachable(Exception):
    """Nothing came from an address; its text ends a French sentence."""


Fetch = Callable[[str, bytes | None], bytes]
"""From an address, and what is posted to it (an OCSP request), to the answer's octets. Raises `Unreachable`."""


def fetch(url: str, posted: bytes | None = None) -> bytes:
    """Fetch from the network.

    Raises:
        Unreachable: no HTTP address, no answer, not a good one, or too much of it.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise Unreachable("ce n’est pas une adresse HTTP")
    mounts = {f"{scheme}://{host}": None for host in _THIS_MACHINE for scheme in ("http", "https")}
    try:
        with (
            httpx.Client(timeout=TIMEOUT, mounts=mounts, headers={"User-Agent": "pfcng"}) as client,
            _request(client, url, posted) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise Unreachable(f"HTTP {response.status_code}")
            content = b""
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise Unreachable(f"plus de {MAX_BYTES >> 20} Mio")
            return content
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = "délai dépassé" if isinstance(error, httpx.TimeoutException) else "pas de réponse"
        raise Unreachable(told) from error


def _request(client: httpx.Client, url: str, posted: bytes | None) -> AbstractContextManager[httpx.Response]:
    if posted is None:
        return client.stream("GET", url)
    return client.stream("POST", url, content=posted, headers={"Content-Type": "application/ocsp-request"})
