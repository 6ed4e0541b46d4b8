"""Where a request comes from (docs/exploitation/proxy.md)."""

from ipaddress import ip_network

import pytest

from pfcng.web.admission import peer_address

PROXIES = [ip_network("10.0.0.0/24")]


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("10.0.0.1", [b"192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [b"203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [b"203.0.113.9", b"2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", [b"nowhere"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("192.0.2.7", [b"203.0.113.9"], "192.0.2.7"),
        (None, [b"203.0.113.9"], ""),
    ],
)
def test_address_is_what_a_proxy_tells_last(client: str | None, forwarded: list[bytes], expected: str) -> None:
    """Its own word is the last; from anybody else the header counts for nothing."""
    scope = {
        "client": None if client is None else (client, 4711),
        "headers": [(b"x-forwarded-for", value) for value in forwarded],
    }
    assert peer_address(scope, PROXIES) == expected
