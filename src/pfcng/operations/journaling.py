"""The journal entries of the requests."""

import secrets
from datetime import datetime

from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.operations.context import Arrival, RequestContext
from pfcng.store import journal
from pfcng.store.database import Database
from pfcng.store.journal import JournalEntry


def entry(acte: str, arrival: Arrival, *, refusal: Refusal | None = None, acteur: Acteur | None = None) -> JournalEntry:
    """The entry that tells how an act of this request ended: accepted, or refused with its code."""
    signed = arrival if isinstance(arrival, RequestContext) else None
    administrateur = acteur.administrateur if acteur else None
    return JournalEntry(
        le=arrival.now,
        incident=arrival.incident,
        acte=acte,
        resultat="refusé" if refusal else "accepté",
        code=refusal.code.value if refusal else None,
        detail=(refusal.diagnostic or refusal.raison or None) if refusal else None,
        environment=signed.environment if signed else None,
        acteur=acteur.personne.id_nat if acteur else None,
        administrateur=administrateur.id_nat if administrateur else None,
        signataire=signed.signataire_dn if signed else None,
        titulaire_tls=arrival.titulaire_tls,
        adresse=arrival.adresse,
    )


def record_refusal(acte: str, refusal: Refusal, *, database: Database, arrival: Arrival) -> None:
    """Journal a refusal in a transaction of its own."""
    with database.transaction() as connection:
        journal.write(connection, [entry(acte, arrival, refusal=refusal)])


def record_alert(acte: str, detail: str, *, database: Database, now: datetime) -> None:
    """Journal what an exploitant must look after, in a transaction of its own."""
    with database.transaction() as connection:
        told = JournalEntry(le=now, incident=secrets.token_hex(8), acte=acte, resultat="alerte", detail=detail)
        journal.write(connection, [told])
