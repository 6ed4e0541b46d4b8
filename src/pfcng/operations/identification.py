"""Step 7 for the operations about one thing: the acteur, or a refusal under the operation's code."""

from pfcng.contract.codes import Code, Raison
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur, NotAdministrateur, UnknownActeur, identify
from pfcng.domain.annuaire import Annuaire


def identify_or_refuse(signataire: str, id_nat_tiers: str | None, annuaire: Annuaire, code: Code) -> Acteur:
    """Find the acteur.

    Raises:
        Refusal: ``code``, since the acteur is not in the annuaire or the signer may not act for a tiers.
    """
    try:
        return identify(signataire, id_nat_tiers, annuaire)
    except UnknownActeur as error:
        raise Refusal(code, Raison.ACTEUR_INCONNU) from error
    except NotAdministrateur as error:
        raise Refusal(code, Raison.HORS_PERIMETRE, diagnostic="idNatTiers: not AdminASIP") from error
