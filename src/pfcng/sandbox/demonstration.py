"""The demonstration world of the sandbox, read from its TOML file: structures, cards, habilitations."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from pfcng.contract.catalogue import Environment
from pfcng.domain.annuaire import Habilitation, Personne, Structure
from pfcng.igc.cards import CardSpec, CardStructure
from pfcng.sandbox.entries import CardEntry, HabilitationEntry, StructureEntry, holders
from pfcng.sandbox.reading import read
from pfcng.store.database import DbConnection
from pfcng.store.demonstration import replace_demonstration


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """The whole file, without a fault; structures and cards by name."""

    structures: Mapping[str, StructureEntry]
    cartes: Mapping[str, CardEntry]
    habilitations: tuple[HabilitationEntry, ...]

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
        """Bring the annuaire and the habilitations of the database to what the file holds."""
        replace_demonstration(
            connection,
            structures=list(self._structures()),
            personnes=list(self._personnes()),
            habilitations={environment: list(self._habilitations(environment)) for environment in Environment},
        )

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
        for cards in holders(self.cartes).values():
            card = next(iter(cards.values()))
            yield Personne(
                environment=card.environnement,
                id_nat=card.id_nat,
                genre=card.genre,
                admin_asip=card.admin_asip,
                nom=card.nom,
                prenom=card.prenom,
                titre=card.titre,
                profession=card.profession,
                savoir_faire=card.savoir_faire,
                structures=frozenset(self.structures[name].id_nat for one in cards.values() for name in one.structures),
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
    entries = read(path)
    return Demonstration(structures=entries.structures, cartes=entries.cartes, habilitations=entries.habilitations)
