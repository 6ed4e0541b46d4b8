"""Who and what the référentiel identité knows: persons, structures, explicit habilitations. Source: guide §8."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from pfcng.contract.catalogue import Environment, Offre

EMPLOYEE_TITLE: Final = "Personnel santé ou social"
"""The title in the DN of whom the register of professionals does not know."""


class Genre(StrEnum):
    """Kind of person (guide §8)."""

    PS = "PS"
    PF = "PF"
    PE = "PE"
    PA = "PA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Personne:
    """A card holder.

    Attributes:
        admin_asip: May act for a tiers (AdminASIP).
        titre: Profession label of the DN's title.
        profession: Code of TRE_G15, None for employees.
        savoir_faire: Codes of the ordinal specialities.
        structures: National identifiers of the structures the person works for.
    """

    environment: Environment
    id_nat: str
    genre: Genre
    admin_asip: bool = False
    nom: str
    prenom: str
    titre: str
    profession: int | None = None
    savoir_faire: tuple[str, ...] = ()
    structures: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """Given name then name, as the guide prints persons (§17.4)."""
        return f"{self.prenom} {self.nom}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A structure of health care; ``departement`` is its code (``69``)."""

    environment: Environment
    id_nat: str
    raison_sociale: str
    departement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Habilitation:
    """The right of an acteur on one offre for one structure, within a domain, between two days (both included)."""

    acteur: str
    offre: Offre
    id_nat_struct: str
    domaine: str | None = None
    debut: date | None = None
    fin: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the habilitation counts on that day of Europe/Paris."""
        return (self.debut is None or self.debut <= day) and (self.fin is None or day <= self.fin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annuaire:
    """What one request needs of the annuaire, read at once; all of one environment."""

    personnes: Mapping[str, Personne] = field(default_factory=dict)
    structures: Mapping[str, Structure] = field(default_factory=dict)
    habilitations: Mapping[str, tuple[Habilitation, ...]] = field(default_factory=dict)
