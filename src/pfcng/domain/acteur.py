"""On whose behalf a request acts."""

from dataclasses import dataclass

from pfcng.domain.annuaire import Annuaire, Personne


@dataclass(frozen=True, slots=True, kw_only=True)
class Acteur:
    """The person whose rights count, and the AdminASIP who signed in their place, if one did.

    Made by ``identify`` alone, from a signer whose signature was verified.
    """

    personne: Personne
    administrateur: Personne | None = None


class UnknownActeur(Exception):
    """The signer, or the tiers, is not in the annuaire of the environment."""


class NotAdministrateur(Exception):
    """A tiers was named by a signer who is not AdminASIP."""


def identify(signataire: str, id_nat_tiers: str | None, annuaire: Annuaire) -> Acteur:
    """Find the acteur from the national identifier in the signer's certificate.

    Raises:
        UnknownActeur: RMT_ERR_002, 005, 011, 016, under the code of the operation.
        NotAdministrateur: idem, as an error of habilitation.

    Source: guide §8, §18; tables 11, 13, 15, 17, 19 (idNatTiers).
    """
    signer = annuaire.personnes.get(signataire)
    if signer is None:
        raise UnknownActeur(signataire)
    if id_nat_tiers is None:
        return Acteur(personne=signer)
    if not signer.admin_asip:
        raise NotAdministrateur(signataire)
    tiers = annuaire.personnes.get(id_nat_tiers)
    if tiers is None:
        raise UnknownActeur(id_nat_tiers)
    return Acteur(personne=tiers, administrateur=signer)
