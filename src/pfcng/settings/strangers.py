"""Variables of the environment that look like settings and are none: a typing mistake must not pass in silence."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

OTHERS: Final = frozenset(
    {
        # the client's
        "PFCNG_CODE_REVOCATION",
        "PFCNG_COFFRE_PHRASE",
        "PFCNG_COFFRE_PHRASE_FICHIER",
        "PFCNG_HORLOGE",
        "PFCNG_PARC",
        # what the client tells the programs that it starts (docs/client.md)
        "PFCNG_DOSSIER",
        "PFCNG_ETAPE",
        "PFCNG_FIN_VALIDITE",
        "PFCNG_NUMERO_SERIE",
        # the tests'
        "PFCNG_EXEMPLES",
    }
)
"""Every variable of this project that is no setting of a file."""
_KUBERNETES: Final = re.compile(
    r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
"""What a pod is told of every Service: of one that is called « pfcng » too."""


class Strangers(PydanticBaseSettingsSource):
    """Adds those variables to what is told, under their names: a model that forbids what it does not know names them.

    Their values stay where they are. It has to be the last source: a setting that ends with ``_env`` names a variable.

    Args:
        settings: What is read.
        family: Every kind of settings that the environment may be told of.
    """

    def __init__(self, settings: type[BaseSettings], family: Iterable[type[BaseSettings]]) -> None:
        super().__init__(settings)
        self._family = tuple(family)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the library's
        """None of a setting's."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Those variables."""
        prefix = _prefix(self.settings_cls)
        known = OTHERS | {name.upper() for name in _named(self.current_state)}
        return {
            name: None
            for name in os.environ
            if name.upper().startswith(prefix)
            and name.upper() not in known
            and not any(_is_setting(name.upper(), kind) for kind in self._family)
            and not _KUBERNETES.fullmatch(name)
        }


def _prefix(settings: type[BaseSettings]) -> str:
    return str(settings.model_config["env_prefix"]).upper()


def _is_setting(name: str, settings: type[BaseSettings]) -> bool:
    """Whether it is one, or of a part of one, which refuses what it does not know itself."""
    prefix = _prefix(settings)
    setting = name.removeprefix(prefix).partition("__")[0].lower()
    return name.startswith(prefix) and setting in settings.model_fields


def _named(told: object) -> Iterator[str]:
    """The variables that settings name."""
    if isinstance(told, Mapping):
        for name, value in told.items():
            if str(name).endswith("_env") and isinstance(value, str):
                yield value
            else:
                yield from _named(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _named(value)
