"""What one client may take of a server, and the answers to more."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pfcng.pki import names
from pfcng.watch import metrics
from pfcng.web.admission import Network, NotAdmitted, peer_certificate, shown_certificate

log = structlog.get_logger()

_FORGETTING: Final = 1000
"""Clients that are remembered before those of the past are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the connections of a server may take.

    Attributes:
        connections: Open at once.
        handshake: Seconds that a TLS handshake may take.
        idle: Seconds that a connection without a request stays open.
        head: Seconds that the head of a request may take.
        body: Idem, its body.
        reply: Seconds that a client may leave what is sent unread.
        head_bytes: Request line and headers together; anybody may connect, so this is bounded before anything else.
        headers: Of one request.
    """

    connections: int = 500
    handshake: float = 10
    idle: float = 30
    head: float = 10
    body: float = 60
    reply: float = 60
    head_bytes: int = 64 * 1024
    headers: int = 100


@dataclass(slots=True)
class _Use:
    """What a client takes now.

    Attributes:
        running: Requests under way.
        paid_until: When the requests so far are paid for, at one interval each (GCRA).
        is_told: Whether the log knows of the present refusals.
    """

    running: int = 0
    paid_until: float = 0.0
    is_told: bool = False


class ClientLimits:
    """An application that answers HTTP 429 to a client certificate that asks for too much at once or in a second.

    In memory, for this process: the node as a whole gives as many times more as it has processes.

    Args:
        application: What answers the others.
        at_once: Requests under way of one certificate.
        per_second: Its requests in a second.
        proxies: Networks whose ``Client-Cert`` header is believed.
        now: Seconds, never going back.
    """

    def __init__(
        self,
        application: ASGIApp,
        *,
        at_once: int,
        per_second: int,
        proxies: Sequence[Network] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._at_once = at_once
        self._interval = 1 / per_second
        self._proxies = proxies
        self._now = now
        self._uses: dict[str, _Use] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have answered."""
        client = shown_certificate(scope, self._proxies)
        if client is None:  # nobody; admission says so
            await self._application(scope, receive, send)
            return
        use = self._uses.setdefault(client, _Use())
        wait = self._wait(use)
        if wait:
            metrics.LIMITS.labels("client").inc()
            if not use.is_told:
                log.warning("peer.limited", client=_name(scope, self._proxies), running=use.running)
            use.is_told = True
            await _too_many(wait)(scope, receive, send)
            return
        with self._running(use):
            await self._application(scope, receive, send)

    def _wait(self, use: _Use) -> int:
        """Seconds after which the client may ask again; 0 when it may now, and then the request counts."""
        now = self._now()
        paid_until = max(use.paid_until, now) + self._interval
        ahead = paid_until - now - 1
        if ahead > self._interval / 2 or use.running >= self._at_once:
            return max(1, math.ceil(ahead))
        use.paid_until, use.is_told = paid_until, False
        return 0

    @contextmanager
    def _running(self, use: _Use) -> Iterator[None]:
        use.running += 1
        try:
            yield
        finally:
            use.running -= 1
            if len(self._uses) > _FORGETTING:
                now = self._now()
                self._uses = {key: one for key, one in self._uses.items() if one.running or one.paid_until > now}


def _name(scope: Scope, proxies: Sequence[Network]) -> str:
    try:
        certificate = peer_certificate(scope, proxies)
    except (NotAdmitted, ValueError):
        return "?"
    return "?" if certificate is None else names.rfc4514(certificate.subject)


def _too_many(seconds: int) -> PlainTextResponse:
    sentence = f"Trop de requêtes de ce certificat à la fois : réessayez dans {seconds} s.\n"
    return PlainTextResponse(sentence, status_code=429, headers={"Retry-After": str(seconds)})
