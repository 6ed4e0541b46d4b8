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


Variable = Annotated[str | None, option("VARIABLE", "De même, dans l’environnement.")]
Participant = Annotated[list[str] | None, option("NOM", "Qui est présent, pour le procès-verbal ; peut être répétée.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOptions:
    """What leads to the keys of a ceremony."""

    mot_de_passe_fichier: Annotated[
        Path | None, option("FICHIER", "Le mot de passe des fichiers de clés ; demandé sinon.")
    ] = None
    mot_de_passe_env: Variable = None
    module: Annotated[Path | None, option("FICHIER", "Le module PKCS#11 du jeton.")] = None
    jeton: Annotated[str | None, option("ÉTIQUETTE", "Le jeton.")] = None
    pin_fichier: Annotated[Path | None, option("FICHIER", "Le code PIN du jeton ; demandé sinon.")] = None
    pin_env: Variable = None
    transit: Annotated[str | None, option("URL", "Le serveur OpenBao ou Vault.")] = None
    montage: Annotated[str, option("NOM", "Le moteur transit du serveur ; transit sans cette option.")] = "transit"
    transit_ac: Annotated[Path | None, option("FICHIER", "Les AC du serveur, PEM ; celles du système sinon.")] = None
    acces_fichier: Annotated[Path | None, option("FICHIER", "Le jeton d’accès au serveur ; demandé sinon.")] = None
    acces_env: Variable = None

    def faults(self, places: Sequence[Lieu]) -> list[str]:
        """What does not hold together, in French.

        Args:
            places: Where keys are.
        """
        faults = (
            (Lieu.JETON in places and not (self.module and self.jeton), "Un jeton demande --module et --jeton."),
            (Lieu.TRANSIT in places and not self.transit, "Un moteur transit demande --transit."),
            (bool(self.mot_de_passe_fichier and self.mot_de_passe_env), _one_of("mot-de-passe")),
            (bool(self.pin_fichier and self.pin_env), _one_of("pin")),
            (bool(self.acces_fichier and self.acces_env), _one_of("acces")),
        )
        return [text for is_fault, text in faults if is_fault]


@dataclass(frozen=True, kw_only=True)
class CeremonyKeys:
    """The keys of a ceremony; secrets that the options do not lead to are asked for once, when needed.

    Attributes:
        options: What the command line says of them.
        folder: Of the ceremony: files of keys are in its ``cles``.
        new: Whether keys are made: a new password is typed twice.
    """

    options: KeyOptions
    folder: Path
    new: bool

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
        given = _secret(self.options.mot_de_passe_fichier, self.options.mot_de_passe_env)
        return given or _asked("Mot de passe des clés", twice=self.new)

    @cached_property
    def _token(self) -> Token:
        label = self.options.jeton or ""
        pin = _secret(self.options.pin_fichier, self.options.pin_env) or _asked(f"Code PIN du jeton « {label} »")
        return Token(module=self.options.module or Path(), label=label, pin=pin)

    @cached_property
    def _engine(self) -> Engine:
        address = self.options.transit or ""
        access = _secret(self.options.acces_fichier, self.options.acces_env) or _asked(f"Jeton d’accès à {address}")
        return Engine(address=address, token=access, mount=self.options.montage, ca=self.options.transit_ac)


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
