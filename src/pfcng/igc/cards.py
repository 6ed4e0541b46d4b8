"""CPx cards as an emulator makes them: who holds one, and what its two certificates say.

Source: guide §6.1, §11; the decoded cards of the IGC-Santé.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from cryptography import x509

from pfcng.contract.catalogue import Environment
from pfcng.domain import departements
from pfcng.igc import builder
from pfcng.igc.builder import Holder
from pfcng.igc.profiles import person_extensions, person_name
from pfcng.igc.requests import OrganisationIdentity, PersonSubject
from pfcng.pki import private_extensions
from pfcng.pki.authorities import AuthorityName, Gamme, Population, find
from pfcng.pki.products import AUTH_UPN, CARD, SIGN_PERSON, TEST_POLICY, Usages


class CardType(StrEnum):
    """Types of cards (guide §4): professional, in training, director, employee, authorised staff."""

    CPS = "CPS"
    CPF = "CPF"
    CDE = "CDE"
    CPE = "CPE"
    CPA = "CPA"


class CardUse(Enum):
    """The two certificates of a card."""

    AUTH = "auth"
    SIGN = "sign"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStructure:
    """The structure of an employee's card; ``departement`` is its code (``69``)."""

    raison_sociale: str
    id_nat: str
    departement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSpec:
    """A card to make.

    Attributes:
        name: Names its files.
        id_nat: National identifier of the holder, with its type digit.
        title: Profession, or the title of employees.
        profession: Code of TRE_G15 (CPS) or of TRE_G16 (CPF); None for employees.
        structure: Of CDE, CPE and CPA cards; None for CPS and CPF.
        revoked: Both certificates are on the CRL.
        expired: Both certificates are past their validity.
    """

    name: str
    card_type: CardType
    environment: Environment
    id_nat: str
    nom: str
    prenom: str
    title: str
    profession: int | None = None
    savoir_faire: tuple[str, ...] = ()
    structure: CardStructure | None = None
    revoked: bool = False
    expired: bool = False

    @property
    def is_professional(self) -> bool:
        """Whether the card is a person's own (CPS, CPF) and not a structure's."""
        return self.card_type in {CardType.CPS, CardType.CPF}

    @property
    def authority(self) -> AuthorityName:
        """Who issues it."""
        return find(self.environment, Gamme.FORT if self.is_professional else Gamme.STANDARD, Population.PERSONNES)

    @property
    def number(self) -> str:
        """Its ten digits, always the same for a name and an environment."""
        digest = hashlib.sha256(f"{self.environment}/{self.name}".encode()).digest()
        return f"2{int.from_bytes(digest[:8], 'big') % 10**9:09}"


_TYPE_NUMBER: Final = {CardType.CPS: 0, CardType.CPF: 1, CardType.CDE: 2, CardType.CPE: 2, CardType.CPA: 3}
"""TRE_G02."""
_CARD_ISSUER: Final = "8025000001"
_USAGES: Final[dict[CardUse, Usages]] = {CardUse.AUTH: AUTH_UPN, CardUse.SIGN: SIGN_PERSON}
_POLICY_ARC: Final = "1.2.250.1.213.1.7.1"
_GAMME_NUMBER: Final = {Gamme.STANDARD: 2, Gamme.FORT: 3}
_USE_NUMBER: Final = {CardUse.AUTH: 1, CardUse.SIGN: 2}


def card_holder(spec: CardSpec, use: CardUse, spki: bytes) -> Holder:
    """What one of the certificates of a card says."""
    person = _person(spec)
    return Holder(
        authority=spec.authority,
        subject=person_name(person),
        spki=spki,
        usages=_USAGES[use],
        policy=_policy(spec, use),
        names=(builder.upn_name(_upn(spec)),) if use is CardUse.AUTH else (),
        category=CARD[spec.environment],
        private=(
            (private_extensions.CARD_TYPE, builder.integer(_TYPE_NUMBER[spec.card_type])),
            (private_extensions.CARD_NUMBER, builder.printable_string(f"{_CARD_ISSUER}/{spec.number}")),
            *person_extensions(person),
        ),
    )


def _person(spec: CardSpec) -> PersonSubject:
    in_training = spec.card_type is CardType.CPF
    return PersonSubject(
        id_nat=spec.id_nat,
        nom=spec.nom,
        prenom=spec.prenom,
        title=spec.title,
        profession_code=None if in_training else spec.profession,
        formation_code=spec.profession if in_training else None,
        savoir_faire=spec.savoir_faire,
        organisation=_organisation(spec.structure) if spec.structure and not spec.is_professional else None,
    )


def _organisation(structure: CardStructure) -> OrganisationIdentity:
    return OrganisationIdentity(
        departement_label=departements.label(structure.departement),
        raison_sociale=structure.raison_sociale,
        id_nat_struct=structure.id_nat,
    )


def _upn(spec: CardSpec) -> str:
    """A professional's has a dot after the type digit; an employee's is the CN as it is."""
    local = f"{spec.id_nat[0]}.{spec.id_nat[1:]}" if spec.is_professional else spec.id_nat
    return f"{local}@carte-cps.fr"


def _policy(spec: CardSpec, use: CardUse) -> x509.ObjectIdentifier:
    if spec.environment is Environment.TEST:
        return TEST_POLICY
    # [I] No production card was seen: its policies are built as those of the software certificates are.
    return x509.ObjectIdentifier(f"{_POLICY_ARC}.{_GAMME_NUMBER[spec.authority.gamme]}.1.{_USE_NUMBER[use]}.1")
