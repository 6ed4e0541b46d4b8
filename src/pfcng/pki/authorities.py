"""The hierarchy of the IGC-Santé as data: three roots a world, and the authorities below them.

Names only: no key, no certificate. Who accepts which authority follows from these rows.
Source: guide §10, §11; the certificates that the IGC-Santé publishes under http://igc-sante.esante.gouv.fr/AC.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment
from pfcng.pki import names

ORGANISATION: Final = "ASIP-SANTE"
ORGANISATION_ID: Final = "0002 187512751"
EMULATEUR: Final = "EMULATEUR"
"""Organisational unit that tells the authorities of an emulator from the real ones."""


class Gamme(StrEnum):
    """How strongly the holder was identified."""

    ELEMENTAIRE = "ELEMENTAIRE"
    STANDARD = "STANDARD"
    FORT = "FORT"


class Population(StrEnum):
    """Whom an authority certifies."""

    PERSONNES = "PERSONNES"
    ORGANISATIONS = "ORGANISATIONS"


_GAMME_STEM: Final = {Gamme.ELEMENTAIRE: "EL", Gamme.STANDARD: "ST", Gamme.FORT: "FO"}
_POPULATION_STEM: Final = {Population.PERSONNES: "PP", Population.ORGANISATIONS: "ORG"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityName:
    """An authority of the hierarchy; a root has no population."""

    environment: Environment
    gamme: Gamme
    population: Population | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the root of its gamme."""
        return self.population is None

    @property
    def root(self) -> "AuthorityName":
        """The root above it; a root is its own."""
        return AuthorityName(environment=self.environment, gamme=self.gamme)

    @property
    def common_name(self) -> str:
        """For example ``TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS``, ``AC RACINE IGC-SANTE FORT``."""
        prefix = "TEST AC" if self.environment is Environment.TEST else "AC"
        if self.population is None:
            return f"{prefix} RACINE IGC-SANTE {self.gamme}"
        return f"{prefix} IGC-SANTE {self.gamme} {self.population}"

    @property
    def organisational_unit(self) -> str:
        """The unit of the issuer's name that tells the environment."""
        return "IGC-SANTE TEST" if self.environment is Environment.TEST else "IGC-SANTE"

    @property
    def file_stem(self) -> str:
        """Stem of the published files: ``ACI-EL-ORG-TEST``, ``ACR-FO``."""
        suffix = "-TEST" if self.environment is Environment.TEST else ""
        if self.population is None:
            return f"ACR-{_GAMME_STEM[self.gamme]}{suffix}"
        return f"ACI-{_GAMME_STEM[self.gamme]}-{_POPULATION_STEM[self.population]}{suffix}"

    def distinguished_name(self, *markers: str) -> x509.Name:
        """The authority's subject; each marker is one more organisational unit before the CN (`EMULATEUR`)."""
        units = (ORGANISATION_ID, self.organisational_unit, *markers)
        return names.build(
            ((NameOID.COUNTRY_NAME, "FR"),),
            ((NameOID.ORGANIZATION_NAME, ORGANISATION),),
            *(((NameOID.ORGANIZATIONAL_UNIT_NAME, unit),) for unit in units),
            ((NameOID.COMMON_NAME, self.common_name),),
        )


_INTERMEDIATES: Final = (
    (Environment.PRODUCTION, Gamme.ELEMENTAIRE, Population.ORGANISATIONS),
    (Environment.PRODUCTION, Gamme.ELEMENTAIRE, Population.PERSONNES),
    (Environment.PRODUCTION, Gamme.STANDARD, Population.ORGANISATIONS),
    (Environment.PRODUCTION, Gamme.STANDARD, Population.PERSONNES),
    (Environment.PRODUCTION, Gamme.FORT, Population.PERSONNES),
    (Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS),
    (Environment.TEST, Gamme.ELEMENTAIRE, Population.PERSONNES),
    (Environment.TEST, Gamme.STANDARD, Population.PERSONNES),
    (Environment.TEST, Gamme.FORT, Population.PERSONNES),
)

ROOTS: Final = tuple(
    AuthorityName(environment=environment, gamme=gamme)
    for environment in (Environment.PRODUCTION, Environment.TEST)
    for gamme in Gamme
)
"""The three roots of each environment."""

AUTHORITIES: Final = tuple(
    AuthorityName(environment=environment, gamme=gamme, population=population)
    for environment, gamme, population in _INTERMEDIATES
)
"""The authorities that issue to holders."""

PERSONNES_AUTHORITIES: Final = tuple(name for name in AUTHORITIES if name.population is Population.PERSONNES)
"""The six whose cards sign messages and open ws-apt (guide §10, §11)."""

SERVER_AUTHORITIES: Final = tuple(
    name for name in AUTHORITIES if name.population is Population.ORGANISATIONS and name.gamme is Gamme.ELEMENTAIRE
)
"""The two whose server certificates open ws-srv (guide §10)."""

_BY_COMMON_NAME: Final = {name.common_name: name for name in (*ROOTS, *AUTHORITIES)}


def by_common_name(common_name: str) -> AuthorityName:
    """The root or authority of that name.

    Raises:
        KeyError: the IGC-Santé has none.
    """
    return _BY_COMMON_NAME[common_name]


def find(environment: Environment, gamme: Gamme, population: Population) -> AuthorityName:
    """The authority that issues a gamme to a population.

    Raises:
        KeyError: the environment has none.
    """
    return by_common_name(AuthorityName(environment=environment, gamme=gamme, population=population).common_name)
