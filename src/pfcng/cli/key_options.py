"""Where the keys of a ceremony are: the options that its commands share, and the secrets that are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from pfcng.pki.signers.sources import (
    Engine,
    FileKey,
    KeySource,
    Secret,
    SecretFile,
    SecretText,
    SecretVariable,
    Token,
    TokenKey,
    TransitKey,
)


class Lieu(StrEnum):
    """Where keys are made and kept."""

    FICHIERS = "fichiers"
    JETON = "jeton"
    TRANSIT = "transit"


def option(metavar: str, text: str) -> typer.models.OptionInfo:
    """An option whose default its text tells."""
    made: typer.models.OptionInfo = typer.Option(metavar=metavar, show_default=False, help=text)
    return made


MotDePasseFichier = Annotated[Path | None, option("FICHIER", "Le mot de passe des fichiers de clés ; demandé sinon.")]
Variable = Annotated[str | None, option("VARIABLE", "De même, dans l’environnement.")]
Module = Annotated[Path | None, option("FICHIER", "Le module PKCS#11 du jeton.")]
Jeton = Annotated[str | None, option("ÉTIQUETTE", "Le jeton.")]
PinFichier = Annotated[Path | None, option("FICHIER", "Le code PIN du jeton ; demandé sinon.")]
Transit = Annotated[str | None, option("URL", "Le serveur OpenBao ou Vault.")]
Montage = Annotated[str, option("NOM", "Le moteur transit du serveur ; transit sans cette option.")]
TransitAc = Annotated[Path | None, option("FICHIER", "Les AC du serveur, PEM ; celles du système sinon.")]
AccesFichier = Annotated[Path | None, option("FICHIER", "Le jeton d’accès au serveur ; demandé sinon.")]
Participant = Annotated[list[str] | None, option("NOM", "Qui est présent, pour le procès-verbal ; peut être répétée.")]


@dataclass(frozen=True, kw_only=True)
class KeyOptions:
    """What the command line says of the keys; secrets that it does not lead to are asked for once, when needed.

    Attributes:
        folder: Of the ceremony: files of keys are in its ``cles``.
        new: Whether keys are made: a new password is typed twice.
    """

    folder: Path
    new: bool
    password_file: Path | None
    password_variable: str | None
    module: Path | None
    token: str | None
    pin_file: Path | None
    pin_variable: str | None
    transit: str | None
    mount: str
    transit_ca: Path | None
    access_file: Path | None
    access_variable: str | None

    def faults(self, places: Sequence[Lieu]) -> list[str]:
        """What does not hold together, in French.

        Args:
            places: Where keys are.
        """
        faults = (
            (Lieu.JETON in places and not (self.module and self.token), "Un jeton demande --module et --jeton."),
            (Lieu.TRANSIT in places and not self.transit, "Un moteur transit demande --transit."),
            (bool(self.password_file and self.password_variable), _one_of("mot-de-passe")),
            (bool(self.pin_file and self.pin_variable), _one_of("pin")),
            (bool(self.access_file and self.access_variable), _one_of("acces")),
        )
        return [text for is_fault, text in faults if is_fault]

    def source(self, stem: str, place: Lieu) -> KeySource:
        """Where the key of an authority is, or is to be made; it has the name of the authority's files."""
        match place:
            case Lieu.FICHIERS:
                return FileKey(path=self.folder / "cles" / f"{stem}.key", password=self._password)
            case Lieu.JETON:
                return TokenKey(token=self._token, label=stem)
            case Lieu.TRANSIT:
                return TransitKey(engine=self._engine, name=stem)

    @cached_property
    def _password(self) -> Secret:
        return _secret(self.password_file, self.password_variable) or _asked("Mot de passe des clés", twice=self.new)

    @cached_property
    def _token(self) -> Token:
        pin = _secret(self.pin_file, self.pin_variable) or _asked(f"Code PIN du jeton « {self.token} »")
        return Token(module=self.module or Path(), label=self.token or "", pin=pin)

    @cached_property
    def _engine(self) -> Engine:
        access = _secret(self.access_file, self.access_variable) or _asked(f"Jeton d’accès à {self.transit}")
        return Engine(address=self.transit or "", token=access, mount=self.mount, ca=self.transit_ca)


def _secret(file: Path | None, variable: str | None) -> Secret | None:
    if file is not None:
        return SecretFile(path=file)
    return SecretVariable(name=variable) if variable else None


def _asked(label: str, *, twice: bool = False) -> Secret:
    """What somebody types, unseen."""
    while True:
        value = typer.prompt(label, hide_input=True, err=True)
        if not twice or value == typer.prompt("Encore une fois", hide_input=True, err=True):
            return SecretText(value=value)
        typer.echo("Les deux saisies diffèrent.", err=True)


def _one_of(name: str) -> str:
    return f"Donnez soit --{name}-fichier, soit --{name}-env."
