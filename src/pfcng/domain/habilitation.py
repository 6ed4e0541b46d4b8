"""Who may order what: implicit and explicit habilitations, and the domains of the explicit ones. Source: guide §8."""

from collections.abc import Iterable
from datetime import date

from pfcng.contract import codes
from pfcng.contract.catalogue import Offre
from pfcng.contract.codes import Raison
from pfcng.contract.domaines import covers, protected_names
from pfcng.contract.messages import DemandeCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain.annuaire import Genre, Habilitation, Personne

_GRANTING: dict[Offre, tuple[Offre, ...]] = {
    Offre.PRO: (Offre.PRO,),
    Offre.ORG: (Offre.ORG, Offre.SERV),
    Offre.SERV: (Offre.SERV,),
}
"""Which explicit habilitations give access to an offre: SERV also grants ORG for its structure (§8)."""


def check_habilitation(
    demande: DemandeCertificat, acteur: Personne, habilitations: Iterable[Habilitation], day: date
) -> None:
    """Refuse a demande outside the acteur's rights on that day of Europe/Paris.

    The presence rules have passed. Nothing is read but the acteur's own rights, so a refusal tells nothing of others.

    Raises:
        Refusal: WSMG-00000010 with the reason of RMT_ERR_002.

    Source: guide §8 tables 5 and 6.
    """
    if demande.offre is Offre.PS:
        if acteur.genre not in {Genre.PS, Genre.PF}:
            raise Refusal(codes.WSMG_10, Raison.HORS_OFFRE)
        return
    held = [
        habilitation
        for habilitation in habilitations
        if _grants(habilitation, demande.offre, demande.id_nat_struct, day)
    ]
    if not held:
        raise Refusal(codes.WSMG_10, Raison.HORS_PERIMETRE)
    for name in protected_names(demande):
        if not any(covers(one.domaine or "", name, offre=one.offre, usage=demande.usage) for one in held):
            raise Refusal(codes.WSMG_10, Raison.HORS_DOMAINE.format(domaine=name))


def may_act_on(
    acteur: Personne,
    habilitations: Iterable[Habilitation],
    day: date,
    *,
    offre: Offre,
    id_nat_struct: str | None,
    beneficiaire: str | None,
) -> bool:
    """Whether an acteur may revoke or follow a produit: its porteur, or who administers its structure for its offre.

    Source: guide §8 tables 5 and 6.
    """
    if beneficiaire is not None and beneficiaire == acteur.id_nat:
        return True
    return any(_grants(habilitation, offre, id_nat_struct, day) for habilitation in habilitations)


def is_in_perimetre(
    acteur: Personne, habilitations: Iterable[Habilitation], day: date, *, offre: Offre, id_nat_struct: str | None
) -> bool:
    """Whether a demande is for what its acteur administers that day; of offre PS it is for the acteur alone.

    Source: guide §8 tables 5 and 6.
    """
    return offre is Offre.PS or may_act_on(
        acteur, habilitations, day, offre=offre, id_nat_struct=id_nat_struct, beneficiaire=None
    )


def _grants(habilitation: Habilitation, offre: Offre, id_nat_struct: str | None, day: date) -> bool:
    return (
        habilitation.offre in _GRANTING.get(offre, ())
        and habilitation.id_nat_struct == id_nat_struct
        and habilitation.in_force(day)
    )
