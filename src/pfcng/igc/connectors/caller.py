"""One HTTPS pool to the service of PFCNG-IGC; a call ends within its time, whatever the other side does.

The time is that of the whole call: name, connection, request, answer. It is kept by an event loop in a thread of its
own, since neither a name that is being looked up nor an answer that comes drop by drop can be given up otherwise.
"""

import asyncio
import secrets
import ssl
from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from threading import BoundedSemaphore, Thread
from typing import Final

import httpx

from pfcng.igc.authority import AuthorityUnavailable
from pfcng.igc.wire import CALL_HEADER
from pfcng.watch import tracing

MAX_ANSWER: Final = 1024 * 1024
"""Octets of an answer; a page of the longest list has a fifth of them."""
_KEEP_ALIVE: Final = 20.0
"""Shorter than the service's own: a call seldom meets a connection being closed."""
_CONNECTIONS: Final = 20
"""Calls under way at once; fewer than the threads of the platform, whose other work goes on while nobody answers."""
_QUEUE: Final = 1.0
"""Seconds that a call waits for its turn."""
_ATTEMPTS: Final = 2
"""A kept connection may end under a call, which says nothing: every call is idempotent, so it is made again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back to this very call."""

    status: int
    media_type: str
    content: bytes


class Caller:
    """Makes calls to one URL over kept-alive mutual TLS. Threads may share it.

    Args:
        url: The service's, without a final slash.
        context: TLS with the client's certificate.
        timeout: Seconds that a call may take as a whole.
    """

    def __init__(self, url: str, *, context: ssl.SSLContext, timeout: float) -> None:
        self._timeout = timeout
        self._turns = BoundedSemaphore(_CONNECTIONS)
        self._loop = asyncio.new_event_loop()
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=context,
            timeout=timeout,
            limits=httpx.Limits(
                max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS, keepalive_expiry=_KEEP_ALIVE
            ),
            headers={"User-Agent": "pfcng", "Accept-Encoding": "identity"},
            trust_env=False,
        )
        self._thread = Thread(target=self._loop.run_forever, name="pfcng-igc", daemon=True)
        self._thread.start()

    def call(
        self, method: str, path: str, *, json: object = None, parameters: Mapping[str, int] | None = None
    ) -> Answer:
        """Make a call and give its answer, whatever its status.

        Raises:
            AuthorityUnavailable: No answer in time, one that is not to this call, or too many calls wait already.
        """
        if not self._turns.acquire(timeout=_QUEUE):
            raise AuthorityUnavailable(f"{_CONNECTIONS} calls are under way")
        try:
            return self._call(method, path, json, parameters)
        finally:
            self._turns.release()

    def _call(self, method: str, path: str, json: object, parameters: Mapping[str, int] | None) -> Answer:
        told = tracing.carried()  # here: the loop's thread knows no span
        request = self._http.build_request(method, path, json=json, params=dict(parameters or {}), headers=told)
        future = asyncio.run_coroutine_threadsafe(self._within_time(request), self._loop)
        try:
            return future.result()
        except (httpx.HTTPError, TimeoutError, CancelledError, ssl.SSLError, OSError) as error:
            raise AuthorityUnavailable(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    def close(self) -> None:
        """Give up the calls under way and close the connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._http.aclose()

    async def _within_time(self, request: httpx.Request) -> Answer:
        async with asyncio.timeout(self._timeout):
            for _ in range(_ATTEMPTS - 1):
                try:
                    return await self._exchange(request)
                except (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError):
                    continue
            return await self._exchange(request)

    async def _exchange(self, request: httpx.Request) -> Answer:
        """One request and its answer; the connection of any other answer is closed with what else it may hold."""
        request.headers[CALL_HEADER] = call = secrets.token_hex(8)
        response = await self._http.send(request, stream=True)
        try:
            if response.headers.get(CALL_HEADER) != call:
                raise httpx.RemoteProtocolError(f"HTTP {response.status_code} that is no answer to this call")
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > MAX_ANSWER:
                    raise httpx.RemoteProtocolError(f"an answer of more than {MAX_ANSWER} octets")
        finally:
            await response.aclose()
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(status=response.status_code, media_type=media_type, content=bytes(content))
