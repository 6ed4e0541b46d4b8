"""Cancellation of a demande that was not withdrawn: by its acteur, or since its time is over.

The Web Service has no such operation; the IHM and the expiry use it. Source: guide §8 table 6, §20 RMT_ERR_008.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from pfcng.contract import codes
from pfcng.contract.codes import Raison
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.rules import Rules
from pfcng.domain.states import DemandeState, ProduitState, Transition
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import Arrival, RequestContext
from pfcng.operations.journaling import entry
from pfcng.operations.notifier import notify
from pfcng.operations.one_by_one import OneByOne
from pfcng.store import demandes as store, journal
from pfcng.store.database import Database, DbConnection, Row
from pfcng.store.demandes import StateConflict

ACTE: Final = "annulerDemande"
_TRANSITIONS: Final = {
    (DemandeState.VALIDEE, ProduitState.A_RETIRER): Transition.ANNULER_VALIDEE,
    (DemandeState.TRANSMISE, ProduitState.A_RETIRER): Transition.ANNULER_TRANSMISE,
}


def annuler_demande(numero: int, *, acteur: Acteur, database: Database, context: RequestContext) -> None:
    """Cancel a demande of one's own (A1).

    Raises:
        Refusal: WSMG-00000027 when there is none of that number in this environment, WSMG-00000030 when it is another
            acteur's, WSMG-00000011 when the produit is not « Produit à retirer ».
    """
    with database.transaction() as connection:
        demande = store.find_demande(connection, context.environment, numero)
        if demande is None:
            raise Refusal(codes.WSMG_27)
        if demande["acteur"] != acteur.personne.id_nat:
            raise Refusal(codes.WSMG_30)
        try:
            _cancel(connection, demande, context, acteur)
        except StateConflict as error:
            raise Refusal(codes.WSMG_11, Raison.PRODUIT_PAS_A_RETIRER) from error


def cancel_expired(*, database: Database, rules: Rules, arrival: Arrival) -> int:
    """Cancel the demandes that were not withdrawn in their time (RMT_ERR_008); how many.

    Raises:
        PartlyDone: Some failed.
    """
    with database.transaction() as connection:
        expired = store.find_expired(connection, arrival.now - rules.retrait_delay)
    cancelled, turn = 0, OneByOne(arrival)
    for demande in expired:
        with turn.row("demande", demande["numero"]), suppress(StateConflict):
            with database.transaction() as connection:
                _cancel(connection, demande, arrival, None)
                notify(connection, Notification.NMG_003, [demande["numero"]], arrival)
            cancelled += 1
    return turn.end(cancelled)


def _cancel(connection: DbConnection, demande: Row, arrival: Arrival, acteur: Acteur | None) -> None:
    """A1: compare-and-set, with the journal.

    Raises:
        StateConflict: The demande was withdrawn, refused or cancelled.
    """
    states = (DemandeState(demande["etat_demande"]), ProduitState(demande["etat_produit"]))
    if states not in _TRANSITIONS:
        raise StateConflict(demande["numero"])
    store.move(connection, demande["numero"], _TRANSITIONS[states], arrival.now)
    told = replace(entry(ACTE, arrival, acteur=acteur), resultat="annulé", demande=demande["numero"])
    journal.write(connection, [told])
