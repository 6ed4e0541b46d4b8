"""demanderCertificats: a lot of demandes in, their numbers or their refusals out. Source: guide §14."""

from collections.abc import Sequence

from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    RequeteDemandeCertificats,
)
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.domain.states import Transition
from pfcng.operations.context import RequestContext
from pfcng.operations.examination import Examined, examine_content, examine_rights, identify_acteur
from pfcng.operations.journaling import record_refusal
from pfcng.operations.registration import register
from pfcng.pki import csr
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database

ACTE = "demanderCertificats"


def demander_certificats(
    requete: RequeteDemandeCertificats, *, database: Database, context: RequestContext, rules: Rules
) -> ReponseDemandeCertificats:
    """Examine every demande of the lot and commit what became of them at once (step D1).

    Raises:
        Refusal: WSMG-00000005 when a CSR is longer than table 11 allows: the whole lot is refused.
        SuspectDatabase: The database was restored and not compared since (docs/restore.md).

    Source: guide §14.2; docs/life-of-a-demande.md.
    """
    for demande in requete.demandes:
        csr.check_length(demande.csr)
    database.require_attested()
    lot = [examine_content(demande, rules) for demande in requete.demandes]
    with database.transaction() as connection:
        annuaire = load_annuaire(
            connection,
            context.environment,
            personnes=_personnes(requete.demandes, context),
            structures={demande.id_nat_struct for demande in requete.demandes if demande.id_nat_struct},
        )
        lot = [identify_acteur(examined, annuaire, context) for examined in lot]
        lot = [examine_rights(examined, annuaire, context) for examined in lot]
        registered = register(connection, lot, acte=ACTE, context=context)
    first = registered.first_refusal
    return ReponseDemandeCertificats(
        indice_lot=str(registered.indice),
        statut_lot="KO" if first else "OK",
        message=first.message if first else "",
        demandes=tuple(_reply(numero, examined) for numero, examined in registered.demandes),
    )


def record_refused_lot(
    demandes: Sequence[DemandeCertificat], refusal: Refusal, *, database: Database, context: RequestContext
) -> None:
    """Keep the demandes of a lot that was refused whole at syntax as « Demande non traitée » (guide §14.2).

    Where none could be decoded, the journal's entry is all there is.
    """
    if not demandes:
        record_refusal(ACTE, refusal, database=database, arrival=context)
        return
    with database.transaction() as connection:
        annuaire = load_annuaire(connection, context.environment, personnes=_personnes(demandes, context))
        named = [identify_acteur(Examined(demande=demande), annuaire, context) for demande in demandes]
        lot = [examined.refused(refusal, Transition.NE_PAS_TRAITER) for examined in named]
        register(connection, lot, acte=ACTE, context=context, refused_whole=refusal)


def _personnes(demandes: Sequence[DemandeCertificat], context: RequestContext) -> set[str]:
    """Everybody the lot names."""
    named = {context.signataire}
    for demande in demandes:
        named.update(filter(None, (demande.id_nat_tiers, demande.id_nat_beneficiaire)))
    return named


def _reply(numero: int, examined: Examined) -> ReponseDemande:
    """One ``demande`` of the reply; a refused one has neither index (guide §14.2.2)."""
    if examined.refusal is not None:
        return ReponseDemande(statut_demande=examined.refusal.code.value, message=examined.refusal.message)
    return ReponseDemande(indice_demande=str(numero), statut_demande="OK", message="", indice_retrait=str(numero))
