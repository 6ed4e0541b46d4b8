"""What a refused request leaves: its journal entry, and the mail of chapter 20, in one transaction."""

from typing import Final

from pfcng.contract import codes
from pfcng.contract.messages import (
    Request,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
)
from pfcng.contract.refusal import Refusal
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import RequestContext
from pfcng.operations.journaling import entry
from pfcng.operations.notifier import failure_details, notify, notify_request
from pfcng.operations.retirer_certificat import numero_of
from pfcng.store import demandes, journal
from pfcng.store.database import Database, DbConnection

_RETRAIT: Final = {
    codes.WSMG_11: Notification.NMG_006,  # RMT_ERR_005
    codes.WSMG_30: Notification.NMG_006,  # idem: another acteur
    codes.WSMG_18: Notification.NMG_005,  # RMT_ERR_003: the demande is kept
}
_RENOUVELLEMENT: Final = (codes.WSMG_09, codes.WSMG_10, codes.WSMG_44)


def record_refused(
    acte: str, request: Request, refusal: Refusal, *, database: Database, context: RequestContext
) -> None:
    """Journal the refusal of a request that was read, and tell whom the guide wants told (§20).

    A refusal that ended a demande is told with the change itself; nothing is told of what does not exist.
    """
    with database.transaction() as connection:
        journal.write(connection, [entry(acte, context, refusal=refusal)])
        match request:
            case RequeteRetraitCertificat():
                _tell_retrait(connection, request, refusal, context)
            case RequeteRevocationCertificat() if refusal.code is codes.WSMG_12:
                _tell(connection, Notification.NMG_008, request, refusal, context)
            case RequeteRenouvellementCertificat() if refusal.code in _RENOUVELLEMENT:
                _tell(connection, Notification.NMG_005, request, refusal, context)


def _tell_retrait(
    connection: DbConnection, request: RequeteRetraitCertificat, refusal: Refusal, context: RequestContext
) -> None:
    """To those of the demande: a retrait has no addresses of its own."""
    notification, numero = _RETRAIT.get(refusal.code), numero_of(request.indice_retrait)
    if notification is None or numero is None:
        return
    if demandes.find_demande(connection, context.environment, numero) is not None:
        told = failure_details(numero, refusal, context.now, kept=True)
        notify(connection, notification, [numero], context, {numero: told})


def _tell(
    connection: DbConnection,
    notification: Notification,
    request: RequeteRevocationCertificat | RequeteRenouvellementCertificat,
    refusal: Refusal,
    context: RequestContext,
) -> None:
    addresses = (request.mail_demandeur, request.mail_personne_a_informer)
    told = {
        "raison": refusal.message,
        "refuse_le": context.now,
        "numero_serie": request.numero_serie,
        "numero_demande": None,
        "objet": f"de renouvellement du certificat {request.numero_serie}",
        "conservee": False,
    }
    notify_request(connection, notification, context.environment, addresses=addresses, contenu=told, arrival=context)
