"""The rules of a suivi: what its request may carry, what its acteur may see, what a line of the reply has.

Source: guide §18; tables 19 and 21.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from pfcng.contract import codes
from pfcng.contract.catalogue import USAGES, Offre, Presence, TypeDemande
from pfcng.contract.codes import Raison
from pfcng.contract.messages import RequeteSuiviActivite
from pfcng.contract.refusal import Refusal
from pfcng.domain.annuaire import Genre, Habilitation, Personne
from pfcng.domain.habilitation import may_act_on

_O, _F, _I = Presence.OBLIGATOIRE, Presence.FACULTATIF, Presence.INTERDIT
_D, _P, _R = TypeDemande.DEMANDES_CERTIFICAT, TypeDemande.PRODUITS, TypeDemande.DEMANDES_REVOCATION

INDICE_LOT: Final = {_D: _F, _P: _I, _R: _I}
"""Presence of indiceLot, by typeDemande (table 19)."""
ID_NAT_BENEFICIAIRE: Final = {Offre.PS: _F, Offre.PRO: _F, Offre.ORG: _I, Offre.SERV: _I}
"""Presence of idNatBeneficiaire, by offre (table 19)."""
ID_NAT_STRUCT: Final = {Offre.PS: _I, Offre.PRO: _O, Offre.ORG: _O, Offre.SERV: _O}
"""Presence of idNatStruct, by offre (table 19)."""

TABLE_21: Final[dict[str, tuple[TypeDemande, ...]]] = {
    "numero": (_D, _P, _R),
    "canal": (_D, _P, _R),
    "creation_date": (_D, _R),
    "date_debut_validite": (_P,),
    "date_fin_validite": (_P,),
    "offre": (_D, _P, _R),
    "usage": (_D, _P, _R),
    "id_nat_struct": (_D, _P, _R),
    "raison_sociale": (_D, _P, _R),
    "id_nat_administrateur": (_D, _P, _R),
    "nom_administrateur": (_D, _P, _R),
    "prenom_administrateur": (_D, _P, _R),
    "id_nat_beneficiaire": (_D, _P, _R),
    "nom_beneficiaire": (_D, _P, _R),
    "prenom_beneficiaire": (_D, _P, _R),
    "id_nat_acteur": (_D, _P, _R),
    "nom_acteur": (_D, _P, _R),
    "prenom_acteur": (_D, _P, _R),
    "etat": (_D, _P, _R),
    "email_acteur": (_D, _R),
    "email_notification": (_D, _R),
    "date_expiration": (_D,),
    "date_revocation": (_R,),
    "motif_revocation": (_R,),
    "motif_autre": (_R,),
    "numero_serie": (_D, _P, _R),
    "dn_autorite": (_D, _P, _R),
    "dn_sujet": (_D, _P, _R),
    "domaines": (_D, _P, _R),
    "nom_applicatif": (_D, _P, _R),
    "email_sujet": (_D, _P, _R),
}
"""The crosses of table 21: field of a ``Resultat`` → the kinds of suivi that have it."""

_OFFRES: Final[dict[str, tuple[Offre, ...]]] = {
    **dict.fromkeys(("id_nat_struct", "raison_sociale"), (Offre.PRO, Offre.ORG, Offre.SERV)),
    **dict.fromkeys(("id_nat_beneficiaire", "nom_beneficiaire", "prenom_beneficiaire"), (Offre.PS, Offre.PRO)),
}
"""The « si l’offre est » of table 21: a line of another offre does not have the element."""


@cache
def elements(kind: TypeDemande, offre: Offre) -> tuple[str, ...]:
    """The fields of a ``Resultat`` that a line of that kind and offre has (table 21)."""
    return tuple(name for name, kinds in TABLE_21.items() if kind in kinds and offre in _OFFRES.get(name, Offre))


@dataclass(frozen=True, slots=True, kw_only=True)
class Perimetre:
    """What an acteur may see, within the offre and the structure of the request; None restricts nothing.

    Attributes:
        acteur: Only what this person asked for.
        porteur: Only what is about a produit of this person's.
    """

    acteur: str | None = None
    porteur: str | None = None


def check_presence(requete: RequeteSuiviActivite) -> None:
    """Refuse a request that lacks an element or carries a forbidden one, or a usage that its offre has not.

    Raises:
        Refusal: WSMG-00000005 with the first such element, in the table's order.

    Source: guide §18.1 table 19.
    """
    _check("IndiceLot", requete.indice_lot, INDICE_LOT[requete.type_demande])
    if requete.usage is not None and requete.usage not in USAGES[requete.offre]:
        raise Refusal(codes.WSMG_05, "Usage")
    _check("IdNatBeneficiaire", requete.id_nat_beneficiaire, ID_NAT_BENEFICIAIRE[requete.offre])
    _check("IdNatStruct", requete.id_nat_struct, ID_NAT_STRUCT[requete.offre])


def _check(name: str, value: str | None, presence: Presence) -> None:
    refused = Presence.OBLIGATOIRE if value is None else Presence.INTERDIT
    if presence is refused:
        raise Refusal(codes.WSMG_05, name)


def is_administrateur(
    requete: RequeteSuiviActivite, acteur: Personne, habilitations: Iterable[Habilitation], day: date
) -> bool:
    """Whether the acteur is administrateur technique of the structure for the offre, that day of Europe/Paris."""
    return may_act_on(
        acteur, habilitations, day, offre=requete.offre, id_nat_struct=requete.id_nat_struct, beneficiaire=None
    )


def find_perimetre(
    requete: RequeteSuiviActivite, acteur: Personne, habilitations: Iterable[Habilitation], day: date
) -> Perimetre:
    """Say what the acteur may see; nothing is read but their own rights, so a refusal tells nothing of others.

    Demandes are seen by who made them. Of produits and révocations, offre PS shows a professional their own; the other
    offres show the whole structure to its administrateur technique, and PRO shows a porteur their own.

    Raises:
        Refusal: WSMG-00000043 with the reason of RMT_ERR_016.

    Source: guide §8 tables 5 and 6, §18, §18.3.
    """
    in_person = requete.offre is Offre.PS
    if requete.id_nat_acteur not in {None, acteur.id_nat}:
        raise Refusal(codes.WSMG_43, Raison.HORS_OFFRE, diagnostic="idNatActeur: not the acteur")
    if requete.type_demande is TypeDemande.DEMANDES_CERTIFICAT:
        return Perimetre(acteur=acteur.id_nat, porteur=acteur.id_nat if in_person else None)
    if in_person and acteur.genre not in {Genre.PS, Genre.PF}:
        raise Refusal(codes.WSMG_43, Raison.HORS_OFFRE)
    if is_administrateur(requete, acteur, habilitations, day):
        return Perimetre()
    if requete.offre in {Offre.PS, Offre.PRO}:
        return Perimetre(porteur=acteur.id_nat)
    raise Refusal(codes.WSMG_43, Raison.HORS_PERIMETRE)
