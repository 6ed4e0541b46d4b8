"""The sandbox's own HTTP interface, on the plain port: its clock and its incidents (docs/bac-a-sable.md).

A body must be declared as JSON: a web page of another origin cannot do that unasked, so it moves nobody's clock.
"""

import json
from datetime import timedelta
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from pfcng.sandbox.advancing import Advancer, UnderWay
from pfcng.sandbox.clock import MAX_AHEAD, SandboxClock, TooFar
from pfcng.sandbox.durations import parse_duration
from pfcng.sandbox.incidents import Incident, Incidents

PATH: Final = "/bac-a-sable"
_MAX_BODY: Final = 4096


class _Wrong(Exception):
    """A request that cannot be followed; status and French sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """What the interface acts on."""

    def __init__(self, clock: SandboxClock, incidents: Incidents, advancer: Advancer) -> None:
        self._clock = clock
        self._incidents = incidents
        self._advancer = advancer

    def around(self, publication: ASGIApp) -> Starlette:
        """The application of the plain port: this interface, and the publication for everything else."""
        routes = [
            Route(PATH, self._read, methods=["GET"]),
            Route(f"{PATH}/horloge", self._move, methods=["POST"]),
            Route(f"{PATH}/pannes", self._break, methods=["POST"]),
            Route(f"{PATH}/pannes", self._restore, methods=["DELETE"]),
            Route(f"{PATH}{{rest:path}}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Mount("/", publication),
        ]
        return Starlette(routes=routes, exception_handlers={_Wrong: _refuse})

    def _state(self) -> dict[str, Any]:
        """The present, and the incidents under way with the seconds that are left."""
        return {
            "maintenant": self._clock().isoformat(),
            "avance_secondes": int(self._clock.ahead.total_seconds()),
            "pannes": {
                incident.value: None if left is None else round(left)
                for incident, left in self._incidents.under_way().items()
            },
        }

    async def _read(self, _request: Request) -> Response:
        return JSONResponse(self._state())

    async def _move(self, request: Request) -> Response:
        by = _duration((await _body(request)).get("avancer"), "avancer")
        if by is None:
            raise _Wrong(400, "« avancer » manque : une durée, comme 60j ou 3a.")
        try:
            walk = await run_in_threadpool(self._advancer.advance, by)
        except UnderWay as error:
            raise _Wrong(409, "L’horloge avance déjà ; attendez qu’elle ait fini.") from error
        except TooFar as error:
            raise _Wrong(400, f"L’horloge n’avance que de {MAX_AHEAD.days} jours en tout.") from error
        return JSONResponse({**self._state(), "fait": walk.done})

    async def _break(self, request: Request) -> Response:
        body = await _body(request)
        try:
            incident = Incident(str(body.get("panne")))
        except ValueError as error:
            raise _Wrong(400, f"« panne » est l’une de : {', '.join(Incident)}.") from error
        self._incidents.start(incident, _duration(body.get("pendant"), "pendant"))
        return JSONResponse(self._state())

    async def _restore(self, _request: Request) -> Response:
        self._incidents.restore()
        return JSONResponse(self._state())


def _duration(value: object, name: str) -> timedelta | None:
    if value is None:
        return None
    found = parse_duration(value) if isinstance(value, str) else None
    if found is None:
        raise _Wrong(400, f"« {name} » est une durée, non nulle : un nombre et a, sem, j, h, m ou s, comme 60j ou 10m.")
    return found


async def _body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Wrong(415, "Le corps est un objet JSON : Content-Type: application/json.")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_BODY:
            raise _Wrong(413, "Le corps est trop long.")
    try:
        body = json.loads(bytes(content))
    except ValueError as error:
        raise _Wrong(400, "Le corps n’est pas du JSON.") from error
    if not isinstance(body, dict):
        raise _Wrong(400, "Le corps est un objet JSON.")
    return body


async def _unknown(request: Request) -> Response:
    known = f"GET {PATH}, POST {PATH}/horloge, POST et DELETE {PATH}/pannes"
    raise _Wrong(404, f"{request.method} {request.url.path} n’existe pas ; il y a {known} (docs/bac-a-sable.md).")


def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, _Wrong)  # noqa: S101 - registered for it
    return JSONResponse({"erreur": str(error)}, status_code=error.status)
