"""The way of a request, step by step (architecture: steps 2 to 10; step 1 comes before, in ``service``)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import structlog
from cryptography.x509.oid import NameOID

from pfcng.contract import codes
from pfcng.contract.messages import (
    Request,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Response,
)
from pfcng.contract.operations import Operation, by_soap_action, error_response
from pfcng.contract.refusal import Refusal
from pfcng.domain.formats import check_formats
from pfcng.operations.context import Arrival, RequestContext
from pfcng.operations.demander_certificats import demander_certificats, record_refused_lot
from pfcng.operations.journaling import record_refusal
from pfcng.operations.record_refused import record_refused
from pfcng.operations.renouveler_certificat import renouveler_certificat
from pfcng.operations.retirer_certificat import Retrait, confirm_delivery, record_loss, retirer_certificat
from pfcng.operations.revoquer_certificat import revoquer_certificat
from pfcng.operations.suivre_activite import suivre_activite
from pfcng.pki import names
from pfcng.pki.trust import TrustStore
from pfcng.store.defects import describe
from pfcng.web.platform import Platform
from pfcng.xml import codec, dsig, soap
from pfcng.xml.dsig import VerifiedBody
from pfcng.xml.soap import ClientFault

log = structlog.get_logger()

T = TypeVar("T")
_OK: Final = 200
_FAULT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One POST: its bytes (None when they are over 10 MiB), the headers that count, and whom it was believed by."""

    raw: bytes | None
    soap_action: str | None
    content_type: str | None
    content_encoding: str | None
    trust: TrustStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back.

    Attributes:
        diagnostic: The precise cause of a refusal, for the sandbox's header.
        on_sent: To be called once the reply was handed to the network whole (step 10).
        on_lost: To be called instead when the client had left before.
    """

    status: int
    content: bytes
    diagnostic: str = ""
    on_sent: Callable[[], None] | None = None
    on_lost: Callable[[], None] | None = None


def guard(work: Callable[[], T], incident: str, *expected: type[Exception]) -> T | Reply:
    """The edge: what nobody foresaw becomes a Server fault with its incident number, and is logged."""
    try:
        return work()
    except Exception as error:
        if isinstance(error, expected):
            raise
        log.error("request.failed", incident=incident, **describe(error))  # noqa: TRY400 - it would quote rows
        return Reply(status=_FAULT, content=soap.server_fault(incident))


def serve(call: Call, arrival: Arrival, platform: Platform) -> Reply:
    """Answer a request of an admitted peer."""
    try:
        return _answer(call, arrival, platform)
    except ClientFault as fault:
        log.info("request.malformed", incident=arrival.incident, cause=fault.diagnostic)
        return Reply(status=_FAULT, content=soap.client_fault(fault.text), diagnostic=fault.diagnostic)


def _answer(call: Call, arrival: Arrival, platform: Platform) -> Reply:
    # 2. Size.
    if call.raw is None:
        return _too_large(call, arrival, platform)
    # 3. Parse, open the envelope, find the operation.
    if call.content_encoding not in {None, "", "identity"}:
        raise ClientFault("Le message compressé (Content-Encoding) n’est pas admis.", diagnostic="Content-Encoding")
    envelope = soap.open_envelope(call.raw, soap_action=call.soap_action, content_type=call.content_type)
    operation = envelope.operation
    try:
        # 4. Verify the signature: from here on, nothing but the verified body is looked at.
        body = dsig.verify(envelope, trust=call.trust, now=arrival.now)
    except Refusal as refusal:
        record_refusal(operation.soap_action, refusal, database=platform.database, arrival=arrival)
        return _refused(operation, refusal, arrival)
    context = _context(arrival, body)
    request: Request | None = None
    try:
        # 5. Limits of a lot.
        codec.check_lot_limits(body)
        # 6. Schema, decoding, formats.
        request = codec.decode(body)
        check_formats(request, platform.rules)
        # 7 and 8. Acteur, rules, state change and journal.
        return _operate(request, platform, context)
    except Refusal as refusal:
        _record(body, request, refusal, platform, context)
        return _refused(operation, refusal, context)


def _operate(request: Request, platform: Platform, context: RequestContext) -> Reply:
    database, authority, rules = platform.database, platform.authority, platform.rules
    response: Response
    match request:
        case RequeteDemandeCertificats():
            response = demander_certificats(request, database=database, context=context, rules=rules)
        case RequeteRetraitCertificat():
            retrait = retirer_certificat(request, database=database, authority=authority, context=context)
            return _delivering(retrait, platform, context)
        case RequeteRevocationCertificat():
            response = revoquer_certificat(
                request, database=database, authority=authority, context=context, rules=rules
            )
        case RequeteRenouvellementCertificat():
            response = renouveler_certificat(request, database=database, context=context, rules=rules)
        case RequeteSuiviActivite():
            response = suivre_activite(request, database=database, context=context, rules=rules)
    return _replied(response)


def _too_large(call: Call, arrival: Arrival, platform: Platform) -> Reply:
    """WSMG-00000024 in the typed reply that SOAPAction names, else in a fault."""
    refusal = Refusal(codes.WSMG_24)
    operation = by_soap_action((call.soap_action or "").strip().strip('"'))
    record_refusal(operation.soap_action if operation else "?", refusal, database=platform.database, arrival=arrival)
    if operation is None:
        raise ClientFault(refusal.message, diagnostic="size")
    return _refused(operation, refusal, arrival)


def _context(arrival: Arrival, body: VerifiedBody) -> RequestContext:
    """Who signed, from the verified certificate alone (guide §13)."""
    return RequestContext(
        incident=arrival.incident,
        titulaire_tls=arrival.titulaire_tls,
        adresse=arrival.adresse,
        now=arrival.now,
        environment=body.authority.name.environment,
        signataire=names.first(body.signer.subject, NameOID.COMMON_NAME) or "",
        signataire_dn=names.rfc4514(body.signer.subject),
    )


def _record(
    body: VerifiedBody, request: Request | None, refusal: Refusal, platform: Platform, context: RequestContext
) -> None:
    """A lot refused whole leaves its demandes, everything else an entry of the journal and, once read, its mail."""
    if body.operation is Operation.DEMANDER_CERTIFICATS:
        demandes = codec.decode_each_demande(body)
        record_refused_lot(demandes, refusal, database=platform.database, context=context)
    elif request is None:
        record_refusal(body.operation.soap_action, refusal, database=platform.database, arrival=context)
    else:
        record_refused(body.operation.soap_action, request, refusal, database=platform.database, context=context)


def _refused(operation: Operation, refusal: Refusal, arrival: Arrival) -> Reply:
    log.info("request.refused", incident=arrival.incident, code=refusal.code.value, cause=refusal.diagnostic)
    response = error_response(operation, refusal.code.value, refusal.message)
    return Reply(status=_OK, content=soap.wrap(codec.encode(response)), diagnostic=refusal.diagnostic)


def _replied(response: Response) -> Reply:
    # 9. Encode.
    return Reply(status=_OK, content=soap.wrap(codec.encode(response)))


def _delivering(retrait: Retrait, platform: Platform, context: RequestContext) -> Reply:
    # 10. Retrait only: delivered → demande close, produit actif.
    database = platform.database
    return Reply(
        status=_OK,
        content=soap.wrap(codec.encode(retrait.reponse)),
        on_sent=partial(confirm_delivery, retrait, database=database, context=context),
        on_lost=partial(record_loss, retrait, database=database, context=context),
    )
