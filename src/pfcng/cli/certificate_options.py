"""The options that name a certificate that exists: a folder, a file, or its numbers."""

from pathlib import Path
from typing import Annotated

import typer

DossierChoisi = Annotated[
    Path | None, typer.Argument(metavar="[DOSSIER]", help="Un dossier de « pfcng obtenir ».", show_default=False)
]
CertificatOption = Annotated[
    Path | None, typer.Option(metavar="FICHIER", help="Sans dossier : le certificat (PEM ou DER).")
]
Aki = Annotated[str | None, typer.Option(metavar="HEX", help="Sans fichier : l’AKI du certificat, avec --serie.")]
Serie = Annotated[str | None, typer.Option(metavar="HEX", help="Le numéro de série du certificat, avec --aki.")]
ProfilChoisi = Annotated[
    Path | None, typer.Option("--profil", metavar="FICHIER", help="Le profil (TOML) ; sans lui, celui du dossier.")
]
MailDemandeurChoisi = Annotated[
    str | None, typer.Option("--mail-demandeur", metavar="ADRESSE", help="Sans elle, celle du dossier.")
]
MailInformerChoisi = Annotated[
    str | None, typer.Option("--mail-informer", metavar="ADRESSE", help="Sans elle, celle du dossier.")
]
