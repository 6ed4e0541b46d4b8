"""The demonstration world of the sandbox, read from its TOML file: structures, cards, habilitations."""

import shutil
import tomllib
from collections.abc import Iterable
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pfcng.contract.catalogue import Environment, Offre
from pfcng.domain import departements
from pfcng.domain.annuaire import Genre, Habilitation, Personne, Structure
from pfcng.sandbox.cards import CardSpec, CardStructure, CardType
from pfcng.store.annuaire import save_habilitations, save_personnes, save_structures
from pfcng.store.database import DbConnection


class DemonstrationError(ValueError):
    """The file of the demonstration world is wrong; the message is French and lists every fault."""


_GENRES = {
    CardType.CPS: Genre.PS,
    CardType.CPF: Genre.PF,
    CardType.CDE: Genre.PE,
    CardType.CPE: Genre.PE,
    CardType.CPA: Genre.PA,
}
_EMPLOYEE_TITLE = "Personnel santé ou social"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StructureEntry(_Part):
    """A structure of the file."""

    id_nat: str
    raison_sociale: str
    departement: str
    environnements: tuple[Environment, ...] = (Environment.TEST,)

    @model_validator(mode="after")
    def _known_departement(self) -> "StructureEntry":
        try:
            departements.label(self.departement)
        except KeyError:
            raise ValueError(f"département inconnu : {self.departement}") from None
        return self


class CardEntry(_Part):
    """A card of the file, and its holder."""

    type: CardType
    environnement: Environment = Environment.TEST
    id_nat: str
    nom: str
    prenom: str
    profession: int | None = None
    titre: str = _EMPLOYEE_TITLE
    savoir_faire: tuple[str, ...] = ()
    structure: str | None = None
    exerce: tuple[str, ...] = ()
    admin_asip: bool = False
    annuaire: bool = True
    revoquee: bool = False
    expiree: bool = False

    @model_validator(mode="after")
    def _complete(self) -> "CardEntry":
        if _GENRES[self.type] in {Genre.PS, Genre.PF}:
            if self.profession is None:
                raise ValueError(f"une carte {self.type} a besoin d’une profession")
        elif self.structure is None:
            raise ValueError(f"une carte {self.type} a besoin d’une structure")
        return self


class HabilitationEntry(_Part):
    """An explicit habilitation of the file."""

    acteur: str
    offre: Literal[Offre.PRO, Offre.ORG, Offre.SERV]
    structure: str
    domaine: str | None = None
    debut: date | None = None
    fin: date | None = None

    @model_validator(mode="after")
    def _domain(self) -> "HabilitationEntry":
        if (self.domaine is None) != (self.offre is Offre.ORG):
            raise ValueError("domaine : obligatoire pour PRO et SERV, interdit pour ORG")
        return self


class Demonstration(_Part):
    """The whole file."""

    structures: dict[str, StructureEntry]
    cartes: dict[str, CardEntry]
    habilitations: tuple[HabilitationEntry, ...] = ()

    @model_validator(mode="after")
    def _known_names(self) -> "Demonstration":
        faults = [
            f"carte {name} : structure {structure} inconnue dans l’environnement {card.environnement}"
            for name, card in self.cartes.items()
            for structure in filter(None, (card.structure, *card.exerce))
            if not self._exists(structure, card.environnement)
        ]
        for habilitation in self.habilitations:
            card = self.cartes.get(habilitation.acteur)
            if card is None:
                faults.append(f"habilitation : carte {habilitation.acteur} inconnue")
            elif not self._exists(habilitation.structure, card.environnement):
                faults.append(
                    f"habilitation : structure {habilitation.structure} inconnue dans l’environnement "
                    f"{card.environnement}"
                )
        if faults:
            raise ValueError(" ; ".join(faults))
        return self

    def _exists(self, structure: str, environment: Environment) -> bool:
        entry = self.structures.get(structure)
        return entry is not None and environment in entry.environnements

    def card_specs(self) -> tuple[CardSpec, ...]:
        """The cards to make."""
        return tuple(self._card_spec(name, card) for name, card in self.cartes.items())

    def _card_spec(self, name: str, card: CardEntry) -> CardSpec:
        entry = self.structures[card.structure] if card.structure else None
        structure = CardStructure(**entry.model_dump(exclude={"environnements"})) if entry else None
        return CardSpec(
            name=name,
            card_type=card.type,
            environment=card.environnement,
            id_nat=card.id_nat,
            nom=card.nom,
            prenom=card.prenom,
            title=card.titre,
            profession=card.profession,
            savoir_faire=card.savoir_faire,
            structure=structure,
            revoked=card.revoquee,
            expired=card.expiree,
        )

    def save(self, connection: DbConnection) -> None:
        """Bring the annuaire and the habilitations of the database up to date."""
        save_structures(connection, self._structures())
        save_personnes(connection, list(self._personnes()))
        for environment in Environment:
            save_habilitations(connection, environment, self._habilitations(environment))

    def _structures(self) -> Iterable[Structure]:
        for entry in self.structures.values():
            for environment in entry.environnements:
                yield Structure(
                    environment=environment,
                    id_nat=entry.id_nat,
                    raison_sociale=entry.raison_sociale,
                    departement=entry.departement,
                )

    def _personnes(self) -> Iterable[Personne]:
        for card in self.cartes.values():
            if card.annuaire:
                yield Personne(
                    environment=card.environnement,
                    id_nat=card.id_nat,
                    genre=_GENRES[card.type],
                    admin_asip=card.admin_asip,
                    nom=card.nom,
                    prenom=card.prenom,
                    titre=card.titre,
                    profession=card.profession,
                    savoir_faire=card.savoir_faire,
                    structures=frozenset(
                        self.structures[name].id_nat for name in (card.structure, *card.exerce) if name
                    ),
                )

    def _habilitations(self, environment: Environment) -> Iterable[Habilitation]:
        for entry in self.habilitations:
            card = self.cartes[entry.acteur]
            if card.environnement is environment:
                yield Habilitation(
                    acteur=card.id_nat,
                    offre=entry.offre,
                    id_nat_struct=self.structures[entry.structure].id_nat,
                    domaine=entry.domaine,
                    debut=entry.debut,
                    fin=entry.fin,
                )


def load_demonstration(path: Path) -> Demonstration:
    """Read the file; one that does not exist is first made from the shipped one.

    Raises:
        DemonstrationError: With every fault of the file.
    """
    if not path.exists():
        with as_file(files(__package__) / "demonstration.toml") as shipped:
            shutil.copyfile(shipped, path)
    try:
        return Demonstration.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise DemonstrationError(f"{path} n’est pas un fichier TOML : {error}") from error
    except ValidationError as error:
        faults = [f"  {'.'.join(map(str, fault['loc'])) or 'fichier'} : {_french(fault)}" for fault in error.errors()]
        raise DemonstrationError("\n".join([f"{path} contient des erreurs :", *faults])) from error


_FRENCH = {
    "missing": "valeur obligatoire",
    "extra_forbidden": "nom inconnu",
    "string_type": "texte attendu",
    "bool_type": "true ou false attendu",
    "enum": "valeur hors de la liste",
    "literal_error": "valeur hors de la liste",
}


def _french(fault: object) -> str:
    assert isinstance(fault, dict)  # noqa: S101 - pydantic's ErrorDetails
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return _FRENCH.get(fault["type"], f"valeur refusée ({fault['type']})")
