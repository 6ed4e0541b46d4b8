"""revoquerCertificat: a certificate ends, now or on a later day. Source: guide §16, §20; docs/life-of-a-demande.md."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.contextvars import bind_contextvars

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment, Motif
from pfcng.contract.codes import Raison, RmtError
from pfcng.contract.messages import ReponseRevocationCertificat, RequeteRevocationCertificat
from pfcng.contract.paris import paris_day
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.rules import Rules
from pfcng.domain.states import ProduitState, RevocationState, Transition
from pfcng.igc.authority import AuthorityRefused, AuthorityUnavailable, CertificateAuthority
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import Arrival, RequestContext
from pfcng.operations.find_certificate import check_rights, find_certificate
from pfcng.operations.identification import identify_or_refuse
from pfcng.operations.journaling import entry
from pfcng.operations.notifier import notify_revocation
from pfcng.operations.one_by_one import OneByOne
from pfcng.pki.csr import fingerprint
from pfcng.store import demandes, journal, revocations as store
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database, DbConnection, Row

ACTE: Final = "revoquerCertificat"
REASONS: Final[dict[Motif, x509.ReasonFlags | None]] = {
    Motif.VOL: x509.ReasonFlags.key_compromise,
    Motif.PERTE: x509.ReasonFlags.key_compromise,
    Motif.FIN_DACTIVITE: x509.ReasonFlags.cessation_of_operation,
    Motif.AUTRE: None,
}
"""What a CRL says for each motif."""
_COMPROMISED: Final = (Motif.VOL, Motif.PERTE)
_TRANSITIONS: Final = {
    ProduitState.ACTIF: Transition.REVOQUER_ACTIF,
    ProduitState.RETIRE: Transition.REVOQUER_RETIRE,
}
"""The states in which a certificate can be revoked (RMT_ERR_011)."""
_CONFIRMATIONS: Final = {
    "WS": Notification.CONFIRMATION_REVOCATION,
    "IHM": Notification.CONFIRMATION_REVOCATION,
    "AUTO": Notification.NMG_009,  # RMT_ERR_009
}
"""What is told of a révocation that was carried out, by where it came from."""


class Attempt(Enum):
    """What became of one attempt to carry a révocation out."""

    DONE = auto()
    REFUSED = auto()
    """By PFCNG-IGC, for good (RMT_ERR_013)."""
    UNANSWERED = auto()
    """Waiting for the next attempt, or given up after the last one (RMT_ERR_012)."""
    OVER = auto()
    """It did not wait any more."""


def revoquer_certificat(
    requete: RequeteRevocationCertificat,
    *,
    database: Database,
    authority: CertificateAuthority,
    context: RequestContext,
    rules: Rules,
) -> ReponseRevocationCertificat:
    """Take the demande de révocation in (V1), and carry it out at once unless its day is later (V2, V3).

    The reply acknowledges V1: while PFCNG-IGC does not answer, the révocation waits and is tried again (RMT_ERR_012).

    Raises:
        Refusal: WSMG-00000005 for autreDescription, WSMG-00000008 for an unknown certificate, WSMG-00000012 with the
            reason of RMT_ERR_011, or RMT_ERR_013 when PFCNG-IGC refuses.
    """
    if (requete.motif is Motif.AUTRE) != (requete.autre_description is not None):
        raise Refusal(codes.WSMG_05, "AutreDescription")
    with database.transaction() as connection:
        named = {context.signataire, *filter(None, [requete.id_nat_tiers])}
        annuaire = load_annuaire(connection, context.environment, personnes=named)
        acteur = identify_or_refuse(context.signataire, requete.id_nat_tiers, annuaire, codes.WSMG_12)
        produit = find_certificate(connection, context.environment, requete.aki, requete.numero_serie)
        check_rights(produit, acteur, annuaire, context, porteur=True, code=codes.WSMG_12)
        numero = _register(connection, requete, produit["numero"], acteur, context)
    if (requete.date_effet or context.today) <= context.today:
        attempt = carry_out(
            numero, database=database, authority=authority, arrival=context, rules=rules, is_awaited=True
        )
        if attempt is Attempt.REFUSED:
            raise Refusal(codes.WSMG_12, codes.RMT_ERR_013.text)
    return ReponseRevocationCertificat(statut="OK", message="")


def apply_due_revocations(
    *, database: Database, authority: CertificateAuthority, arrival: Arrival, rules: Rules
) -> int:
    """Carry out the révocations whose day and next attempt have come, or that a kill left half done; how many.

    Raises:
        PartlyDone: Some failed.
    """
    with database.transaction() as connection:
        longest = 2 * max(rules.revocation_retries, default=timedelta())  # the clocks of nodes are not quite the same
        due = store.find_due(connection, paris_day(arrival.now), arrival.now, longest=longest)
    turn = OneByOne(arrival)
    return turn.end(carry_out_all(due, turn, database=database, authority=authority, arrival=arrival, rules=rules))


def carry_out_all(
    numeros: Sequence[int],
    turn: OneByOne,
    *,
    database: Database,
    authority: CertificateAuthority,
    arrival: Arrival,
    rules: Rules,
) -> int:
    """Carry out waiting révocations; how many.

    At the first one that PFCNG-IGC does not answer the others are left: it would not answer them either, and none of
    their attempts is spent.
    """
    done = 0
    for numero in numeros:
        with turn.row("révocation", numero):
            attempt = carry_out(numero, database=database, authority=authority, arrival=arrival, rules=rules)
            if attempt is Attempt.UNANSWERED:
                break
            done += 1
    return done


def carry_out(
    numero: int,
    *,
    database: Database,
    authority: CertificateAuthority,
    arrival: Arrival,
    rules: Rules,
    is_awaited: bool = False,
) -> Attempt:
    """V2 and V3 of a waiting révocation; one that waits no more is left as it is.

    Args:
        numero: Of the révocation.
        database: The platform's.
        authority: Revokes.
        arrival: The request, or the act of a worker.
        rules: When it is tried again.
        is_awaited: A reply tells its refusal (and a mail, with the reply); otherwise this does.
    """
    with database.autocommit() as connection:
        revocation = store.find_revocation(connection, numero)
    if revocation["etat"] != RevocationState.ENREGISTREE:
        return Attempt.OVER
    arrival = replace(arrival, incident=revocation["incident"] or arrival.incident)
    bind_contextvars(incident=arrival.incident)
    try:
        revoked = authority.revoke(revocation["numero_demande"], REASONS[Motif(revocation["motif"])])  # V2
    except AuthorityUnavailable as error:
        _postpone(revocation, error, database=database, arrival=arrival, rules=rules)
        return Attempt.UNANSWERED
    except AuthorityRefused as error:
        _give_up(revocation, codes.RMT_ERR_013, error, database=database, arrival=arrival, is_told=not is_awaited)
        return Attempt.REFUSED
    with database.transaction() as connection:  # V3
        produit = store.lock_produit(connection, revocation["produit"])
        if not store.move_revocation(connection, numero, RevocationState.CLOSE, arrival.now, revoked=revoked):
            return Attempt.OVER
        demandes.move(connection, produit["numero_demande"], _TRANSITIONS[ProduitState(produit["etat"])], arrival.now)
        if Motif(revocation["motif"]) in _COMPROMISED:
            store.ban_key(connection, _fingerprint(produit["certificat"]))
        _journal(connection, revocation, arrival, resultat="révoqué")
        notify_revocation(connection, _CONFIRMATIONS[revocation["canal"]], numero, arrival)
    return Attempt.DONE


def _postpone(
    revocation: Row, error: AuthorityUnavailable, *, database: Database, arrival: Arrival, rules: Rules
) -> None:
    """V2': the attempt is counted and the next one is set; after the last one the révocation is given up."""
    made: int = revocation["tentatives"]
    if made >= len(rules.revocation_retries):
        _give_up(revocation, codes.RMT_ERR_012, error, database=database, arrival=arrival)
        return
    following = arrival.now + rules.revocation_retries[made]
    with database.transaction() as connection:
        if store.postpone(connection, revocation["numero"], made, following):
            _journal(
                connection,
                revocation,
                arrival,
                resultat="en attente",
                code=codes.RMT_ERR_012.value,
                detail=f"tentative {made + 1}, la suivante à {following:%Y-%m-%dT%H:%M:%SZ} : {_told(error)}",
            )
            notify_revocation(connection, Notification.NMG_014, revocation["numero"], arrival)


def _give_up(
    revocation: Row,
    why: RmtError,
    error: Exception,
    *,
    database: Database,
    arrival: Arrival,
    is_told: bool = True,
) -> None:
    """V3': « Demande non traitée »; the produit stays as it is.

    Who asked for it had OK for an answer, and is told (NMG-008); the platform itself asks again.
    """
    with database.transaction() as connection:
        if not store.move_revocation(connection, revocation["numero"], RevocationState.NON_TRAITEE, arrival.now):
            return
        detail = f"tentative {revocation['tentatives'] + 1}, la dernière : {_told(error)}"
        _journal(connection, revocation, arrival, resultat="non traité", code=why.value, detail=detail)
        if is_told and revocation["canal"] != "AUTO":
            told = {"raison": why.text, "refuse_le": arrival.now}
            notify_revocation(connection, Notification.NMG_008, revocation["numero"], arrival, told)


def _told(error: Exception) -> str:
    return f"{type(error).__name__} : {error}"


def _journal(
    connection: DbConnection,
    revocation: Row,
    arrival: Arrival,
    *,
    resultat: str,
    code: str | None = None,
    detail: str | None = None,
) -> None:
    told = entry(ACTE, arrival)
    journal.write(
        connection,
        [
            replace(
                told,
                resultat=resultat,
                code=code,
                detail=detail,
                acteur=revocation["acteur"],
                environment=Environment(revocation["environnement"]),
                demande=revocation["numero_demande"],
            )
        ],
    )


def _register(
    connection: DbConnection,
    requete: RequeteRevocationCertificat,
    produit: int,
    acteur: Acteur,
    context: RequestContext,
) -> int:
    """V1: with the produit's row held, look at its state and at the révocation that may wait, and write."""
    row = store.lock_produit(connection, produit)
    if ProduitState(row["etat"]) not in _TRANSITIONS:
        raise Refusal(codes.WSMG_12, Raison.PRODUIT_PAS_ACTIF)
    day = requete.date_effet or context.today
    waiting = store.find_waiting(connection, produit)
    if day < context.today or (waiting is not None and waiting["date_effet"] <= day):
        raise Refusal(codes.WSMG_12, Raison.CONTRAINTE_REVOCATION.format(attribut="dateEffet"))
    if waiting is not None:
        store.move_revocation(connection, waiting["numero"], RevocationState.NON_TRAITEE, context.now)
    numero = store.insert_revocation(
        connection,
        store.NewRevocation(
            environment=context.environment,
            produit=produit,
            acteur=acteur,
            mail_demandeur=requete.mail_demandeur,
            mail_a_informer=requete.mail_personne_a_informer,
            motif=requete.motif,
            autre_description=requete.autre_description,
            date_effet=day,
            incident=context.incident,
        ),
        context.now,
    )
    journal.write(connection, [replace(entry(ACTE, context, acteur=acteur), demande=row["numero_demande"])])
    return numero


def _fingerprint(der: bytes) -> bytes:
    public_key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)  # noqa: S101 - csr.read lets nothing else in
    return fingerprint(public_key)
