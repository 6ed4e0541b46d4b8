"""renouvelerCertificat: the same produit again, for a new key. Source: guide §17."""

from dataclasses import replace
from typing import Final

from pfcng.contract import codes
from pfcng.contract.catalogue import GAMME, Offre, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseRenouvellementCertificat,
    RequeteRenouvellementCertificat,
)
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.domain.states import ProduitState
from pfcng.operations.context import RequestContext
from pfcng.operations.examination import Examined, examine_content, examine_rights, identify_acteur
from pfcng.operations.find_certificate import check_rights, find_certificate
from pfcng.operations.identification import identify_or_refuse
from pfcng.operations.registration import register
from pfcng.pki import csr
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database, Row

ACTE: Final = "renouvelerCertificat"


def renouveler_certificat(
    requete: RequeteRenouvellementCertificat, *, database: Database, context: RequestContext, rules: Rules
) -> ReponseRenouvellementCertificat:
    """Register a demande that takes everything but the CSR and the addresses from the old certificate (D1).

    Today's annuaire and habilitations count; the old certificate stays as it is. What a business rule refuses is a
    demande all the same, and the reply carries its code.

    Raises:
        Refusal: WSMG-00000005 (CSR too long), 08, or 10 for who has no right to the old certificate: a demande would
            hold, and tell them, what it held.
        SuspectDatabase: The database was restored and not compared since (docs/restore.md).
    """
    csr.check_length(requete.csr)
    database.require_attested()
    with database.transaction() as connection:
        named = {context.signataire, *filter(None, [requete.id_nat_tiers])}
        annuaire = load_annuaire(connection, context.environment, personnes=named)
        acteur = identify_or_refuse(context.signataire, requete.id_nat_tiers, annuaire, codes.WSMG_10)
        produit = find_certificate(connection, context.environment, requete.aki, requete.numero_serie)
        check_rights(produit, acteur, annuaire, context, porteur=False, code=codes.WSMG_10)
        demande = _same_again(requete, produit)
        annuaire = load_annuaire(
            connection,
            context.environment,
            personnes={*named, *filter(None, [demande.id_nat_beneficiaire])},
            structures=set(filter(None, [demande.id_nat_struct])),
        )
        examined = identify_acteur(examine_content(demande, rules), annuaire, context)
        examined = examine_rights(examined, annuaire, context)
        examined = _check_current(examined, produit, context)
        registered = register(connection, [examined], acte=ACTE, context=context, renouvelle=produit["numero"])
    [(numero, examined)] = registered.demandes
    if examined.refusal is not None:
        return ReponseRenouvellementCertificat(statut=examined.refusal.code.value, message=examined.refusal.message)
    return ReponseRenouvellementCertificat(indice_retrait=str(numero), statut="OK", message="")


def _same_again(requete: RequeteRenouvellementCertificat, produit: Row) -> DemandeCertificat:
    """What the old produit was ordered with (guide §17.1)."""
    offre = Offre(produit["offre"])
    return DemandeCertificat(
        offre=offre,
        gamme=GAMME,
        usage=Usage(produit["usage"]),
        id_nat_struct=produit["id_nat_struct"],
        id_nat_beneficiaire=produit["id_nat_beneficiaire"] if offre is Offre.PRO else None,
        id_nat_tiers=requete.id_nat_tiers,
        nom_applicatif=produit["nom_applicatif"],
        fqdn=tuple(produit["fqdn"]),
        upn=produit["upn"],
        mail_sujet=produit["mail_sujet"],
        mail_personne_a_informer=requete.mail_personne_a_informer,
        csr=requete.csr,
        mail_demandeur=requete.mail_demandeur,
    )


def _check_current(examined: Examined, produit: Row, context: RequestContext) -> Examined:
    """Only a certificate that counts today is renewed."""
    if examined.refusal:
        return examined
    if produit["etat"] == ProduitState.ACTIF and context.now <= produit["fin_validite"]:
        return examined
    reason = Raison.CONTRAINTE.format(attribut="certificat à renouveler", contrainte="ni actif ni en cours de validité")
    return replace(examined, request=None).refused(Refusal(codes.WSMG_10, reason))
