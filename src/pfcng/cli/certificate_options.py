"""The options that name a certificate that exists: a folder, a file, or its numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.demande_options import Tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which certificate, and in whose name: a folder says everything, else every option counts."""

    dossier: Annotated[
        Path | None, typer.Argument(metavar="DOSSIER", help="Un dossier de « pfcng obtenir ».", show_default=False)
    ] = None
    certificat: Annotated[
        Path | None, typer.Option(metavar="FICHIER", help="Sans dossier : le certificat (PEM ou DER).")
    ] = None
    aki: Annotated[
        str | None, typer.Option(metavar="HEX", help="Sans fichier : l’AKI du certificat, avec --serie.")
    ] = None
    serie: Annotated[str | None, typer.Option(metavar="HEX", help="Le numéro de série du certificat, avec --aki.")] = (
        None
    )
    profil: Annotated[
        Path | None, typer.Option(metavar="FICHIER", help="Le profil (TOML) ; sans lui, celui du dossier.")
    ] = None
    mail_demandeur: Annotated[str | None, typer.Option(metavar="ADRESSE", help="Sans elle, celle du dossier.")] = None
    mail_informer: Annotated[str | None, typer.Option(metavar="ADRESSE", help="Sans elle, celle du dossier.")] = None
    tiers: Tiers = None

    @property
    def is_ambiguous(self) -> bool:
        """Whether a certificate is named beside the folder."""
        return bool(self.dossier and (self.certificat or self.aki or self.serie))
