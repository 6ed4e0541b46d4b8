"""The formats of the published registers, and our own for employees: a line in, a row of staging out. Pure.

Source: docs/annuaire.md.
"""

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, Protocol, TypeVar

from pfcng.contract.identifiers import (
    employer,
    has_good_key_personne,
    has_good_key_structure,
    is_personne,
    is_structure,
)
from pfcng.domain import departements
from pfcng.domain.annuaire import EMPLOYEE_TITLE, Genre
from pfcng.store.annuaire_import import PersonneRow, Row, StructureRow

_T = TypeVar("_T")
_PS, _PF = Genre.PS.value, Genre.PF.value
_STUDENT: Final = "E"
"""Category of TRE_R09: « Etudiant »; the others exercise."""

_ORDINAL: Final = "S"
"""Type of the savoir-faire that certificates carry: ordinal specialities."""
_FINESS_DEPARTEMENTS: Final = {
    "9A": "971",
    "9B": "972",
    "9C": "973",
    "9D": "974",
    "9E": "975",
    "9F": "976",
    "9J": "986",
}
"""FINESS writes overseas départements in two characters."""


class UnknownFormat(ValueError):
    """The first line is not that of a format that is read; the message is French."""


class BadLine(Exception):
    """A line that cannot be read, with a French reason, and whose it is when that much is known."""

    def __init__(self, reason: str, id_nat: str | None = None) -> None:
        super().__init__(reason)
        self.id_nat = id_nat


class Reader(Protocol):
    """A format.

    Attributes:
        name: What the format is called.
        kind: What its rows are.
    """

    name: str
    kind: type[Row]

    def read(self, line: str) -> Row | None:
        """The row of a line without its end, or None for a line that has nothing to tell.

        Raises:
            BadLine: The line cannot be read.
        """


class LibreAcces:
    """PS_LibreAcces_Personne_activite: ``|`` between and after the columns, no quotes, columns known by their names."""

    name = "PS_LibreAcces"
    kind: type[Row] = PersonneRow

    def __init__(self, header: str) -> None:
        names = [_normalised(name) for name in header.split("|")]
        self._width = len(names)
        self._pick = itemgetter(*_positions(names, self.name, _LIBRE_ACCES))

    def read(self, line: str) -> PersonneRow:
        """One activity of one professional."""
        cells = line.split("|")
        if len(cells) != self._width:
            raise BadLine(f"{self._width - 1} colonnes attendues, {len(cells) - 1} lues")
        id_nat, nom, prenom, categorie, profession, titre, type_, savoir_faire, *activity = self._pick(cells)
        _check_personne(id_nat)
        try:
            # By position: a million keyword calls take two seconds more.
            return PersonneRow(
                id_nat,
                _PF if categorie == _STUDENT else _PS,
                None,
                _text(nom, "nom d’exercice"),
                _text(prenom, "prénom d’exercice"),
                _title(titre),
                _profession(profession),
                _text(savoir_faire, "savoir-faire") if savoir_faire and type_ == _ORDINAL else None,
                *_activity(*activity),
            )
        except BadLine as fault:
            raise BadLine(str(fault), id_nat) from None


class Finess:
    """FINESS etalab, establishments (cs1100502, cs1100507) and legal entities (cs1100501): ``;``, no header."""

    name = "FINESS"
    kind: type[Row] = StructureRow

    _LAYOUTS: Final[Mapping[str, tuple[int, int]]] = {"structureet": (32, 3), "structureej": (23, 2)}
    """Type of record → number of fields, position of rs, which rslongue follows."""
    _DEPARTEMENT: Final = 13
    _IGNORED: Final = "geolocalisation"

    def read(self, line: str) -> StructureRow | None:
        """One establishment or legal entity; nothing for a geolocalisation."""
        cells = _semicolons(line)
        if cells[0] == self._IGNORED:
            return None
        if cells[0] not in self._LAYOUTS:
            raise BadLine(f"type d’enregistrement inconnu : {cells[0][:20]!r}")
        width, name = self._LAYOUTS[cells[0]]
        if len(cells) != width:
            raise BadLine(f"{width} champs attendus, {len(cells)} lus")
        id_nat = f"1{cells[1]}"
        if not is_structure(id_nat):
            raise BadLine(f"numéro FINESS de forme inconnue : {cells[1][:20]!r}")
        return StructureRow(
            id_nat=id_nat,
            raison_sociale=_text(cells[name + 1] or cells[name], "raison sociale"),
            departement=_departement(cells[self._DEPARTEMENT]),
        )


class Employes:
    """The project's own CSV for employees of structures, whom no register publishes."""

    name = "employés"
    kind: type[Row] = PersonneRow

    def __init__(self, header: str) -> None:
        names = [_normalised(name) for name in _semicolons(header)]
        unknown = sorted({*names} - {*_EMPLOYES})
        if unknown:
            raise UnknownFormat(f"colonnes inconnues dans un fichier d’employés : {', '.join(unknown)}")
        if len({*names}) < len(names):
            raise UnknownFormat("une colonne est deux fois dans la première ligne du fichier d’employés")
        mandatory = {name: (name,) for name in _EMPLOYES_MANDATORY}
        _positions(names, "fichier d’employés", mandatory)
        self._names = names

    def read(self, line: str) -> PersonneRow | None:
        """One structure of one employee."""
        cells = _semicolons(line)
        if not any(cells):
            return None
        if len(cells) != len(self._names):
            raise BadLine(f"{len(self._names)} colonnes attendues, {len(cells)} lues")
        read = dict(zip(self._names, map(str.strip, cells), strict=True))
        id_nat = read["id_nat"]
        _check_personne(id_nat)
        try:
            return _employee(id_nat, read)
        except BadLine as fault:
            raise BadLine(str(fault), id_nat) from None


def recognise(first_line: str) -> Reader:
    """The format of a file, of its first line.

    Raises:
        UnknownFormat: None, or one that lacks columns.
    """
    if first_line.startswith("finess;etalab;"):
        return Finess()
    if "|" in first_line and "identification nationale pp" in map(_normalised, first_line.split("|")):
        return LibreAcces(first_line)
    if ";" in first_line and "id_nat" in map(_normalised, _semicolons(first_line)):
        return Employes(first_line)
    raise UnknownFormat("ce n’est ni PS_LibreAcces_Personne_activite, ni FINESS etalab, ni un fichier d’employés")


def doubts(row: Row) -> Sequence[str]:
    """What is odd in a row, and is told without refusing it."""
    if isinstance(row, StructureRow):
        return () if has_good_key_structure(row.id_nat) else (f"clé de contrôle fausse : structure {row.id_nat}",)
    found = []
    if not has_good_key_personne(row.id_nat):
        found.append(f"clé de contrôle fausse : personne {row.id_nat}")
    if row.structure is None:
        return found
    if row.raison_sociale is None and not is_structure(row.structure):  # one that is described has the form
        found.append(f"identifiant de structure de forme inconnue, rattachement ignoré : {row.structure[:64]!r}")
    elif not has_good_key_structure(row.structure):
        found.append(f"clé de contrôle fausse : structure {row.structure}")
    return found


_LIBRE_ACCES: Final[Mapping[str, tuple[str, ...]]] = {
    "Identification nationale PP": ("identification nationale pp",),
    "Nom d'exercice": ("nom d'exercice", "nom exercice"),
    "Prénom d'exercice": ("prénom d'exercice", "prénom exercice"),
    "Code catégorie professionnelle": ("code catégorie professionnelle",),
    "Code profession": ("code profession",),
    "Libellé profession": ("libellé profession",),
    "Code type savoir-faire": ("code type savoir-faire",),
    "Code savoir-faire": ("code savoir-faire",),
    "Ancien identifiant de la structure": ("ancien identifiant de la structure",),
    "Raison sociale site": ("raison sociale site",),
    "Code Département (structure)": ("code département (structure)", "code département (coord. structure)"),
}
"""Columns that are read, in the order in which ``LibreAcces.read`` takes them, with the names they have had."""

_EMPLOYES_MANDATORY: Final = ("id_nat", "nom", "prenom", "genre")
_EMPLOYES: Final = (*_EMPLOYES_MANDATORY, "id_nat_struct", "titre", "admin_asip", "raison_sociale", "departement")


_GENRES: Final = {genre.value: genre.value for genre in (Genre.PE, Genre.PA)}
_YES_NO: Final = {"": False, "non": False, "oui": True}


def _employee(id_nat: str, read: Mapping[str, str]) -> PersonneRow:
    structure = read.get("id_nat_struct") or employer(id_nat)
    raison_sociale, departement = read.get("raison_sociale"), read.get("departement")
    admin_asip = read.get("admin_asip")
    if structure is not None and not is_structure(structure):
        raise BadLine(f"identifiant de structure de forme inconnue : {structure[:64]!r}")
    if bool(raison_sociale) != bool(departement):
        raise BadLine("raison_sociale et departement vont ensemble")
    if raison_sociale and structure is None:
        raise BadLine("raison_sociale sans id_nat_struct")
    return PersonneRow(
        id_nat=id_nat,
        genre=_choice(read["genre"], _GENRES, "genre"),
        admin_asip=None if admin_asip is None else _choice(admin_asip.lower(), _YES_NO, "admin_asip"),
        nom=_text(read["nom"], "nom"),
        prenom=_text(read["prenom"], "prenom"),
        titre=_text(read.get("titre") or EMPLOYEE_TITLE, "titre"),
        structure=structure,
        raison_sociale=_text(raison_sociale, "raison_sociale") if raison_sociale else None,
        departement=_departement(departement) if departement else None,
    )


def _activity(structure: str, raison_sociale: str, departement: str) -> tuple[str | None, str | None, str | None]:
    """The structure of an activity, with the two data that make it one that can be created, or neither."""
    if departement:
        departement = _departement(departement)
    if not structure:
        return None, None, None
    if not structure.isprintable():
        raise BadLine("identifiant de structure illisible")
    if raison_sociale and departement and is_structure(structure):
        return structure, _text(raison_sociale, "raison sociale"), departement
    return structure, None, None


def _check_personne(id_nat: str) -> None:
    if not is_personne(id_nat):
        raise BadLine(f"identifiant national de personne de forme inconnue : {id_nat[:64]!r}")


@lru_cache
def _title(label: str) -> str:
    return _text(label, "libellé de la profession")


@lru_cache
def _profession(code: str) -> int:
    if not (code.isascii() and code.isdecimal() and len(code) <= 4):
        raise BadLine(f"code de profession illisible : {code[:20]!r}")
    return int(code)


@lru_cache
def _departement(code: str) -> str:
    """The code of a département that has a label.

    Raises:
        BadLine: It has none.
    """
    code = _FINESS_DEPARTEMENTS.get(code, code)
    try:
        departements.label(code)
    except KeyError:
        raise BadLine(f"département inconnu : {code[:20]!r}") from None
    return code


def _text(value: str, what: str) -> str:
    """A text for a certificate: its white space made single spaces, nothing unprintable in it.

    Raises:
        BadLine: It is empty or has control characters.
    """
    text = " ".join(value.split())
    if not text:
        raise BadLine(f"{what} absent")
    if not text.isprintable():
        raise BadLine(f"{what} illisible : caractère de contrôle")
    return text


def _choice(value: str, choices: Mapping[str, _T], column: str) -> _T:
    if value not in choices:
        raise BadLine(f"{column} : {value[:20]!r} n’est pas l’une des valeurs {', '.join(filter(None, choices))}")
    return choices[value]


def _semicolons(line: str) -> list[str]:
    """The fields of a line, one when they cannot be told; quotes are rare, and then doubled inside."""
    if '"' not in line:
        return line.split(";")
    try:
        return next(csv.reader([line], delimiter=";"))
    except csv.Error:
        return [line]


def _positions(names: Sequence[str], what: str, wanted: Mapping[str, tuple[str, ...]]) -> tuple[int, ...]:
    found = {
        shown: next((names.index(name) for name in known if name in names), None) for shown, known in wanted.items()
    }
    missing = [shown for shown, position in found.items() if position is None]
    if missing:
        raise UnknownFormat(f"{what} : colonnes absentes de la première ligne : {', '.join(missing)}")
    return tuple(position for position in found.values() if position is not None)


def _normalised(name: str) -> str:
    """The name of a column without what varies between extractions: case, spaces, apostrophes, form of accents."""
    return " ".join(unicodedata.normalize("NFC", name).replace("’", "'").casefold().split())
