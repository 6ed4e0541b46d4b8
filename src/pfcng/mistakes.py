"""What a user can get wrong, told in French: faults of files, of settings and of the system."""

import errno
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_REASONS: Final = {
    errno.EACCES: "accès refusé",
    errno.EPERM: "accès refusé",
    errno.ENOENT: "le fichier n’existe pas",
    errno.EEXIST: "un fichier est là où il faut un dossier",
    errno.ENOTDIR: "un fichier est là où il faut un dossier",
    errno.EISDIR: "un dossier est là où il faut un fichier",
    errno.ENOTEMPTY: "le dossier n’est pas vide",
    errno.ENAMETOOLONG: "le nom est trop long",
    errno.ELOOP: "les liens tournent en rond",
    errno.ENOSPC: "le disque est plein",
    errno.EDQUOT: "le quota du disque est atteint",
    errno.EROFS: "le disque est en lecture seule",
    errno.EIO: "le disque ne répond pas",
    errno.EAGAIN: "il n’y a plus de place",
    errno.ENOMEM: "il n’y a plus de mémoire",
    errno.EMFILE: "trop de fichiers sont ouverts",
    errno.ENFILE: "trop de fichiers sont ouverts",
    errno.EADDRINUSE: "le port est déjà pris",
    errno.EADDRNOTAVAIL: "ce n’est pas une adresse de ce poste",
    errno.EAFNOSUPPORT: "ce poste n’a pas ce genre d’adresses",
}


def reason(error: OSError) -> str:
    """Why the system refused, in French."""
    number = error.errno or 0
    return _REASONS.get(number, f"erreur {errno.errorcode.get(number, number)} du système")


def place(error: OSError) -> Path | None:
    """Which file is at fault: the one that was asked for, or the one that is where a folder should be above it."""
    if not isinstance(error.filename, str | Path):
        return None
    path = Path(error.filename)
    return next((above for above in path.parents if above.is_file()), path)


_TOML_PLACE: Final = re.compile(r"at line (\d+), column (\d+)")


def toml_fault(error: tomllib.TOMLDecodeError | UnicodeDecodeError) -> str:
    """Where a file ceases to be TOML in UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return f"ce n’est pas un fichier TOML en UTF-8 (ligne {line})"
    found = _TOML_PLACE.search(str(error))
    place = f"ligne {found[1]}, colonne {found[2]}" if found else "la fin manque"
    return f"ce n’est pas un fichier TOML en UTF-8 ({place})"


_QUOTED: Final = re.compile(r"'([^']*)'")
_FAULTS: Final = {
    "missing": "valeur obligatoire",
    "extra_forbidden": "nom inconnu",
    "string_type": "texte attendu",
    "bool_type": "true ou false attendu",
    "bool_parsing": "true ou false attendu",
    "int_type": "nombre entier attendu",
    "int_parsing": "nombre entier attendu",
    "int_parsing_size": "nombre trop grand",
    "int_from_float": "nombre entier attendu",
    "tuple_type": "liste attendue",
    "frozen_set_type": "liste attendue",
    "model_type": "table attendue",
    "date_type": "jour attendu, comme 2027-01-31",
    "date_parsing": "jour attendu, comme 2027-01-31",
    "date_from_datetime_parsing": "jour attendu, comme 2027-01-31",
    "date_from_datetime_inexact": "jour attendu, sans heure",
    "ip_any_network": "réseau attendu, comme 10.0.0.0/8",
    "path_type": "chemin attendu",
    "float_type": "nombre attendu",
    "float_parsing": "nombre attendu",
}


def french(fault: "ErrorDetails") -> str:
    """What is wrong with a value, without the value."""
    context = fault.get("ctx", {})
    match fault["type"]:
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            return f"valeur hors de la liste : {', '.join(_QUOTED.findall(str(context['expected'])))}"
        case "greater_than_equal":
            return f"nombre d’au moins {context['ge']} attendu"
        case "less_than_equal":
            return f"nombre d’au plus {context['le']} attendu"
        case other:
            return _FAULTS.get(other, "valeur refusée")
