"""revoquerCertificat: a certificate ends, now or on a later day. Source: guide §16, §20; docs/life-of-a-demande.md."""

from dataclasses import replace
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.contract import codes
from pfcng.contract.catalogue import Motif
from pfcng.contract.codes import Raison
from pfcng.contract.messages import ReponseRevocationCertificat, RequeteRevocationCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.states import ProduitState, RevocationState, Transition
from pfcng.igc.authority import AuthorityUnavailable, CertificateAuthority
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import Arrival, RequestContext, paris_day
from pfcng.operations.defects import describe
from pfcng.operations.find_certificate import check_rights, find_certificate
from pfcng.operations.identification import identify_or_refuse
from pfcng.operations.journaling import entry
from pfcng.operations.notifier import notify_revocation
from pfcng.pki.csr import fingerprint
from pfcng.store import demandes, journal, revocations as store
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database, DbConnection

log = structlog.get_logger()

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


def revoquer_certificat(
    requete: RequeteRevocationCertificat,
    *,
    database: Database,
    authority: CertificateAuthority,
    context: RequestContext,
) -> ReponseRevocationCertificat:
    """Take the demande de révocation in (V1), and carry it out at once unless its day is later (V2, V3).

    Raises:
        Refusal: WSMG-00000005 for autreDescription, WSMG-00000008 for an unknown certificate, WSMG-00000012 with the
            reason of RMT_ERR_011.
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
        carry_out(numero, database=database, authority=authority, arrival=context)
    return ReponseRevocationCertificat(statut="OK", message="")


def apply_due_revocations(*, database: Database, authority: CertificateAuthority, arrival: Arrival) -> int:
    """Carry out the révocations whose day has come, or that a kill left half done; how many were.

    One that fails is logged and left to the next pass: it does not hold up those behind it.
    """
    with database.transaction() as connection:
        due = store.find_due(connection, paris_day(arrival.now))
    done = 0
    for numero in due:
        try:
            carry_out(numero, database=database, authority=authority, arrival=arrival)
        except Exception as error:  # noqa: BLE001 - the edge of a job
            log.error("revocation.failed", numero=numero, **describe(error))  # noqa: TRY400 - it would quote rows
        else:
            done += 1
    return done


def carry_out(numero: int, *, database: Database, authority: CertificateAuthority, arrival: Arrival) -> None:
    """V2 and V3 of a waiting révocation; one that waits no more is left as it is."""
    with database.transaction() as connection:
        revocation = store.find_revocation(connection, numero)
    motif = Motif(revocation["motif"])
    try:
        revoked = authority.revoke(revocation["numero_demande"], REASONS[motif])  # V2
    except AuthorityUnavailable:
        with database.transaction() as connection:
            notify_revocation(connection, Notification.NMG_014, numero, arrival.now)
        raise
    with database.transaction() as connection:  # V3
        produit = store.lock_produit(connection, revocation["produit"])
        if not store.move_revocation(connection, numero, RevocationState.CLOSE, arrival.now, revoked=revoked):
            return
        demandes.move(connection, produit["numero_demande"], _TRANSITIONS[ProduitState(produit["etat"])], arrival.now)
        if motif in _COMPROMISED:
            store.ban_key(connection, _fingerprint(produit["certificat"]))
        told = replace(entry(ACTE, arrival), resultat="révoqué", acteur=revocation["acteur"])
        journal.write(connection, [replace(told, demande=produit["numero_demande"])])
        notify_revocation(connection, _CONFIRMATIONS[revocation["canal"]], numero, arrival.now)


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
        ),
        context.now,
    )
    journal.write(connection, [replace(entry(ACTE, context, acteur=acteur), demande=row["numero_demande"])])
    return numero


def _fingerprint(der: bytes) -> bytes:
    public_key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)  # noqa: S101 - csr.read lets nothing else in
    return fingerprint(public_key)
