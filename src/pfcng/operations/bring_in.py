"""A demande that the platform forgot, written again from what PFCNG-IGC holds of it (docs/restore.md, K3).

Who asked for it, for whom mails were, and the code de révocation are lost. What its certificate says is not: whoever
administers its structure, and its bénéficiaire, can follow, renew and revoke it.
"""

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pfcng.contract.catalogue import GAMME, Offre, Usage
from pfcng.contract.messages import DemandeCertificat
from pfcng.contract.paris import paris_day
from pfcng.domain.states import RevocationState, Transition
from pfcng.igc.authority import Dossier
from pfcng.igc.profiles import subject_name
from pfcng.igc.requests import CertificateRequest, OrganisationIdentity, OrganisationSubject, PersonSubject
from pfcng.pki import names
from pfcng.pki.csr import fingerprint
from pfcng.store import demandes, echeances, revocations
from pfcng.store.adresses import claim_addresses
from pfcng.store.database import DbConnection

_ACTEUR: Final = "PFCNG"
"""Who acts where nobody is known."""
_DESCRIPTION: Final = "Révocation retrouvée auprès de PFCNG-IGC"


def bring_in(connection: DbConnection, dossier: Dossier, certificate: x509.Certificate, now: datetime) -> None:
    """Write the demande close and its produit actif, or révoqué; its key is presented, its address held.

    Args:
        connection: A transaction.
        dossier: What PFCNG-IGC holds.
        certificate: The dossier's.
        now: When, for the history and the journal.
    """
    request, numero = dossier.request, dossier.numero
    lot, [(_, produit)] = demandes.next_numbers(connection, 1)
    person = request.subject if isinstance(request.subject, PersonSubject) else None
    demandes.insert_lot(
        connection,
        indice=lot,
        environment=request.environment,
        signataire=person.id_nat if person is not None and request.product.offre is Offre.PS else _ACTEUR,
        statut="OK",
        now=now,
        demandes=[_new(numero, produit, request, person)],
    )
    demandes.present_keys(connection, request.environment, {_fingerprint(request.spki): numero})
    if request.mail_sujet is not None:
        claim_addresses(connection, request.environment, {request.mail_sujet.lower(): _holder(request)}, now)
    demandes.store_certificate(connection, numero, certificate)
    for transition in (Transition.TRANSMETTRE, Transition.RETIRER, Transition.DELIVRER):
        demandes.move(connection, numero, transition, now)
    if dossier.revoked_at is not None:
        close_revocation(connection, produit, dossier, now)


def close_revocation(connection: DbConnection, produit: int, dossier: Dossier, now: datetime) -> None:
    """Write the révocation of an actif produit that PFCNG-IGC knows alone, with its date; a stolen key stays banned."""
    moment = dossier.revoked_at or now
    numero = echeances.insert_automatic_revocation(connection, produit, _DESCRIPTION, paris_day(moment), now)
    revocations.move_revocation(connection, numero, RevocationState.CLOSE, now, revoked=moment)
    demandes.move(connection, dossier.numero, Transition.REVOQUER_ACTIF, now)
    if dossier.reason is x509.ReasonFlags.key_compromise:
        revocations.ban_key(connection, _fingerprint(dossier.request.spki))


def _new(numero: int, produit: int, request: CertificateRequest, person: PersonSubject | None) -> demandes.NewDemande:
    structure = _structure(request)
    return demandes.NewDemande(
        numero=numero,
        numero_produit=produit,
        demande=_demande(request, person, structure),
        acteur=None,
        outcome=Transition.VALIDER,
        hors_perimetre=False,
        demande_igc=request.to_json(),
        dn_sujet=names.rfc4514(subject_name(request)),
        raison_sociale=structure.raison_sociale if structure else None,
        id_nat_beneficiaire=person.id_nat if person else None,
        beneficiaire=(person.nom, person.prenom) if person else None,
    )


def _demande(
    request: CertificateRequest,
    person: PersonSubject | None,
    structure: OrganisationIdentity | OrganisationSubject | None,
) -> DemandeCertificat:
    """What was ordered, as far as the certificate says it."""
    subject, usage = request.subject, request.product.usage
    named = isinstance(subject, OrganisationSubject) and usage is not Usage.SSL_SERV
    return DemandeCertificat(
        offre=request.product.offre,
        gamme=GAMME,
        usage=usage,
        id_nat_struct=structure.id_nat_struct if structure else None,
        id_nat_beneficiaire=person.id_nat if person and request.product.offre is Offre.PRO else None,
        nom_applicatif=subject.common_name if named and isinstance(subject, OrganisationSubject) else None,
        fqdn=request.fqdn,
        upn=request.upn,
        mail_sujet=request.mail_sujet,
        mail_personne_a_informer="",
        csr="",
        mail_demandeur="",
    )


def _structure(request: CertificateRequest) -> OrganisationIdentity | OrganisationSubject | None:
    subject = request.subject
    return subject.organisation if isinstance(subject, PersonSubject) else subject


def _holder(request: CertificateRequest) -> str:
    """Whose a protected address is (guide §7.2): a person's by its DN, an organisation's by its identifier."""
    subject = request.subject
    return names.canonical(subject_name(request)) if isinstance(subject, PersonSubject) else subject.id_nat_struct


def _fingerprint(spki: bytes) -> bytes:
    public_key = load_der_public_key(spki)
    assert isinstance(public_key, rsa.RSAPublicKey)  # noqa: S101 - the IGC-Santé certifies no other
    return fingerprint(public_key)
