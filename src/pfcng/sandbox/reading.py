"""The demonstration file as entries: every fault of it is found before one is told."""

import tomllib
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pfcng.contract.catalogue import Environment
from pfcng.mistakes import french, reason, toml_fault
from pfcng.sandbox.entries import NAME, CardEntry, HabilitationEntry, StructureEntry, holders
from pfcng.sandbox.mistakes import SandboxError


class DemonstrationError(SandboxError):
    """The file of the demonstration world is wrong; the message is French and lists every fault."""


_TABLES: Final = ("structures", "cartes")
_LIST: Final = "habilitations"
_PERSON: Final = ("genre", "nom", "prenom", "titre", "profession", "savoir_faire", "admin_asip")
"""What all the cards of a person must agree on, in the annuaire."""


def read(path: Path) -> "Entries":
    """Read the file.

    Raises:
        DemonstrationError: With every fault of the file.
    """
    entries = Entries(_parse(path))
    if entries.faults:
        raise DemonstrationError("\n  ".join([f"{path} contient des erreurs :", *entries.faults]))
    return entries


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DemonstrationError(f"{path} ne peut pas être lu : {reason(error)}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DemonstrationError(f"{path} : {toml_fault(error)}.") from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        raise DemonstrationError(f"{path} n’est pas un fichier TOML correct.") from error


_Entry = TypeVar("_Entry", bound=BaseModel)


class Entries:
    """The three tables, all read, so that the faults of one do not hide those of another.

    Attributes:
        structures: Those without a fault, by name.
        cartes: Idem.
        habilitations: Those without a fault.
        faults: French, in the order of the file and then those between entries.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.faults = [f"{name} : nom inconnu" for name in document if name not in {*_TABLES, _LIST}]
        self._named = {table: self._table(document, table) for table in _TABLES}
        self.structures = dict(self._entries("structures", StructureEntry))
        self.cartes = dict(self._entries("cartes", CardEntry))
        self._listed = self._list(document)
        self.habilitations = tuple(self._rights())
        self.faults += [*self._structure_faults(), *self._card_faults(), *self._right_faults()]

    def _table(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        table = document.get(name)
        if not isinstance(table, dict):
            self.faults.append(f"{name} : {'valeur obligatoire' if table is None else 'table attendue'}")
            return {}
        return table

    def _entries(self, table: str, model: type[_Entry]) -> Iterator[tuple[str, _Entry]]:
        for name, value in self._named[table].items():
            if not NAME.fullmatch(name):
                self.faults.append(
                    f"{table}.{name!r} : le nom doit avoir 1 à 64 lettres minuscules, chiffres ou tirets"
                )
                continue
            entry = self._entry(f"{table}.{name}", model, value)
            if entry is not None:
                yield name, entry

    def _list(self, document: dict[str, Any]) -> list[Any]:
        listed = document.get(_LIST, [])
        if not isinstance(listed, list):
            self.faults.append(f"{_LIST} : liste attendue, chaque habilitation sous [[{_LIST}]]")
            return []
        return listed

    def _rights(self) -> Iterator[HabilitationEntry]:
        for number, value in enumerate(self._listed, start=1):
            entry = self._entry(f"{_LIST} n° {number}", HabilitationEntry, value)
            if entry is not None:
                yield entry

    def _entry(self, where: str, model: type[_Entry], value: Any) -> _Entry | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                place = "".join(f" n° {step + 1}" if isinstance(step, int) else f".{step}" for step in fault["loc"])
                self.faults.append(f"{where}{place} : {french(fault)}")
            return None

    def _structure_faults(self) -> Iterator[str]:
        known: dict[tuple[Environment, str], str] = {}
        for name, entry in self.structures.items():
            for environment in set(entry.environnements):
                other = known.setdefault((environment, entry.id_nat), name)
                if other != name:
                    yield f"structures {other} et {name} : même id_nat dans l’environnement {environment}"

    def _card_faults(self) -> Iterator[str]:
        for name, value in self._named["cartes"].items():
            card = self.cartes.get(name)
            named = _texts(value, "structure", "exerce")
            yield from self._missing(f"cartes.{name}", named, card.environnement if card else None)
            if f"{name}-srv" in self._named["cartes"]:
                yield f"cartes.{name}-srv : ce nom est déjà celui d’un profil de la carte {name}"
        for cards in holders(self.cartes).values():
            first, *others = cards
            for other, field in product(others, _PERSON):
                if getattr(cards[first], field) != getattr(cards[other], field):
                    yield f"cartes {first} et {other} : même id_nat, mais {field} n’est pas le même"

    def _right_faults(self) -> Iterator[str]:
        for number, value in enumerate(self._listed, start=1):
            where = f"{_LIST} n° {number}"
            for acteur in _texts(value, "acteur"):
                if acteur not in self._named["cartes"]:
                    yield f"{where} : carte {acteur!r} inconnue"
                card = self.cartes.get(acteur)
                yield from self._missing(where, _texts(value, "structure"), card.environnement if card else None)

    def _missing(self, where: str, names: Iterable[str], environment: Environment | None) -> Iterator[str]:
        for name in names:
            entry = self.structures.get(name)
            if name not in self._named["structures"]:
                yield f"{where} : structure {name!r} inconnue"
            elif entry and environment and environment not in entry.environnements:
                yield f"{where} : structure {name} absente de l’environnement {environment}"


def _texts(value: Any, *fields: str) -> list[str]:
    """The texts in these fields of an entry that may have any fault."""
    found = [value.get(field) for field in fields] if isinstance(value, dict) else []
    flat = [text for one in found for text in (one if isinstance(one, list) else [one])]
    return [text for text in flat if isinstance(text, str)]
