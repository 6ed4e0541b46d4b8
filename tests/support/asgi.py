"""A client of an ASGI application in the same process, one request at a time."""

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class AsgiClient:
    """Calls an application as a server would."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.request("GET", path, **how)

    def head(self, path: str, **how: Any) -> httpx.Response:
        return self.request("HEAD", path, **how)

    def post(self, path: str, **how: Any) -> httpx.Response:
        return self.request("POST", path, **how)

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **how)

        return asyncio.run(ask())
