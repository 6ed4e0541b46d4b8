"""suivreActivite: what was asked for before, and what became of it. Source: guide §18; tables 19 to 21."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, TypeDemande
from pfcng.contract.codes import Raison
from pfcng.contract.messages import ReponseSuiviActivite, RequeteSuiviActivite, Resultat
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.annuaire import Annuaire
from pfcng.domain.rules import Rules
from pfcng.domain.suivi import check_presence, find_perimetre, is_administrateur
from pfcng.operations.context import RequestContext
from pfcng.operations.identification import identify_or_refuse
from pfcng.operations.journaling import entry
from pfcng.operations.resultat import DamagedRow, tell
from pfcng.store import journal, suivi as store
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database, DbConnection, Row
from pfcng.store.suivi import MAX_RESULTATS, Search

log = structlog.get_logger()

ACTE: Final = "suivreActivite"
AVERTISSEMENT: Final = (
    "MESSAGE : La recherche donne un trop grand nombre de résultats. La réponse n’est pas exhaustive et se limite à "
    f"{MAX_RESULTATS} réponses. Veuillez restreindre la recherche."
)
_MAX_NUMERO: Final = 2**63 - 1
"""Numbers are PostgreSQL's bigint."""


def suivre_activite(
    requete: RequeteSuiviActivite, *, database: Database, context: RequestContext, rules: Rules
) -> ReponseSuiviActivite:
    """Search what the acteur may see: formal rules, then rights, then the data of others.

    Raises:
        Refusal: WSMG-00000005 for table 19, WSMG-00000043 with the reason of RMT_ERR_016, WSMG-00000007 (demandes) or
            WSMG-00000008 (produits) when nothing is found.
    """
    check_presence(requete)
    with database.transaction() as connection:
        asked = _ask(connection, requete, context)
        rows = store.find(connection, asked.search)
        if not rows:
            raise _nothing_found(connection, asked, context)
        resultats, damaged = _tell_all(requete.type_demande, rows[:MAX_RESULTATS], rules)
        accepted = entry(ACTE, context, acteur=asked.acteur)
        entries = [replace(accepted, resultat="ligne écartée", detail=cause) for cause in damaged]
        journal.write(connection, [*entries, accepted] if resultats else entries)
    if not resultats:
        raise _no_result(requete)
    avertissement = AVERTISSEMENT if len(rows) > MAX_RESULTATS else None
    return ReponseSuiviActivite(statut="OK", avertissement=avertissement, resultats=resultats)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request whose acteur and rights are known."""

    requete: RequeteSuiviActivite
    annuaire: Annuaire
    acteur: Acteur
    search: Search


def _ask(connection: DbConnection, requete: RequeteSuiviActivite, context: RequestContext) -> _Asked:
    """Find the acteur, and turn the request and their rights into one search."""
    named = {context.signataire, *filter(None, (requete.id_nat_tiers, requete.id_nat_beneficiaire))}
    structures = tuple(filter(None, [requete.id_nat_struct]))
    annuaire = load_annuaire(connection, context.environment, personnes=named, structures=structures)
    acteur = identify_or_refuse(context.signataire, requete.id_nat_tiers, annuaire, codes.WSMG_43)
    held = annuaire.habilitations.get(acteur.personne.id_nat, ())
    perimetre = find_perimetre(requete, acteur.personne, held, context.today)
    search = Search(
        type_demande=requete.type_demande,
        environment=context.environment,
        offre=requete.offre,
        usage=requete.usage,
        # An index that can be none of ours is an unknown one.
        lot=None if requete.indice_lot is None else min(int(requete.indice_lot), _MAX_NUMERO),
        day=requete.date_creation_demande,
        id_nat_struct=requete.id_nat_struct,
        acteur=perimetre.acteur or requete.id_nat_acteur,
        porteur=perimetre.porteur,
        beneficiaire=requete.id_nat_beneficiaire,
    )
    return _Asked(requete=requete, annuaire=annuaire, acteur=acteur, search=search)


def _tell_all(kind: TypeDemande, rows: Sequence[Row], rules: Rules) -> tuple[tuple[Resultat, ...], list[str]]:
    """The lines, and why those that are missing were left out."""
    resultats, damaged = [], []
    for row in rows:
        try:
            resultats.append(tell(kind, row, retrait_delay=rules.retrait_delay))
        except DamagedRow as error:
            log.exception("suivi.damaged_row", kind=kind.value, numero=row["numero"])
            damaged.append(f"{kind.value} {row['numero']} : {error}")
    return tuple(resultats), damaged


def _nothing_found(connection: DbConnection, asked: _Asked, context: RequestContext) -> Refusal:
    """Why nothing was found, told only to who may know it.

    Who administers the structure, or acts for a tiers, learns that an identifier is not in the annuaire; somebody else
    learns nothing of what exists.
    """
    requete, annuaire, personne = asked.requete, asked.annuaire, asked.acteur.personne
    held = annuaire.habilitations.get(personne.id_nat, ())
    if asked.acteur.administrateur or is_administrateur(requete, personne, held, context.today):
        if requete.id_nat_struct and requete.id_nat_struct not in annuaire.structures:
            return Refusal(codes.WSMG_43, Raison.STRUCTURE_INCONNUE)
        if requete.id_nat_beneficiaire and requete.id_nat_beneficiaire not in annuaire.personnes:
            return Refusal(codes.WSMG_43, Raison.BENEFICIAIRE_INCONNU)
    if asked.search.porteur and requete.offre is Offre.PRO and not _is_porteur(connection, asked):
        return Refusal(codes.WSMG_43, Raison.HORS_PERIMETRE)
    return _no_result(requete)


def _is_porteur(connection: DbConnection, asked: _Asked) -> bool:
    """Whether the acteur works for the structure, or has a produit there still (guide §8 table 5, Porteur CL)."""
    search = asked.search
    if search.id_nat_struct in asked.acteur.personne.structures:
        return True
    without_filters = Search(
        type_demande=TypeDemande.PRODUITS,
        environment=search.environment,
        offre=search.offre,
        id_nat_struct=search.id_nat_struct,
        porteur=search.porteur,
    )
    return bool(store.find(connection, without_filters))


def _no_result(requete: RequeteSuiviActivite) -> Refusal:
    return Refusal(codes.WSMG_08 if requete.type_demande is TypeDemande.PRODUITS else codes.WSMG_07)
