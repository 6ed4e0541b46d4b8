"""The settings told to people: a commented file, and the rows of a table, both made from the tree itself."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pfcng.settings import PlatformSettings

_WIDTH: Final = 110
_SHOWN: Final = ("emettrices", "courrier", "emettrices.cle", "courrier.serveur")
"""What may be left out and most platforms have: not commented in the example."""
_SHOWN_AGAIN: Final = ("cle",)
"""What is told again of a table like one before."""
_HEAD: Final = """\
# Les réglages de pfcng serve, pfcng worker et pfcng migrer.
#
# Les chemins partent du dossier de ce fichier. Chaque réglage peut aussi venir de l’environnement, qui l’emporte :
# PFCNG_DSN, PFCNG_SERVEUR__CLE… ; une liste ou une table s’y écrit en JSON. Une ligne « #nom = valeur » montre un
# réglage facultatif, avec la valeur qu’il a sans elle ou un exemple. pfcng config verifier lit tout ce fichier.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A leaf of the tree, or a table.

    Attributes:
        path: ``serveur.cle``.
        text: What it is for; French.
        is_required: Whether there is no default.
        default: As TOML writes it; None when there is none, or nothing.
        example: As TOML writes it.
        model: Of a table, or of a list of tables: its settings follow.
        is_list: A list of tables.
    """

    path: str
    text: str
    is_required: bool
    default: str | None
    example: str
    model: type[BaseModel] | None = None
    is_list: bool = False

    @property
    def is_table(self) -> bool:
        """A table, or a list of tables."""
        return self.model is not None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]


def settings() -> Iterator[Setting]:
    """Every setting of a platform, those of a table after it."""
    return _settings(PlatformSettings, "")


def example_file() -> str:
    """A file that `PlatformSettings` reads once its paths lead somewhere; every setting is in it."""
    listed = [one for one in settings() if one.example or one.is_table]
    top = [one for one in listed if "." not in one.path and not one.is_table]
    lines = [_HEAD, *(_entry(one, is_shown=one.is_required) for one in top)]
    told: set[type[BaseModel] | None] = set()
    for table in (one for one in listed if one.is_table):
        is_shown = table.is_required or table.path in _SHOWN
        heading = f"[[{table.path}]]" if table.is_list else f"[{table.path}]"
        lines.append(f"{_comment(table.text)}{'' if is_shown else '#'}{heading}\n")
        inside = [one for one in listed if one.path.startswith(f"{table.path}.")]
        if table.model in told:  # its settings are above
            inside = [one for one in inside if one.is_required or one.name in _SHOWN_AGAIN]
        told.add(table.model)
        lines += [_entry(one, is_shown=is_shown and (one.is_required or one.path in _SHOWN)) for one in inside]
    return "\n".join(lines)


def _settings(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        text, example = _told(model, name)
        inner = next((kind for kind in _leaves(field.annotation) if issubclass(kind, BaseModel)), None)
        default = None if field.is_required() else _toml(field.get_default())
        yield Setting(
            path=prefix + name,
            text=text,
            is_required=field.is_required(),
            default=default,
            example=_toml(example) or default or "",
            model=inner,
            is_list=inner is not None and tuple in _origins(field.annotation),
        )
        if inner is not None:
            yield from _settings(inner, f"{prefix}{name}.")


def _told(model: type[BaseModel], name: str) -> tuple[str, object]:
    """The text and the example of a setting: a class that narrows what it may be says no more of it."""
    told = [fields[name] for fields in _all_fields(model) if name in fields and fields[name].description]
    [text, *_] = [field.description or "" for field in told]
    return text, next((field.examples[0] for field in told if field.examples), None)


def _all_fields(model: type[BaseModel]) -> Iterator[dict[str, FieldInfo]]:
    return (each.model_fields for each in model.__mro__ if issubclass(each, BaseModel) and each is not BaseModel)


def _leaves(annotation: Any) -> Iterator[type]:
    inner = get_args(annotation)
    if not inner and isinstance(annotation, type):
        yield annotation
    for each in inner:
        yield from _leaves(each)


def _origins(annotation: Any) -> set[object]:
    return {getattr(annotation, "__origin__", None), *(getattr(a, "__origin__", None) for a in get_args(annotation))}


def _toml(value: object) -> str | None:
    """A value as TOML has it; nothing for None."""
    match value:
        case None | BaseModel():
            return None
        case bool():
            return str(value).lower()
        case timedelta():
            return f"{value.total_seconds():g}"
        case list() | tuple() | frozenset():
            return f"[{', '.join(filter(None, map(_toml, value)))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _entry(setting: Setting, *, is_shown: bool) -> str:
    return f"{_comment(setting.text)}{'' if is_shown else '#'}{setting.name} = {setting.example}\n"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH))
