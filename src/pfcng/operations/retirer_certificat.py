"""retirerCertificat: the certificate of a demande, once. Source: guide §15, §20; docs/life-of-a-demande.md."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract import codes
from pfcng.contract.codes import Raison
from pfcng.contract.messages import ReponseRetraitCertificat, RequeteRetraitCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.states import DemandeState, ProduitState, Transition
from pfcng.igc.authority import AuthorityRefused, AuthorityUnavailable, CertificateAuthority, RegistrationConflict
from pfcng.igc.issued import check_issued
from pfcng.igc.requests import CertificateRequest
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import RequestContext
from pfcng.operations.identification import identify_or_refuse
from pfcng.operations.journaling import entry
from pfcng.operations.notifier import failure_details, notify
from pfcng.operations.suspecter import suspect_if_behind
from pfcng.store import demandes as store, journal
from pfcng.store.annuaire import load_annuaire
from pfcng.store.attestation import SuspectDatabase
from pfcng.store.database import Database, DbConnection, Row
from pfcng.store.demandes import StateConflict

ACTE: Final = "retirerCertificat"
_MAX_NUMERO: Final = 2**63 - 1
"""Numbers are PostgreSQL's bigint."""
_OPEN: Final = (DemandeState.VALIDEE, DemandeState.TRANSMISE)
_WITHDRAWN: Final = (ProduitState.RETIRE, ProduitState.ACTIF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrait:
    """A reply that carries a certificate, and the demande to close once it has left."""

    reponse: ReponseRetraitCertificat
    numero: int
    acteur: Acteur


def retirer_certificat(
    requete: RequeteRetraitCertificat, *, database: Database, authority: CertificateAuthority, context: RequestContext
) -> Retrait:
    """Take the demande as far as a delivered certificate, from wherever an earlier retrait left it (R1 to R4).

    The caller sends the reply and then calls ``confirm_delivery`` (R6).

    Raises:
        Refusal: WSMG-00000027, 30, 31, or 11 with the reason of RMT_ERR_005; WSMG-00000018, 17, 15 or 16 when
            PFCNG-IGC does not answer or refuses (RMT_ERR_003, 004, 006, 007).
    """
    numero = numero_of(requete.indice_retrait)
    with database.autocommit() as connection:
        demande = None if numero is None else store.find_demande(connection, context.environment, numero)
        named = {context.signataire, *filter(None, [requete.id_nat_tiers])}
        annuaire = load_annuaire(connection, context.environment, personnes=named)
    acteur = identify_or_refuse(context.signataire, requete.id_nat_tiers, annuaire, codes.WSMG_11)
    if demande is None or numero is None:
        raise Refusal(codes.WSMG_27)
    _check_same_people(demande, acteur)
    step = _Step(numero=numero, acteur=acteur, database=database, context=context)
    certificate = _certificate(step, demande, requete.code_revocation, authority)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    reponse = ReponseRetraitCertificat(statut="OK", message="", certificat=pem)
    return Retrait(reponse=reponse, numero=numero, acteur=acteur)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What each commit of a retrait needs."""

    numero: int
    acteur: Acteur
    database: Database
    context: RequestContext


def confirm_delivery(retrait: Retrait, *, database: Database, context: RequestContext) -> None:
    """The reply has left: demande close, produit actif (R6)."""
    step = _Step(numero=retrait.numero, acteur=retrait.acteur, database=database, context=context)
    with suppress(StateConflict), database.transaction() as connection:
        _move(connection, step, Transition.DELIVRER)
        notify(connection, Notification.CONFIRMATION_RETRAIT, [retrait.numero], context)


def record_loss(retrait: Retrait, *, database: Database, context: RequestContext) -> None:
    """The client had left: the produit stays retiré, and the journal says why (RMT_ERR_009, WSMG-00000038)."""
    step = _Step(numero=retrait.numero, acteur=retrait.acteur, database=database, context=context)
    with database.transaction() as connection:
        _journal(connection, step, "non remis", codes.WSMG_38.value)


def numero_of(indice_retrait: str) -> int | None:
    """The demande's number; None for an index that can be none of ours."""
    if not (indice_retrait.isascii() and indice_retrait.isdigit()) or int(indice_retrait) > _MAX_NUMERO:
        return None
    return int(indice_retrait)


def _check_same_people(demande: Row, acteur: Acteur) -> None:
    """Only who made the demande may withdraw it: the acteur, and the administrateur if there was one (§15)."""
    if demande["acteur"] != acteur.personne.id_nat:
        raise Refusal(codes.WSMG_30)
    if demande["canal"] != "WS":
        raise Refusal(codes.WSMG_31)
    administrateur = acteur.administrateur.id_nat if acteur.administrateur else None
    if demande["administrateur"] != administrateur:
        told = {"demandeur": demande["administrateur"] or "aucun", "retrait": administrateur or "aucun"}
        raise Refusal(codes.WSMG_11, Raison.AUTRE_ADMINISTRATEUR.format(**told))


def _certificate(step: _Step, demande: Row, code_revocation: str, authority: CertificateAuthority) -> x509.Certificate:
    """Give the stored certificate, or have it issued and stored."""
    states = (DemandeState(demande["etat_demande"]), ProduitState(demande["etat_produit"]))
    if states == (DemandeState.TRANSMISE, ProduitState.RETIRE):
        _keep_code(step, _hash(code_revocation))
        return x509.load_der_x509_certificate(demande["certificat"])
    if states[0] not in _OPEN or states[1] is not ProduitState.A_RETIRER:
        raise Refusal(codes.WSMG_11, Raison.PRODUIT_PAS_A_RETIRER)
    request = CertificateRequest.from_json(demande["demande_igc"])
    if states[0] is DemandeState.VALIDEE:
        _register(step, request, authority)
        _transmit(step)
    certificate = _issue(step, request, authority)
    _store(step, certificate, _hash(code_revocation))
    return certificate


def _register(step: _Step, request: CertificateRequest, authority: CertificateAuthority) -> None:
    """R1; what the authority refuses for good ends the demande (RMT_ERR_003, RMT_ERR_004)."""
    try:
        step.database.require_attested()
        authority.register(step.numero, request)
    except (SuspectDatabase, AuthorityUnavailable) as error:
        raise Refusal(codes.WSMG_18, diagnostic=_told(step, error)) from error
    except AuthorityRefused as error:
        if isinstance(error, RegistrationConflict) and suspect_if_behind(step.database, authority):
            raise Refusal(codes.WSMG_18, diagnostic=_told(step, error)) from error
        refusal = Refusal(codes.WSMG_17, diagnostic=_told(step, error))
        _give_up(step, Transition.ANNULER_VALIDEE, refusal)
        raise refusal from error


def _issue(step: _Step, request: CertificateRequest, authority: CertificateAuthority) -> x509.Certificate:
    """R3; what the authority refuses for good ends the demande (RMT_ERR_006, RMT_ERR_007)."""
    try:
        step.database.require_attested()
        certificate = authority.issue(step.numero)
        check_issued(certificate, request)
    except (SuspectDatabase, AuthorityUnavailable) as error:
        raise Refusal(codes.WSMG_15, diagnostic=_told(step, error)) from error
    except AuthorityRefused as error:
        refusal = Refusal(codes.WSMG_16, diagnostic=_told(step, error))
        _give_up(step, Transition.ANNULER_TRANSMISE, refusal)
        raise refusal from error
    return certificate


def _give_up(step: _Step, transition: Transition, refusal: Refusal) -> None:
    """Produit annulé, unless somebody moved the demande meanwhile; what was refused at R1 is told (RMT_ERR_004).

    The guide wants no mail of a refusal at R3 from the Web Service (RMT_ERR_007).
    """
    with suppress(StateConflict), step.database.transaction() as connection:
        _move(connection, step, transition)
        if refusal.code is not codes.WSMG_17:
            return
        told = failure_details(step.numero, refusal, step.context.now)
        notify(connection, Notification.NMG_005, [step.numero], step.context, {step.numero: told})


def _told(step: _Step, error: Exception) -> str:
    return f"PFCNG-IGC, demande {step.numero} : {error} ({type(error).__name__})"


def _transmit(step: _Step) -> None:
    """R2; a concurrent retrait may have taken the step."""
    with suppress(StateConflict), step.database.transaction() as connection:
        _move(connection, step, Transition.TRANSMETTRE)


def _store(step: _Step, certificate: x509.Certificate, code_hash: str) -> None:
    """R4; when a concurrent retrait took the step, with the same certificate, only the code is ours.

    Raises:
        Refusal: WSMG-00000011 when the demande was cancelled meanwhile: the reconciliation revokes what was issued.
    """
    der = certificate.public_bytes(Encoding.DER)
    try:
        with step.database.transaction() as connection:
            store.store_certificate(connection, step.numero, certificate, code_hash)
            _move(connection, step, Transition.RETIRER)
    except StateConflict as conflict:
        if not _has_certificate(step, der):
            raise Refusal(codes.WSMG_11, Raison.PRODUIT_PAS_A_RETIRER) from conflict
        _keep_code(step, code_hash)


def _has_certificate(step: _Step, der: bytes) -> bool:
    """Whether the produit has this certificate, withdrawn and not revoked."""
    with step.database.autocommit() as connection:
        demande = store.find_demande(connection, step.context.environment, step.numero)
    return demande is not None and demande["certificat"] == der and demande["etat_produit"] in _WITHDRAWN


def _move(connection: DbConnection, step: _Step, transition: Transition) -> None:
    """A transition with its journal entry."""
    store.move(connection, step.numero, transition, step.context.now)
    _journal(connection, step, transition.name.lower())


def _journal(connection: DbConnection, step: _Step, resultat: str, code: str | None = None) -> None:
    told = entry(ACTE, step.context, acteur=step.acteur)
    journal.write(connection, [replace(told, resultat=resultat, code=code, demande=step.numero)])


def _keep_code(step: _Step, code_hash: str) -> None:
    """The certificate goes out again: the code of the latest retrait is the one that counts (RMT_ERR_009)."""
    with step.database.transaction() as connection:
        store.store_code_revocation(connection, step.numero, code_hash)
        _journal(connection, step, "remis à nouveau")


def _hash(code_revocation: str) -> str:
    """A slow salted hash (argon2id, PHC form); computed outside any transaction.

    Of the parameters that OWASP's password storage cheat sheet holds for equal, those that take the least memory.
    """
    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=5, lanes=1, memory_cost=7 * 1024)
    with _HASHES:
        return kdf.derive_phc_encoded(code_revocation.encode())


_HASHES: Final = BoundedSemaphore(2)
"""Hashes at once: more in one process would take memory and no less time."""
