"""demanderCertificats: a lot of demandes in, their numbers or their refusals out. Source: guide §14."""

from collections.abc import Sequence
from dataclasses import replace

from pfcng.contract import codes
from pfcng.contract.codes import Raison
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    RequeteDemandeCertificats,
)
from pfcng.contract.refusal import Refusal
from pfcng.domain.states import Transition
from pfcng.igc.profiles import subject_name
from pfcng.operations.context import RequestContext, paris_day
from pfcng.operations.examination import Examined, examine_content, examine_rights
from pfcng.operations.journaling import entry, record_refusal
from pfcng.pki import csr, names
from pfcng.store import demandes as store, journal
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database, DbConnection, Row

ACTE = "demanderCertificats"


def demander_certificats(
    requete: RequeteDemandeCertificats, *, database: Database, context: RequestContext
) -> ReponseDemandeCertificats:
    """Examine every demande of the lot and commit what became of them at once (step D1).

    Raises:
        Refusal: WSMG-00000005 when a CSR is longer than table 11 allows: the whole lot is refused.

    Source: guide §14.2; docs/life-of-a-demande.md.
    """
    for demande in requete.demandes:
        csr.check_length(demande.csr)
    lot = [examine_content(demande) for demande in requete.demandes]
    with database.transaction() as connection:
        annuaire = load_annuaire(
            connection,
            context.environment,
            personnes=_personnes(requete.demandes, context),
            structures={demande.id_nat_struct for demande in requete.demandes if demande.id_nat_struct},
        )
        lot = [examine_rights(examined, annuaire, context) for examined in lot]
        numbers = store.next_numbers(connection, len(lot))
        lot = _refuse_presented_keys(connection, lot, [numero for numero, _ in numbers], context)
        first = next((examined.refusal for examined in lot if examined.refusal), None)
        indice = _write(connection, lot, numbers, statut="KO" if first else "OK", context=context)
    return ReponseDemandeCertificats(
        indice_lot=str(indice),
        statut_lot="KO" if first else "OK",
        message=first.message if first else "",
        demandes=tuple(_reply(examined, numero) for examined, (numero, _) in zip(lot, numbers, strict=True)),
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
    lot = [Examined(demande=demande).refused(refusal, Transition.NE_PAS_TRAITER) for demande in demandes]
    with database.transaction() as connection:
        annuaire = load_annuaire(connection, context.environment, personnes=_personnes(demandes, context))
        lot = [examine_rights(examined, annuaire, context) for examined in lot]
        numbers = store.next_numbers(connection, len(lot))
        _write(connection, lot, numbers, statut=refusal.code.value, context=context)


def _personnes(demandes: Sequence[DemandeCertificat], context: RequestContext) -> set[str]:
    """Everybody the lot names."""
    named = {context.signataire}
    for demande in demandes:
        named.update(filter(None, (demande.id_nat_tiers, demande.id_nat_beneficiaire)))
    return named


def _refuse_presented_keys(
    connection: DbConnection, lot: Sequence[Examined], numeros: Sequence[int], context: RequestContext
) -> list[Examined]:
    """Refuse the demandes whose public key was presented before, in this lot too (RMT_ERR_001).

    A demande that already stopped keeps its refusal: only who has the rights learns of other demandes.
    """
    first: dict[bytes, int] = {}
    for position, examined in enumerate(lot):
        if examined.key is not None:
            first.setdefault(examined.key.fingerprint, position)
    presented = store.present_keys(
        connection, context.environment, {key: numeros[position] for key, position in first.items()}
    )
    result = []
    for position, examined in enumerate(lot):
        key = examined.key
        if key is None or examined.refusal or (key.fingerprint not in presented and first[key.fingerprint] == position):
            result.append(examined)
            continue
        other = presented.get(key.fingerprint) or _as_presented(lot, numeros, first[key.fingerprint], context)
        result.append(examined.refused(_key_presented(other)))
    return result


def _as_presented(lot: Sequence[Examined], numeros: Sequence[int], position: int, context: RequestContext) -> Row:
    """A demande of this lot in the form in which the store tells of an earlier one."""
    examined = lot[position]
    acteur = examined.acteur.personne.full_name if examined.acteur else context.signataire
    if examined.beneficiaire is not None:
        concerne = examined.beneficiaire.full_name
    elif examined.structure is not None:
        concerne = examined.structure.raison_sociale
    else:
        concerne = examined.demande.id_nat_beneficiaire or examined.demande.id_nat_struct or acteur
    return {"numero": numeros[position], "acteur": acteur, "concerne": concerne, "creee_le": context.now}


def _key_presented(other: Row) -> Refusal:
    """The refusal of guide §17.4, which names the demande that has the key."""
    day = f"{paris_day(other['creee_le']):%d/%m/%Y}"
    told = {name: other[name] for name in ("numero", "acteur", "concerne")}
    return Refusal(codes.WSMG_09, Raison.CLE_DEJA_PRESENTEE.format(date=day, **told))


def _write(
    connection: DbConnection,
    lot: Sequence[Examined],
    numbers: Sequence[tuple[int, int]],
    *,
    statut: str,
    context: RequestContext,
) -> int:
    """Write the lot with its journal and give its index (step D1, within the caller's transaction)."""
    indice = store.next_indice_lot(connection)
    store.insert_lot(
        connection,
        indice=indice,
        environment=context.environment,
        signataire=context.signataire,
        statut=statut,
        now=context.now,
        demandes=[_new_demande(examined, *pair) for examined, pair in zip(lot, numbers, strict=True)],
    )
    journal.write(
        connection,
        [
            replace(entry(ACTE, context, refusal=examined.refusal, acteur=examined.acteur), lot=indice, demande=numero)
            for examined, (numero, _) in zip(lot, numbers, strict=True)
        ],
    )
    return indice


def _new_demande(examined: Examined, numero: int, numero_produit: int) -> store.NewDemande:
    beneficiaire, structure = examined.beneficiaire, examined.structure
    request = None if examined.refusal else examined.request
    return store.NewDemande(
        numero=numero,
        numero_produit=numero_produit,
        demande=examined.demande,
        acteur=examined.acteur,
        outcome=examined.outcome,
        demande_igc=request.to_json() if request else None,
        dn_sujet=names.rfc4514(subject_name(request)) if request else None,
        raison_sociale=structure.raison_sociale if structure else None,
        id_nat_beneficiaire=beneficiaire.id_nat if beneficiaire else None,
        beneficiaire=(beneficiaire.nom, beneficiaire.prenom) if beneficiaire else None,
    )


def _reply(examined: Examined, numero: int) -> ReponseDemande:
    """One ``demande`` of the reply; a refused one has neither index (guide §14.2.2)."""
    if examined.refusal is not None:
        return ReponseDemande(statut_demande=examined.refusal.code.value, message=examined.refusal.message)
    return ReponseDemande(indice_demande=str(numero), statut_demande="OK", message="", indice_retrait=str(numero))
