"""HTTPS connections to the platform, blocking and not: a message out, an answer back, again where that is safe."""

import time
from collections.abc import Sequence
from typing import Any, Final, Protocol
from urllib.parse import unquote

import anyio
import httpx

from pfcng.client.errors import TransportError
from pfcng.client.explanations import THIS_MACHINE, Answer, Explainer, one_line
from pfcng.client.profile import Profile
from pfcng.client.tls import client_context

DIAGNOSTIC_HEADER: Final = "X-Pfcng-Diagnostic"
"""Where a platform may tell the precise cause of a refusal."""
PAUSES: Final = (0.2, 1.0)
"""Seconds before each further try."""

_KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than the five seconds after which common servers close: a request never meets a connection being closed."""
_SOAP_STATUSES: Final = (200, 500)


class Message(Protocol):
    """What a transport sends."""

    @property
    def content(self) -> bytes:
        """The envelope."""

    @property
    def soap_action(self) -> str:
        """The SOAPAction, without quotes."""

    @property
    def repeatable(self) -> bool:
        """Whether sending it again is safe although the platform may have received it."""


class Transport:
    """Sends SOAP messages to one URL over kept-alive mutual TLS. Threads may share it."""

    def __init__(self, profile: Profile, pauses: Sequence[float] = PAUSES) -> None:
        self._url = profile.url
        self._explainer = Explainer(profile)
        self._pauses = pauses
        self._http = httpx.Client(**_options(profile))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post(self, message: Message) -> Answer:
        """Send a SOAP message and return the answer.

        Raises:
            TransportError: No answer came, or not one of a SOAP service.
        """
        for pause in self._pauses:
            try:
                return self._post_once(message)
            except TransportError as error:
                if not _may_repeat(error, message):
                    raise
            time.sleep(pause)
        return self._post_once(message)

    def _post_once(self, message: Message) -> Answer:
        try:
            response = self._http.post(self._url, content=message.content, headers=_headers(message))
        except httpx.HTTPError as error:
            raise self._explainer.explain(error) from error
        return _answer(response, self._explainer)


class AsyncTransport:
    """The same for tasks of an event loop."""

    def __init__(self, profile: Profile, pauses: Sequence[float] = PAUSES) -> None:
        self._url = profile.url
        self._explainer = Explainer(profile)
        self._pauses = pauses
        self._http = httpx.AsyncClient(**_options(profile))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post(self, message: Message) -> Answer:
        """As ``Transport.post``.

        Raises:
            TransportError: as there.
        """
        for pause in self._pauses:
            try:
                return await self._post_once(message)
            except TransportError as error:
                if not _may_repeat(error, message):
                    raise
            await anyio.sleep(pause)
        return await self._post_once(message)

    async def _post_once(self, message: Message) -> Answer:
        try:
            response = await self._http.post(self._url, content=message.content, headers=_headers(message))
        except httpx.HTTPError as error:
            raise self._explainer.explain(error) from error
        return _answer(response, self._explainer)


def _may_repeat(error: TransportError, message: Message) -> bool:
    """A message that never arrived may always be sent again; one that may have arrived only if that is harmless."""
    return error.temporary and (message.repeatable or not error.maybe_received)


def _options(profile: Profile) -> dict[str, Any]:
    return {
        "verify": client_context(profile.confiance, profile.tls),
        "timeout": profile.delai,
        "limits": httpx.Limits(keepalive_expiry=_KEEP_ALIVE_SECONDS),
        "headers": {"User-Agent": "pfcng", "Accept": "text/xml", "Accept-Encoding": "identity"},
        # A proxy of the environment serves the outside world, not this machine.
        "mounts": dict.fromkeys((f"https://{host}" for host in THIS_MACHINE), None),
    }


def _headers(message: Message) -> dict[str, str]:
    return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{message.soap_action}"'}


def _answer(response: httpx.Response, explainer: Explainer) -> Answer:
    diagnostic = one_line(unquote(response.headers.get(DIAGNOSTIC_HEADER, ""))) or None
    if response.status_code not in _SOAP_STATUSES:
        raise explainer.unexpected(response, diagnostic)
    return Answer(host=explainer.host, status=response.status_code, content=response.content, diagnostic=diagnostic)
