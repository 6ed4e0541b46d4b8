"""The token that opens a transit engine: read when needed, renewed before half of its life, read again when refused."""

import math
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.sources import CredentialError, Secret

log = structlog.get_logger()

_IDLE: Final = 60.0
"""Seconds between two looks at a token that does not have to be renewed now."""
_SOON: Final = 5.0
"""Seconds before what failed is tried again."""


class Ask(Protocol):
    """One call to the server with a token."""

    def __call__(self, method: str, path: str, token: str) -> dict[str, object]:
        """The answer's JSON.

        Raises:
            TokenRefused: 403.
            KeyUnavailable: no answer, or another refusal.
        """


class TokenRefused(KeyUnavailable):
    """The server does not take the token."""


class TransitToken:
    """The token, for every key of the engine and every thread.

    Requests take it as it is; renewing is the work of whoever calls `keep`, so that no signature waits for it.

    Args:
        secret: Where it is; an agent may replace it there.
        ask: A call to the server.
        clock: Seconds, monotonic.
    """

    def __init__(self, secret: Secret, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret = secret
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at: float | None = None
        """On the clock; None until the server was asked how long the token lives."""

    def current(self) -> str:
        """The token.

        Raises:
            KeyUnavailable: there is none.
        """
        with self._lock:
            if self._token is None:
                self._token, self._renew_at = self._read(), None
            return self._token

    def replaced(self, refused: str) -> bool:
        """Whether there is another token than the one that was refused; if so it is now the current one."""
        with self._lock:
            if self._token in {refused, None}:
                self._token, self._renew_at = self._read(), None
            return self._token != refused

    def keep(self) -> float:
        """Renew the token if it is time, and say after how many seconds to come back; an outage is logged."""
        try:
            token = self.current()
            if self._renew_at is None:
                self._plan(token, *self._life(token))
            elif self._clock() >= self._renew_at:
                self._plan(token, *self._renewed(token))
        except TokenRefused as error:
            log.error("transit.jeton_refuse", raison=str(error))  # noqa: TRY400 - said whole
            return _SOON if not self._is_replaced(token) else 0.0
        except KeyUnavailable as error:
            log.warning("transit.jeton_non_renouvele", raison=str(error))
            return _SOON
        return min(_IDLE, max(self._renew_at - self._clock(), 0.0)) if self._renew_at is not None else 0.0

    def _is_replaced(self, refused: str) -> bool:
        try:
            return self.replaced(refused)
        except KeyUnavailable:
            return False

    def _read(self) -> str:
        try:
            return self._secret.read()
        except CredentialError as error:
            raise KeyUnavailable(str(error)) from error

    def _life(self, token: str) -> tuple[float, bool]:
        """Seconds left, and whether the token can be renewed."""
        data = self._ask("GET", "auth/token/lookup-self", token).get("data")
        return _facts(data, "ttl")

    def _renewed(self, token: str) -> tuple[float, bool]:
        auth = self._ask("POST", "auth/token/renew-self", token).get("auth")
        log.info("transit.jeton_renouvele")
        return _facts(auth, "lease_duration")

    def _plan(self, token: str, seconds: float, renewable: bool) -> None:
        """A third of its life from now: there is time for other tries before the end."""
        if seconds and not renewable:
            log.warning("transit.jeton_non_renouvelable", secondes=seconds)
        with self._lock:
            if self._token == token:
                self._renew_at = self._clock() + (seconds / 3 if renewable and seconds else math.inf)


def _facts(answer: object, name: str) -> tuple[float, bool]:
    """A life of no seconds is one without end (root tokens)."""
    facts = answer if isinstance(answer, dict) else {}
    seconds = facts.get(name)
    return seconds if isinstance(seconds, int) else 0, facts.get("renewable") is True
