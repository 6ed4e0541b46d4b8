"""The way of a request, step by step (architecture: steps 2 to 10; step 1 comes before, in ``service``)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from pfcng.contract.operations import Operation, by_soap_action, error_response, statut_of
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
from pfcng.watch.steps import Step, timed
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
        code: Of the reply, as it is counted: ``OK``, a code of table 22, or the kind of a Fault.
        operation: What was called; None when that is not known.
        diagnostic: The precise cause of a refusal, for the sandbox's header.
        on_sent: To be called once the reply was handed to the network whole (step 10).
        on_lost: To be called instead when the client had left before.
    """

    status: int
    content: bytes
    code: str
    operation: Operation | None = None
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
        return server_fault(error, incident)


def server_fault(error: Exception, incident: str) -> Reply:
    """The answer to what nobody foresaw; the cause is in the log alone."""
    log.error("request.failed", incident=incident, **describe(error))  # `exception` would quote rows
    return Reply(status=_FAULT, content=soap.server_fault(incident), code="Server")


def serve(call: Call, arrival: Arrival, platform: Platform) -> Reply:
    """Answer a request of an admitted peer."""
    try:
        return _answer(call, arrival, platform)
    except ClientFault as fault:
        log.info("request.malformed", incident=arrival.incident, cause=fault.diagnostic)
        content = soap.client_fault(fault.text)
        return Reply(status=_FAULT, content=content, code="Client", diagnostic=fault.diagnostic)


def _answer(call: Call, arrival: Arrival, platform: Platform) -> Reply:
    # 2. Size.
    if call.raw is None:
        return _too_large(call, arrival, platform)
    # 3. Parse, open the envelope, find the operation.
    if call.content_encoding not in {None, "", "identity"}:
        raise ClientFault("Le message compressé (Content-Encoding) n’est pas admis.", diagnostic="Content-Encoding")
    with timed(Step.ENVELOPPE):
        envelope = soap.open_envelope(call.raw, soap_action=call.soap_action, content_type=call.content_type)
    operation = envelope.operation
    try:
        # 4. Verify the signature: from here on, nothing but the verified body is looked at.
        with timed(Step.SIGNATURE):
            body = dsig.verify(envelope, trust=call.trust, now=arrival.now)
    except Refusal as refusal:
        record_refusal(operation.soap_action, refusal, database=platform.database, arrival=arrival)
        return _refused(operation, refusal, arrival)
    context = _context(arrival, body)
    request: Request | None = None
    try:
        # 5. Limits of a lot.
        with timed(Step.LOT):
            codec.check_lot_limits(body)
        # 6. Schema, decoding, formats.
        with timed(Step.SCHEMA):
            request = codec.decode(body)
            check_formats(request, platform.rules)
        # 7 and 8. Acteur, rules, state change and journal.
        with timed(Step.OPERATION):
            outcome = _operate(request, platform, context)
        # 9. Encode; what follows a retrait's delivery (10) goes with it.
        with timed(Step.REPONSE):
            return _replied(operation, outcome, platform, context)
    except Refusal as refusal:
        _record(body, request, refusal, platform, context)
        return _refused(operation, refusal, context)


def _operate(request: Request, platform: Platform, context: RequestContext) -> Response | Retrait:
    database, authority, rules = platform.database, platform.authority, platform.rules
    match request:
        case RequeteDemandeCertificats():
            return demander_certificats(request, database=database, context=context, rules=rules)
        case RequeteRetraitCertificat():
            return retirer_certificat(request, database=database, authority=authority, context=context)
        case RequeteRevocationCertificat():
            return revoquer_certificat(request, database=database, authority=authority, context=context, rules=rules)
        case RequeteRenouvellementCertificat():
            return renouveler_certificat(request, database=database, context=context, rules=rules)
        case RequeteSuiviActivite():
            return suivre_activite(request, database=database, context=context, rules=rules)


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
    code = refusal.code.value
    log.info("request.refused", incident=arrival.incident, code=code, cause=refusal.diagnostic)
    content = soap.wrap(codec.encode(error_response(operation, code, refusal.message)))
    return Reply(status=_OK, content=content, code=code, operation=operation, diagnostic=refusal.diagnostic)


def _replied(operation: Operation, outcome: Response | Retrait, platform: Platform, context: RequestContext) -> Reply:
    response = outcome.reponse if isinstance(outcome, Retrait) else outcome
    reply = Reply(status=_OK, content=soap.wrap(codec.encode(response)), code=statut_of(response), operation=operation)
    if not isinstance(outcome, Retrait):
        return reply
    # 10. Retrait only: delivered → demande close, produit actif.
    database = platform.database
    return replace(
        reply,
        on_sent=partial(confirm_delivery, outcome, database=database, context=context),
        on_lost=partial(record_loss, outcome, database=database, context=context),
    )
