"""The plain HTTP port: authorities, CRLs and OCSP, at the real platform's paths."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pfcng.igc.responder import Responder
from pfcng.web import ocsp
from pfcng.web.ocsp import OcspHandler
from pfcng.web.published_files import File, NotPublishedYet, PublishedFiles

_CHUNK: Final = 1 << 16
_RETRY_SECONDS: Final = "60"


def create_publication(
    files: PublishedFiles, responder: Responder, *, ocsp_url: str, clock: Callable[[], datetime]
) -> Starlette:
    """The application of the plain HTTP port.

    Args:
        files: What is published.
        responder: Answers OCSP.
        ocsp_url: Where certificates say that it answers; its path counts.
        clock: The present, aware.
    """
    prefix = urlsplit(ocsp_url).path.rstrip("/")
    answers = OcspHandler(responder, clock)
    published = _Files(files, answers if not prefix else None, clock)
    routes = [
        *(Route(prefix + slash, answers.post, methods=["POST"]) for slash in ("", "/") if prefix + slash),
        *([Route(f"{prefix}/{{request:path}}", answers.get, methods=["GET"])] if prefix else []),
        Route("/{path:path}", published.get, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={405: _not_allowed})


class _Files:
    """GET and HEAD of what is published.

    Args:
        files: By path.
        answers: Of a responder that has no path of its own, as the real one; None when it has one.
        clock: The present, aware.
    """

    def __init__(self, files: PublishedFiles, answers: OcspHandler | None, clock: Callable[[], datetime]) -> None:
        self._files = files
        self._answers = answers
        self._clock = clock

    async def get(self, request: Request) -> Response:
        path = request.scope["path"]
        try:
            file = await run_in_threadpool(self._files.find, path)
        except NotPublishedYet:
            return PlainTextResponse(
                "Ce fichier n’est pas encore publié.\n", status_code=503, headers={"Retry-After": _RETRY_SECONDS}
            )
        if file is not None:
            return _response(request, file, self._clock())
        if self._answers is not None and ocsp.looks_encoded(path):
            return await self._answers.get(request)
        return PlainTextResponse("Ce fichier n’est pas publié ici.\n", status_code=404)


async def _not_allowed(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse(
        "Méthode non admise : les fichiers se lisent par GET.\n", status_code=405, headers={"Allow": "GET, HEAD"}
    )


def _response(request: Request, file: File, now: datetime) -> Response:
    headers = {
        "ETag": file.etag,
        "Last-Modified": format_datetime(file.modified, usegmt=True),
        "Cache-Control": f"public, max-age={file.max_age(now)}, must-revalidate",
        **({"Expires": format_datetime(file.expires, usegmt=True)} if file.expires else {}),
    }
    if _is_known(request, file):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(len(file.content))
    if request.method == "HEAD":
        return Response(headers=headers, media_type=file.media_type)
    return StreamingResponse(_chunks(file.content), headers=headers, media_type=file.media_type)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    """Piece by piece, as fast as the client takes them: a large CRL is in memory once, not once a client."""
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


def _is_known(request: Request, file: File) -> bool:
    """Whether the client has it already; If-None-Match goes before If-Modified-Since (RFC 9110 §13.2.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return ocsp.is_listed(file.etag, tags)
    since = _date(request.headers.get("if-modified-since"))
    return since is not None and file.modified <= since


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    return date if date is not None and date.tzinfo else None
