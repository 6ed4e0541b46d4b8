"""Commit D1: a lot of examined demandes becomes rows. The rules that read other people's data are here, last.

Source: guide §7.2, §14.2, §17.4, §20 RMT_ERR_001 and 002; docs/life-of-a-demande.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from pfcng.contract import codes
from pfcng.contract.catalogue import Offre
from pfcng.contract.codes import Raison
from pfcng.contract.paris import paris_day
from pfcng.contract.refusal import Refusal
from pfcng.domain.states import Transition
from pfcng.igc.profiles import subject_name
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import RequestContext
from pfcng.operations.examination import Examined
from pfcng.operations.journaling import entry
from pfcng.operations.notifier import failure_details, notify_of
from pfcng.pki import names
from pfcng.store import demandes as store, journal
from pfcng.store.adresses import claim_addresses
from pfcng.store.database import DbConnection, Row
from pfcng.store.revocations import find_banned

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A lot that was written.

    Attributes:
        indice: Of the lot.
        demandes: In the order of the request, each with its number.
    """

    indice: int
    demandes: tuple[tuple[int, Examined], ...]

    @property
    def first_refusal(self) -> Refusal | None:
        """The refusal of the first demande that failed."""
        return next((examined.refusal for _, examined in self.demandes if examined.refusal), None)


def register(
    connection: DbConnection,
    lot: Sequence[Examined],
    *,
    acte: str,
    context: RequestContext,
    refused_whole: Refusal | None = None,
    renouvelle: int | None = None,
) -> Registered:
    """Apply the last rules to a lot and write it, in the caller's transaction.

    Args:
        connection: The transaction that will be D1.
        lot: The demandes, examined.
        acte: The operation, for the journal.
        context: The request.
        refused_whole: Why the whole lot was refused, if it was: nothing more is checked.
        renouvelle: Number of the produit that the one demande renews.
    """
    indice, numbers = store.next_numbers(connection, len(lot))
    if refused_whole is None:
        lot = _refuse_keys(connection, lot, [numero for numero, _ in numbers], context)
        lot = _refuse_addresses(connection, lot, [produit for _, produit in numbers], context)
    failed = any(examined.refusal for examined in lot)
    facts = store.insert_lot(
        connection,
        indice=indice,
        environment=context.environment,
        signataire=context.signataire,
        statut=refused_whole.code.value if refused_whole else ("KO" if failed else "OK"),
        now=context.now,
        demandes=[
            replace(_new_demande(examined, *pair), renouvelle=renouvelle)
            for examined, pair in zip(lot, numbers, strict=True)
        ],
    )
    journal.write(
        connection,
        [
            replace(entry(acte, context, refusal=examined.refusal, acteur=examined.acteur), lot=indice, demande=numero)
            for examined, (numero, _) in zip(lot, numbers, strict=True)
        ],
    )
    _tell(connection, lot, facts, context, renewal=renouvelle is not None)
    for examined, (numero, _) in zip(lot, numbers, strict=True):
        if examined.refusal:
            code, cause = examined.refusal.code.value, examined.refusal.diagnostic or examined.refusal.raison
            log.info("demande.refused", incident=context.incident, demande=numero, code=code, cause=cause)
    numeros = [numero for numero, _ in numbers]
    return Registered(indice=indice, demandes=tuple(zip(numeros, lot, strict=True)))


def _tell(
    connection: DbConnection,
    lot: Sequence[Examined],
    facts: Mapping[int, Row],
    context: RequestContext,
    *,
    renewal: bool,
) -> None:
    """The mails of D1: a confirmation for what is validated, NMG-005 for what a rule rejected (RMT_ERR_001, 002)."""
    confirmation = Notification.CONFIRMATION_RENOUVELLEMENT if renewal else Notification.CONFIRMATION_DEMANDE
    outcomes = list(zip(facts, lot, strict=True))
    accepted = {numero: facts[numero] for numero, examined in outcomes if examined.outcome is Transition.VALIDER}
    rejected = {
        numero: failure_details(numero, examined.refusal, context.now)
        for numero, examined in outcomes
        if examined.refusal and examined.outcome is Transition.REJETER
    }
    notify_of(connection, confirmation, accepted, context)
    notify_of(connection, Notification.NMG_005, {numero: facts[numero] for numero in rejected}, context, rejected)


def _refuse_keys(
    connection: DbConnection, lot: Sequence[Examined], numeros: Sequence[int], context: RequestContext
) -> list[Examined]:
    """Refuse the demandes whose public key is banned or was presented before, in this lot too (RMT_ERR_001).

    A demande that already stopped keeps its refusal: only who has the rights learns of other demandes.
    """
    first: dict[bytes, int] = {}
    for position, examined in enumerate(lot):
        if examined.key is not None:
            first.setdefault(examined.key.fingerprint, position)
    banned = find_banned(connection, first.keys())
    presented = store.present_keys(
        connection, context.environment, {key: numeros[position] for key, position in first.items()}
    )
    result = []
    for position, examined in enumerate(lot):
        key = examined.key
        if key is None or examined.refusal:
            result.append(examined)
        elif key.fingerprint in banned:
            result.append(examined.refused(Refusal(codes.WSMG_09, Raison.CLE_NON_ACCEPTEE, diagnostic="banned key")))
        elif key.fingerprint in presented or first[key.fingerprint] != position:
            other = presented.get(key.fingerprint) or _as_presented(lot, numeros, first[key.fingerprint], context)
            result.append(examined.refused(_key_presented(other)))
        else:
            result.append(examined)
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


def _refuse_addresses(
    connection: DbConnection, lot: Sequence[Examined], produits: Sequence[int], context: RequestContext
) -> list[Examined]:
    """Refuse the demandes whose protected address a produit in force holds for somebody else (guide §7.2)."""
    first: dict[str, int] = {}
    for position, examined in enumerate(lot):
        if examined.demande.mail_sujet is not None and not examined.refusal:
            first.setdefault(examined.demande.mail_sujet.lower(), position)
    claimed = {address: _holder(lot[position]) for address, position in first.items()}
    held = claim_addresses(connection, context.environment, claimed, context.now) if claimed else {}
    result = []
    for examined in lot:
        address = (examined.demande.mail_sujet or "").lower()
        if examined.refusal or address not in held or held[address].titulaire == _holder(examined):
            result.append(examined)
        else:
            result.append(examined.refused(_address_held(held[address].produit or produits[first[address]])))
    return result


def _holder(examined: Examined) -> str:
    """Who a protected address belongs to: a DN for persons, an idNatStruct for organisations."""
    if examined.demande.offre in {Offre.PS, Offre.PRO} and examined.request is not None:
        return names.canonical(subject_name(examined.request))
    return examined.demande.id_nat_struct or ""


def _address_held(produit: int) -> Refusal:
    return Refusal(codes.WSMG_10, Raison.ADRESSE_PROTEGEE.format(numero=produit))


def _new_demande(examined: Examined, numero: int, numero_produit: int) -> store.NewDemande:
    beneficiaire, structure = examined.beneficiaire, examined.structure
    request = None if examined.refusal else examined.request
    return store.NewDemande(
        numero=numero,
        numero_produit=numero_produit,
        demande=examined.demande,
        acteur=examined.acteur,
        outcome=examined.outcome,
        hors_perimetre=not examined.in_perimetre,
        demande_igc=request.to_json() if request else None,
        dn_sujet=names.rfc4514(subject_name(request)) if request else None,
        raison_sociale=structure.raison_sociale if structure else None,
        id_nat_beneficiaire=beneficiaire.id_nat if beneficiaire else None,
        beneficiaire=(beneficiaire.nom, beneficiaire.prenom) if beneficiaire else None,
    )
