"""The ASGI application of the Web Service: both endpoints, the WSDL, steps 1 and 2 of a request."""

import secrets
import time
from functools import partial
from typing import Final
from urllib.parse import quote

import structlog
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from pfcng.contract import codes, schemas
from pfcng.contract.catalogue import MAX_MESSAGE_BYTES
from pfcng.operations.context import Arrival
from pfcng.pki import names
from pfcng.pki.trust import TrustStore
from pfcng.watch import metrics, tracing
from pfcng.watch.steps import Step, timed
from pfcng.web.admission import Endpoint, NotAdmitted, admit, check_white_list, peer_address, peer_certificate
from pfcng.web.pipeline import Call, Reply, guard, serve, server_fault
from pfcng.web.platform import Platform
from pfcng.web.threads import MessageThreads, NoThread

log = structlog.get_logger()

_XML: Final = "text/xml; charset=utf-8"
_UNKNOWN: Final = "inconnue"
DIAGNOSTIC_HEADER: Final = "X-Pfcng-Diagnostic"


def create_service(platform: Platform) -> Starlette:
    """The application that serves ``/ws-srv`` and ``/ws-apt``."""
    threads = MessageThreads()
    routes = [
        Route(f"/{endpoint}{slash}", _Handler(endpoint, platform, threads), methods=["GET", "POST"])
        for endpoint in Endpoint
        for slash in ("", "/")
    ]
    return Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_allowed})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("Adresse inconnue. Le Web Service est à /ws-srv et /ws-apt.\n", status_code=404)


async def _not_allowed(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse(
        "Méthode non admise : le Web Service s’appelle par POST.\n", status_code=405, headers={"Allow": "GET, POST"}
    )


class _Handler:
    """One endpoint."""

    def __init__(self, endpoint: Endpoint, platform: Platform, threads: MessageThreads) -> None:
        self._endpoint = endpoint
        self._platform = platform
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an application of its own: what Starlette puts around a function is not needed."""
        request = Request(scope, receive)
        response = self._contract(request) if request.method in {"GET", "HEAD"} else await self._call(request)
        await response(scope, receive, send)

    def _contract(self, request: Request) -> Response:
        """``?wsdl`` and ``?xsd=pfcng-ws.xsd``, for anybody: the contract is public (guide §9)."""
        asked = {name.lower(): value for name, value in request.query_params.items()}
        if "wsdl" in asked:
            return Response(schemas.wsdl(str(request.url.replace(query="", fragment=""))), media_type=_XML)
        if asked.get("xsd") == "pfcng-ws.xsd":
            return Response(schemas.xsd(), media_type=_XML)
        return PlainTextResponse(
            "Le contrat est à ?wsdl ; le Web Service s’appelle par POST.\n",
            status_code=405,
            headers={"Allow": "POST"},
        )

    async def _call(self, request: Request) -> Response:
        """Answer a POST, counted and traced: whatever is logged meanwhile has its incident number."""
        incident = secrets.token_hex(8)
        bind_contextvars(incident=incident)  # for the task of this request
        with metrics.REQUESTS_UNDER_WAY.track_inprogress(), tracing.request(request.headers, incident):
            return await self._answer(request, incident)

    async def _answer(self, request: Request, incident: str) -> Response:
        began = time.perf_counter()
        trust = self._platform.trust.current  # one state of it for the connection and the signature
        try:
            arrived = guard(partial(self._arrive, request, incident, trust), incident, NotAdmitted)
            if isinstance(arrived, Reply):
                _count(arrived, began)
                return _WireReply(arrived, incident, self._threads, diagnostics=False)
            with timed(Step.RECEPTION):
                raw = await _body(request)
            header = request.headers.get
            call = Call(
                raw=raw,
                soap_action=header("soapaction"),
                content_type=header("content-type"),
                content_encoding=header("content-encoding"),
                trust=trust,
            )
            reply = await self._threads.run(guard, partial(self._serve, call, *arrived), incident, NotAdmitted)
        except NotAdmitted as refusal:
            metrics.PEERS_REFUSED.labels(self._endpoint.value).inc()
            log.warning("peer.refused", incident=incident, endpoint=self._endpoint, cause=refusal.reason)
            return PlainTextResponse(refusal.sentence + "\n", status_code=403)
        except ClientDisconnect:
            log.info("request.abandoned", incident=incident)
            return Response(status_code=400)
        except NoThread as error:
            reply = server_fault(error, incident)
        _count(reply, began)
        return _WireReply(reply, incident, self._threads, diagnostics=self._platform.diagnostics)

    def _arrive(self, request: Request, incident: str, trust: TrustStore) -> tuple[x509.Certificate, Arrival]:
        """Step 1, but for the white list: the peer's certificate is one that this endpoint admits."""
        platform = self._platform
        now = platform.clock()
        shown = peer_certificate(request.scope, platform.proxies)
        with timed(Step.ADMISSION):
            certificate = admit(self._endpoint, shown, trust=trust, now=now)
        return certificate, Arrival(
            incident=incident,
            titulaire_tls=names.rfc4514(certificate.subject),
            adresse=peer_address(request.scope, platform.proxies),
            now=now,
        )

    def _serve(self, call: Call, certificate: x509.Certificate, arrival: Arrival) -> Reply:
        """The rest of step 1, which asks the database, and the others."""
        if self._endpoint is Endpoint.WS_SRV:
            with timed(Step.LISTE_BLANCHE):
                check_white_list(certificate, self._platform.database)
        return serve(call, arrival, self._platform)


def _count(reply: Reply, began: float) -> None:
    operation = reply.operation.soap_action if reply.operation else _UNKNOWN
    metrics.REQUESTS.labels(operation, reply.code).inc()
    metrics.REQUEST_SECONDS.labels(operation).observe(time.perf_counter() - began)


async def _body(request: Request) -> bytes | None:
    """Step 2: the body, or None as soon as it is known to be over 10 MiB; the rest is not kept."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_MESSAGE_BYTES:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_MESSAGE_BYTES:
            return None
    return bytes(body)


class _WireReply(Response):
    """A reply of the pipeline; step 10 is taken when it was handed to the network whole."""

    def __init__(self, reply: Reply, incident: str, threads: MessageThreads, *, diagnostics: bool) -> None:
        super().__init__(reply.content, status_code=reply.status, media_type=_XML)
        if diagnostics and reply.diagnostic:
            self.headers[DIAGNOSTIC_HEADER] = quote(reply.diagnostic, safe=" :;,.()/'=#-_")
        self._on_sent = reply.on_sent
        self._on_lost = reply.on_lost
        self._incident = incident
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, then confirm, and only then end: the connection's next request waits until step 10 is committed."""

        async def send_open(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        left = _has_left(receive)
        await super().__call__(scope, receive, send_open)
        if left:
            metrics.REPLIES_LOST.inc()
            log.error("reply.lost", incident=self._incident, code=codes.WSMG_38.value)
        follow_up = self._on_lost if left else self._on_sent
        if follow_up is not None:
            with timed(Step.LIVRAISON):
                await self._threads.run(follow_up)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_left(receive: Receive) -> bool:
    """Whether the client has left; what it would say next is not waited for.

    One step of ``receive`` tells. Starlette has it waited for and cancelled, for ten times the processor.
    """
    step = receive().__await__()
    try:
        next(step)
    except StopIteration as told:
        return bool(told.value["type"] == "http.disconnect")
    step.close()
    return False
