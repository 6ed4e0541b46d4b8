"""Automatic revocation of certificates that were issued and never delivered. Source: guide §20, RMT_ERR_009."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from pfcng.contract.paris import paris_day
from pfcng.domain.rules import Rules
from pfcng.domain.states import ProduitState, RevocationState
from pfcng.igc.authority import CertificateAuthority
from pfcng.operations.context import Arrival
from pfcng.operations.journaling import entry
from pfcng.operations.one_by_one import OneByOne
from pfcng.operations.revoquer_certificat import carry_out_all
from pfcng.store import echeances, journal, revocations
from pfcng.store.database import Database

ACTE: Final = "revocationAutomatique"
_DESCRIPTION: Final = "Certificat retiré et non remis dans le délai"
_AGAIN: Final = timedelta(days=1)
"""How long after one that was refused or given up another is written."""


def revoquer_non_remis(*, database: Database, authority: CertificateAuthority, rules: Rules, arrival: Arrival) -> int:
    """Revoke what is still « Produit retiré » after its time; how many. NMG-009 is told when it is done (V3).

    Where the authority does not answer the révocation waits with the others. One that it refuses, or that was given up,
    is asked for again a day after it was written.

    Raises:
        PartlyDone: Some failed.
    """
    with database.transaction() as connection:
        undelivered = echeances.find_undelivered(connection, arrival.now - rules.remise_delay, arrival.now - _AGAIN)
    registered, turn = list[int](), OneByOne(arrival)
    for produit in undelivered:
        with turn.row("demande", produit["demande"]):
            registered += _register(produit["numero"], database, arrival)
    carry_out_all(registered, turn, database=database, authority=authority, arrival=arrival, rules=rules)
    return turn.end(len(registered))


def _register(produit: int, database: Database, arrival: Arrival) -> list[int]:
    """V1, of none if the produit was delivered or revoked meanwhile, or a révocation of it is due already."""
    today = paris_day(arrival.now)
    with database.transaction() as connection:
        row = revocations.lock_produit(connection, produit)
        waiting = revocations.find_waiting(connection, produit)
        if row["etat"] != ProduitState.RETIRE or (waiting is not None and waiting["date_effet"] <= today):
            return []
        if waiting is not None:
            revocations.move_revocation(connection, waiting["numero"], RevocationState.NON_TRAITEE, arrival.now)
        numero = echeances.insert_automatic_revocation(connection, produit, _DESCRIPTION, today, arrival.now)
        journal.write(connection, [replace(entry(ACTE, arrival), demande=row["numero_demande"])])
        return [numero]
