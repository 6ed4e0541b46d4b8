"""What a setting may be: files, names, addresses, URLs, secrets; each refuses in French what it is not."""

import ipaddress
import re
import stat
import sys
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from pfcng.pki import names
from pfcng.store.reaching import UnreadableDsn, check_dsn

_T = TypeVar("_T")
_MAX_PORT: Final = 65535

SANDBOX_KEY: Final = b"Cle d'une autorite de bac a sable pfcng, jamais en production\n"
"""What the key files of a sandbox's authorities begin with, before their PEM: their certificates look like others."""


class Part(BaseModel):
    """A table of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def told(text: str, default: Any = ..., *, example: object = None, **limits: Any) -> Any:
    """A setting: what it is for, in French, its default, and what the example file has where that is not enough."""
    return Field(default, description=text, examples=None if example is None else [example], **limits)


class FromFile(str):
    """A text that stands in the file of the settings.

    Attributes:
        is_open: Other accounts of the machine can read that file.
    """

    is_open: bool

    def __new__(cls, text: str, *, is_open: bool) -> "FromFile":
        """Remember where it stands."""
        made = super().__new__(cls, text)
        made.is_open = is_open
        return made


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except FileNotFoundError:
        raise ValueError(f"le fichier {path} n’existe pas") from None
    except IsADirectoryError:
        raise ValueError(f"{path} est un dossier") from None
    except OSError:
        raise ValueError(f"le fichier {path} ne peut pas être lu") from None


def is_open(path: Path) -> bool:
    """Whether other accounts of the machine than its owner and group can read or change a file."""
    return sys.platform != "win32" and bool(path.stat().st_mode & stat.S_IRWXO)


def _private(path: Path) -> Path:
    if is_open(path):
        raise ValueError(f"le fichier {path} est ouvert à tous les comptes de la machine : chmod o= {path}")
    return path


def _not_of_a_sandbox(path: Path) -> Path:
    with path.open("rb") as file:
        if file.read(len(SANDBOX_KEY)) == SANDBOX_KEY:
            raise ValueError(f"{path} est la clé d’une autorité de bac à sable")
    return path


def _name(text: str) -> str:
    try:
        names.parse(text)
    except ValueError:
        raise ValueError("ce n’est pas un DN, comme « CN=plateforme.example, O=…, C=FR »") from None
    return text


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        raise ValueError("adresse et port attendus, comme 127.0.0.1:9443")
    return text


def _url(*schemes: str, example: str) -> AfterValidator:
    shape = re.compile(rf"({'|'.join(schemes)})://[^/\s]+(/\S*[^/\s])?")

    def check(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(f"adresse attendue, comme {example}, sans « / » final")
        return text

    return AfterValidator(check)


def _dsn(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        check_dsn(text)
    except UnreadableDsn:
        raise ValueError(
            "ce n’est pas une chaîne de connexion de PostgreSQL, comme « host=base.interne dbname=pfcng user=pfcng »"
        ) from None
    if isinstance(text, FromFile) and text.is_open and "password" in conninfo_to_dict(text):
        raise ValueError(
            "un mot de passe dans un fichier ouvert à tous les comptes de la machine : chmod o=, ou passfile=…, ou "
            "la variable PFCNG_DSN"
        )
    return text


def _not_in_the_file(value: object) -> object:
    if isinstance(value, FromFile):
        raise ValueError(  # noqa: TRY004 - pydantic lets a TypeError through
            "un secret en clair n’a pas sa place dans ce fichier : donnez la forme …_fichier ou …_env"
        )
    return value


def _some(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if not values:
        raise ValueError("au moins une valeur attendue")
    return values


def is_loopback(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


File = Annotated[Path, AfterValidator(_readable)]
PrivateFile = Annotated[File, AfterValidator(_private)]
AuthorityKey = Annotated[PrivateFile, AfterValidator(_not_of_a_sandbox)]
Name = Annotated[str, AfterValidator(_name)]
Address = Annotated[str, AfterValidator(_address)]
ServiceUrl = Annotated[str, _url("https", example="https://igc.example:9443")]
HttpUrl = Annotated[str, _url("http", "https", example="http://igc.example")]
LdapUrl = Annotated[str, _url("ldap", "ldaps", example="ldap://annuaire.example")]
Dsn = Annotated[str, BeforeValidator(_dsn)]
ClearSecret = Annotated[SecretStr, BeforeValidator(_not_in_the_file)]
Some = AfterValidator(_some)
