"""The entries of the demonstration file, each checked by itself."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from pfcng.contract.catalogue import Environment, Offre
from pfcng.contract.identifiers import MAX_LENGTH
from pfcng.domain import departements
from pfcng.domain.annuaire import EMPLOYEE_TITLE, Genre
from pfcng.igc.cards import CardType

GENRES: Final = {
    CardType.CPS: Genre.PS,
    CardType.CPF: Genre.PF,
    CardType.CDE: Genre.PE,
    CardType.CPE: Genre.PE,
    CardType.CPA: Genre.PA,
}
"""Kind of person that holds a type of card."""
_PROFESSIONALS: Final = (CardType.CPS, CardType.CPF)
_EMPLOYEES: Final = (CardType.CDE, CardType.CPE, CardType.CPA)
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""Of structures and cards; those of cards are file names."""
_MAX_TEXT: Final = 200
_ID_NAT: Final = re.compile(rf"[!-~]{{1,{MAX_LENGTH}}}")


def _id_nat(value: str) -> str:
    if not _ID_NAT.fullmatch(value):
        raise ValueError(f"1 à {MAX_LENGTH} caractères attendus, sans espace ni accent")
    return value


def _text(value: str) -> str:
    if not 1 <= len(value.strip()) <= _MAX_TEXT or any(unicodedata.category(sign) == "Cc" for sign in value):
        raise ValueError(f"1 à {_MAX_TEXT} caractères attendus, sans caractère de contrôle")
    return value


IdNat = Annotated[str, AfterValidator(_id_nat)]
Text = Annotated[str, AfterValidator(_text)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StructureEntry(_Entry):
    """A structure of the file."""

    id_nat: IdNat
    raison_sociale: Text
    departement: str
    environnements: tuple[Environment, ...] = (Environment.TEST,)

    @field_validator("departement")
    @classmethod
    def _known(cls, code: str) -> str:
        try:
            departements.label(code)
        except KeyError:
            raise ValueError("département inconnu") from None
        return code


class CardEntry(_Entry):
    """A card of the file, and its holder."""

    type: CardType
    environnement: Environment = Environment.TEST
    id_nat: IdNat
    nom: Text
    prenom: Text
    profession: Annotated[int | None, Field(ge=1, le=999, validate_default=True)] = None
    titre: Text = EMPLOYEE_TITLE
    savoir_faire: tuple[Text, ...] = ()
    structure: Annotated[str | None, Field(validate_default=True)] = None
    exerce: tuple[str, ...] = ()
    admin_asip: bool = False
    annuaire: bool = True
    revoquee: bool = False
    expiree: bool = False

    @property
    def genre(self) -> Genre:
        """Kind of its holder."""
        return GENRES[self.type]

    @property
    def structures(self) -> tuple[str, ...]:
        """The names of the structures of its holder."""
        return tuple(filter(None, (self.structure, *self.exerce)))

    @field_validator("profession")
    @classmethod
    def _has_profession(cls, profession: int | None, info: ValidationInfo) -> int | None:
        if profession is None and info.data.get("type") in _PROFESSIONALS:
            raise ValueError(f"obligatoire pour une carte {info.data['type']}")
        return profession

    @field_validator("structure")
    @classmethod
    def _has_structure(cls, structure: str | None, info: ValidationInfo) -> str | None:
        if structure is None and info.data.get("type") in _EMPLOYEES:
            raise ValueError(f"obligatoire pour une carte {info.data['type']}")
        return structure


class HabilitationEntry(_Entry):
    """An explicit habilitation of the file."""

    acteur: str
    offre: Literal[Offre.PRO, Offre.ORG, Offre.SERV]
    structure: str
    domaine: Annotated[Text | None, Field(validate_default=True)] = None
    debut: date | None = None
    fin: date | None = None

    @field_validator("domaine")
    @classmethod
    def _fits_offre(cls, domaine: str | None, info: ValidationInfo) -> str | None:
        offre = info.data.get("offre")
        if offre is not None and (domaine is None) != (offre is Offre.ORG):
            raise ValueError("obligatoire pour PRO et SERV, interdit pour ORG")
        return domaine

    @field_validator("fin")
    @classmethod
    def _after_debut(cls, fin: date | None, info: ValidationInfo) -> date | None:
        debut = info.data.get("debut")
        if fin is not None and debut is not None and fin < debut:
            raise ValueError("avant le début")
        return fin


def holders(cards: Mapping[str, CardEntry]) -> dict[tuple[Environment, str], dict[str, CardEntry]]:
    """The cards in the annuaire, by person and by name."""
    found: dict[tuple[Environment, str], dict[str, CardEntry]] = {}
    for name, card in cards.items():
        if card.annuaire:
            found.setdefault((card.environnement, card.id_nat), {})[name] = card
    return found
