"""OCSP over HTTP: GET and POST, and what caches may keep. Source: RFC 6960 appendix A, RFC 5019 §5 and §6."""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from pfcng.igc.responder import Answer, Responder

_ANSWER: Final = "application/ocsp-response"
_MAX_BYTES: Final = 16 * 1024
_KEPT: Final = timedelta(minutes=5)
"""How long an answer may be kept on the way: a revocation is told after that, long before nextUpdate."""
_ENCODED: Final = re.compile(r"/+M[0-9A-Za-z+/_-]{30,}={0,2}")


class OcspHandler:
    """The endpoints.

    Args:
        responder: Who answers.
        clock: The present, aware.
    """

    def __init__(self, responder: Responder, clock: Callable[[], datetime]) -> None:
        self._responder = responder
        self._clock = clock

    async def post(self, request: Request) -> Response:
        """The request is the body."""
        raw = bytearray()
        try:
            async for chunk in request.stream():
                raw += chunk
                if len(raw) > _MAX_BYTES:
                    return PlainTextResponse("Requête OCSP trop longue.\n", status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)
        answer = await run_in_threadpool(self._responder.answer, bytes(raw))
        return Response(answer.der, media_type=_ANSWER, headers={"Cache-Control": "no-store"})

    async def get(self, request: Request) -> Response:
        """The request is the end of the path, in base64."""
        encoded: str = request.path_params.get("request") or request.scope["path"]
        answer = await run_in_threadpool(self._responder.answer, decode(encoded))
        headers = self._headers(answer)
        if is_listed(headers.get("ETag", ""), request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(answer.der, media_type=_ANSWER, headers=headers)

    def _headers(self, answer: Answer) -> dict[str, str]:
        if answer.this_update is None or answer.next_update is None:
            return {"Cache-Control": "no-store"}
        left = int(min(_KEPT, answer.next_update - self._clock()).total_seconds())
        return {
            "ETag": f'"{answer.digest}"',
            "Last-Modified": format_datetime(answer.this_update, usegmt=True),
            "Expires": format_datetime(answer.next_update, usegmt=True),
            "Cache-Control": f"max-age={max(0, left)}, public, no-transform, must-revalidate",
        }


def decode(encoded: str) -> bytes:
    """The request of a path, as clients write it: encoded twice or not, padded or not, ``+`` or a space.

    What is no base64 gives nothing, and so a malformedRequest.
    """
    text = unquote(encoded).lstrip("/").replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    if len(text) > _MAX_BYTES:
        return b""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def looks_encoded(path: str) -> bool:
    """Whether a path is an OCSP request rather than a file."""
    return _ENCODED.fullmatch(path) is not None


def is_listed(etag: str, tags: str) -> bool:
    """Whether an If-None-Match names this entity tag, weakly or strongly."""
    listed = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return bool(etag) and (etag in listed or "*" in listed)
