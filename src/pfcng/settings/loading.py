"""How settings are read: one TOML file and the environment, which counts more."""

import tomllib
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class FileSettings(BaseSettings):
    """Settings of a file, whose paths are relative to it, and of the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file."""
        return (env_settings, init_settings)

    @classmethod
    def load(cls, file: Path | None) -> Self:
        """Read the file, if there is one, and the environment.

        Raises:
            OSError: The file cannot be read.
            TOMLDecodeError: or UnicodeDecodeError: it is not TOML.
            ValidationError: With all the faults at once.
            SettingsError: A variable is not the JSON it has to be.
        """
        return cls() if file is None else cls.parse(file.read_text("utf-8"), file.resolve().parent)

    @classmethod
    def parse(cls, text: str, folder: Path) -> Self:
        """As `load`, from the text of a file in that folder."""
        told = _beside(tomllib.loads(text), frozenset({cls}), folder)
        return cls(**told)


def _beside(told: Any, kinds: frozenset[object], folder: Path) -> Any:
    """The document with its relative paths made absolute; ``kinds`` are the types and words that a setting takes."""
    if isinstance(told, list):
        return [_beside(each, kinds, folder) for each in told]
    if isinstance(told, dict):
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        fields = models[0].model_fields if models else {}
        return {
            name: _beside(value, _kinds(fields[name].annotation), folder) if name in fields else value
            for name, value in told.items()
        }
    is_path = isinstance(told, str) and Path in kinds and told not in kinds and "://" not in told
    return folder / told if is_path else told


def _kinds(annotation: object) -> frozenset[object]:
    """The types at the leaves of an annotation, and the words of its literals."""
    inner = get_args(annotation)
    return frozenset().union(*map(_kinds, inner)) if inner else frozenset({annotation})
