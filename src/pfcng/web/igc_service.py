"""The ASGI application of PFCNG-IGC as a service of its own: one certificate authority behind HTTPS (docs/igc.md)."""

import json
import secrets
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import psycopg
import structlog
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pfcng.igc.authority import (
    AuthorityRefused,
    AuthorityUnavailable,
    CertificateAuthority,
    ReconcilableAuthority,
)
from pfcng.igc.peers import PeerRefused, Peers
from pfcng.igc.requests import CertificateRequest
from pfcng.igc.wire import (
    CALL_HEADER,
    CERTIFICATE,
    MAX_BODY,
    MAX_LISTED,
    REFUSALS,
    dossier_from_json,
    dossier_to_json,
    reason_from_json,
    refusal_name,
    status_to_json,
)
from pfcng.watch import metrics, tracing
from pfcng.web.admission import peer_certificate

log = structlog.get_logger()

_MAX_NUMERO: Final = 2**63 - 1
_MAX_CALL: Final = 64
_SENTENCES: Final = {
    "requete": "Aucun certificat ne peut dire ce qui est demandé.",
    "conflit": "Ce numéro est enregistré avec une autre demande.",
    "inconnu": "Ce numéro n’est pas enregistré, ou n’a pas de certificat.",
}


class _Malformed(Exception):
    """The request is not one of the interface; it says nothing of the demande."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of an admitted peer."""

    numero: int
    body: bytes
    query: dict[str, str]


def create_igc_service(
    authority: ReconcilableAuthority,
    *,
    peers: Peers,
    is_healthy: Callable[[], bool],
    clock: Callable[[], datetime],
) -> Starlette:
    """The application of the TLS port.

    Args:
        authority: What answers.
        peers: Whom.
        is_healthy: Whether the authority can work now; asked by ``/sante``, which answers anybody.
        clock: The present, aware.
    """
    acts: dict[tuple[str, str], Callable[[Call], Response]] = {
        ("PUT", "/demandes/{numero}"): partial(_register, authority),
        ("GET", "/demandes/{numero}"): partial(_status, authority),
        ("POST", "/demandes/{numero}/certificat"): partial(_issue, authority),
        ("POST", "/demandes/{numero}/revocation"): partial(_revoke, authority),
        ("GET", "/demandes"): partial(_list, authority),
        ("POST", "/publication"): partial(_publish, authority),
        ("GET", "/demandes/{numero}/dossier"): partial(_dossier, authority),
        ("PUT", "/demandes/{numero}/dossier"): partial(_adopt, authority),
        ("GET", "/reconciliation"): partial(_attestation, authority),
        ("POST", "/reconciliation"): partial(_attest, authority),
    }
    routes = [Route(path, _Handler(act, peers, clock).handle, methods=[method]) for (method, path), act in acts.items()]
    routes.append(Route("/sante", partial(_health, authority, is_healthy), methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})


def _register(authority: CertificateAuthority, call: Call) -> Response:
    try:
        request = CertificateRequest.from_json(json.loads(call.body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _Malformed(str(error)) from error
    authority.register(call.numero, request)
    return Response(status_code=204)


def _issue(authority: CertificateAuthority, call: Call) -> Response:
    certificate = authority.issue(call.numero)
    return Response(certificate.public_bytes(Encoding.DER), media_type=CERTIFICATE)


def _revoke(authority: CertificateAuthority, call: Call) -> Response:
    try:
        reason = reason_from_json(json.loads(call.body)["raison"])
    except (ValueError, KeyError, TypeError) as error:
        raise _Malformed(str(error)) from error
    revoked = authority.revoke(call.numero, reason)
    return JSONResponse({"revoque_le": revoked.isoformat()})


def _status(authority: CertificateAuthority, call: Call) -> Response:
    return JSONResponse(status_to_json(authority.status(call.numero)))


def _list(authority: CertificateAuthority, call: Call) -> Response:
    after, limit = _whole_number(call.query.get("apres", "0")), _whole_number(call.query.get("limite", "100"))
    listed = authority.list_issued(after=after, limit=min(limit, MAX_LISTED))
    return JSONResponse([status_to_json(status) for status in listed])


def _publish(authority: CertificateAuthority, _call: Call) -> Response:
    authority.publish()
    return Response(status_code=204)


def _dossier(authority: ReconcilableAuthority, call: Call) -> Response:
    return JSONResponse(dossier_to_json(authority.read_dossier(call.numero)))


def _adopt(authority: ReconcilableAuthority, call: Call) -> Response:
    try:
        dossier = dossier_from_json(json.loads(call.body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _Malformed(str(error)) from error
    if dossier.numero != call.numero:
        raise _Malformed("a dossier of another number")
    authority.adopt(dossier)
    return Response(status_code=204)


def _attest(authority: ReconcilableAuthority, _call: Call) -> Response:
    authority.attest()
    return Response(status_code=204)


def _attestation(authority: ReconcilableAuthority, _call: Call) -> Response:
    return JSONResponse({"a_reconcilier": not authority.is_attested()})


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_NUMERO)) and int(text) <= _MAX_NUMERO):
        raise _Malformed("not a whole number of 64 bits")
    return int(text)


class _Handler:
    """One act: admission, body, the act itself, and what became of it."""

    def __init__(self, act: Callable[[Call], Response], peers: Peers, clock: Callable[[], datetime]) -> None:
        self._act = act
        self._peers = peers
        self._clock = clock

    async def handle(self, request: Request) -> Response:
        """Answer a request; the log has one line of it, under its incident number."""
        began = time.monotonic()
        incident, call = secrets.token_hex(8), _call_number(request)
        told = log.bind(incident=incident, appel=call, method=request.method, path=request.url.path)
        with tracing.request(request.headers, incident):
            response = await self._respond(request, incident, told)
        response.headers[CALL_HEADER] = call
        metrics.IGC_REQUESTS.labels(request.method, str(response.status_code)).inc()
        told.info("igc.call", status=response.status_code, milliseconds=round(1000 * (time.monotonic() - began)))
        return response

    async def _respond(self, request: Request, incident: str, told: Any) -> Response:
        try:
            peer = self._peers.admit(peer_certificate(request.scope, ()), self._clock())
        except PeerRefused as refusal:
            told.warning("igc.peer_refused", reason=refusal.reason)
            return _error(403, refusal.sentence, incident)
        except ValueError as error:
            told.warning("igc.peer_refused", reason=str(error))
            return _error(403, "Accès refusé : le certificat client est illisible.", incident)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return _error(400, "La requête n’est pas arrivée entière.", incident)
        if body is None:
            return _error(413, f"Une requête a au plus {MAX_BODY // 1024} kibioctets.", incident)
        return await run_in_threadpool(self._act_on, request, body, incident, told.bind(peer=peer))

    def _act_on(self, request: Request, body: bytes, incident: str, told: Any) -> Response:
        """Do the act; the edge of the service: what nobody foresaw is logged whole and told by its number alone."""
        try:
            numero = _whole_number(str(request.path_params.get("numero", 1)))
            return self._act(Call(numero=numero, body=body, query=dict(request.query_params)))
        except AuthorityRefused as refusal:
            told.warning("igc.refused", kind=type(refusal).__name__, cause=str(refusal))
            return _refusal(refusal, incident)
        except AuthorityUnavailable as error:
            told.error("igc.unavailable", cause=str(error))
            return _error(503, "L’autorité n’est pas disponible.", incident)
        except _Malformed as error:
            told.warning("igc.malformed", cause=str(error))
            return _error(400, "Cette requête n’est pas de l’interface de PFCNG-IGC.", incident)
        except Exception as error:  # noqa: BLE001 - see above
            # The details of a database's error quote rows.
            cause = (error.diag.message_primary or "no answer") if isinstance(error, psycopg.Error) else str(error)
            frames = "".join(traceback.format_tb(error.__traceback__))
            told.error("igc.failed", kind=type(error).__name__, cause=cause, frames=frames)
            return _error(500, "La requête a échoué pour une raison imprévue.", incident)


def _refusal(refusal: AuthorityRefused, incident: str) -> Response:
    name = refusal_name(refusal)
    content = {"refus": name, "message": _SENTENCES[name], "incident": incident}
    return JSONResponse(content, status_code=REFUSALS[name][0])


def _error(status: int, sentence: str, incident: str) -> Response:
    """Not a refusal: whoever called may call again."""
    return JSONResponse({"message": sentence, "incident": incident}, status_code=status)


def _call_number(request: Request) -> str:
    """What the caller numbers its call with, given back; nothing that is longer or stranger than a number."""
    number = request.headers.get(CALL_HEADER, "")
    return number if number.isascii() and number.isalnum() and len(number) <= _MAX_CALL else ""


async def _body(request: Request) -> bytes | None:
    """The body, or None as soon as it is known to be too large."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


async def _health(authority: ReconcilableAuthority, is_healthy: Callable[[], bool], _request: Request) -> Response:
    """A service whose database was restored is there all the same: it revokes, and has to be compared."""
    if not await run_in_threadpool(is_healthy):
        return JSONResponse({"etat": "en panne"}, status_code=503)
    attested = await run_in_threadpool(authority.is_attested)
    return JSONResponse({"etat": "en service" if attested else "à réconcilier"})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "Cette adresse n’est pas de l’interface de PFCNG-IGC."}, status_code=404)
