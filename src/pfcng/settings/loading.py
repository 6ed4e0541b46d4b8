"""How settings are read: one TOML file and the environment, which counts more."""

import tomllib
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from pfcng.settings.kinds import FromFile, is_open
from pfcng.settings.strangers import Strangers


class FileSettings(BaseSettings):
    """Settings of a file, whose paths are relative to it, and of the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file; then what in the environment is nothing's."""
        return (env_settings, init_settings, Strangers(settings_cls, FileSettings.__subclasses__()))

    @classmethod
    def load(cls, file: Path | None) -> Self:
        """Read the file, if there is one, and the environment.

        Raises:
            OSError: The file cannot be read.
            TOMLDecodeError: or UnicodeDecodeError: it is not TOML.
            ValidationError: With all the faults at once.
            SettingsError: A variable is not the JSON it has to be.
        """
        if file is None:
            return cls()
        return cls.parse(file.read_text("utf-8"), file.resolve().parent, is_open=is_open(file))

    @classmethod
    def parse(cls, text: str, folder: Path, *, is_open: bool = False) -> Self:
        """As `load`, from the text of a file in that folder.

        Args:
            text: TOML.
            folder: What its paths are relative to.
            is_open: Other accounts of the machine can read the file.
        """
        read = _Reader(folder, is_open=is_open)
        return cls(**read.table(tomllib.loads(text), cls))

    @classmethod
    def valid_parts(cls, text: str, folder: Path) -> dict[str, Any]:
        """The settings that are valid by themselves, whatever is wrong with others."""
        try:
            return dict(cls.parse(text, folder))
        except ValidationError:
            merged = _MERGED.get()
        parts = {}
        for name in cls.model_fields.keys() & merged.keys():
            with suppress(ValidationError):
                parts[name] = TypeAdapter(cls.model_fields[name].rebuild_annotation()).validate_python(merged[name])
        return parts

    @model_validator(mode="before")
    @classmethod
    def _remember(cls, merged: dict[str, Any]) -> dict[str, Any]:
        _MERGED.set(merged)
        return merged


_MERGED: ContextVar[dict[str, Any]] = ContextVar("merged")
"""What file and environment told last, before any of it was checked."""


class _Reader:
    """Goes through a document along the types of its settings."""

    def __init__(self, folder: Path, *, is_open: bool) -> None:
        self._folder = folder
        self._is_open = is_open

    def table(self, document: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
        """The table of a model, with its relative paths made absolute and its texts marked."""
        fields = model.model_fields
        return {
            name: self._value(value, _kinds(fields[name].annotation)) if name in fields else value
            for name, value in document.items()
        }

    def _value(self, value: Any, kinds: frozenset[object]) -> Any:
        """A value of a setting that takes these types and words."""
        if isinstance(value, list):
            return [self._value(each, kinds) for each in value]
        if isinstance(value, dict):
            models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
            return self.table(value, models[0]) if models else value
        if not isinstance(value, str):
            return value
        is_path = Path in kinds and value not in kinds and "://" not in value
        return self._folder / value if is_path else FromFile(value, is_open=self._is_open)


def _kinds(annotation: object) -> frozenset[object]:
    """The types at the leaves of an annotation, and the words of its literals."""
    inner = get_args(annotation)
    return frozenset().union(*map(_kinds, inner)) if inner else frozenset({annotation})
