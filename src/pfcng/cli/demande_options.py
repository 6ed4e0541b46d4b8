"""The options that say which certificate is wanted, shared by the commands that order one."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.contract.catalogue import Offre, Usage

Profil = Annotated[Path, typer.Option(metavar="FICHIER", help="Le profil (TOML) : plateforme et certificats.")]
OffreOption = Annotated[Offre, typer.Option(help="L’offre.")]
UsageOption = Annotated[Usage, typer.Option(help="L’usage du certificat, selon l’offre.")]
MailDemandeur = Annotated[str, typer.Option(metavar="ADRESSE", help="L’adresse qui reçoit les notifications.")]
MailInformer = Annotated[str, typer.Option(metavar="ADRESSE", help="L’adresse de la personne à informer.")]
Struct = Annotated[
    str | None, typer.Option(metavar="ID", help="L’identifiant national de la structure (PRO, ORG, SERV).")
]
Beneficiaire = Annotated[str | None, typer.Option(metavar="ID", help="L’identifiant national du bénéficiaire (PRO).")]
Tiers = Annotated[
    str | None, typer.Option(metavar="ID", help="L’identifiant national du tiers pour qui un AdminASIP agit.")
]
NomApplicatif = Annotated[str | None, typer.Option(metavar="NOM", help="Le nom applicatif (ORG, SERV sauf SSL_SERV).")]
Fqdn = Annotated[
    list[str] | None, typer.Option(metavar="NOM", help="Un nom de serveur (SERV SSL_SERV) ; jusqu’à 5 fois.")
]
Upn = Annotated[str | None, typer.Option(metavar="UPN", help="L’UPN (PS et PRO, usage AUTH).")]
MailSujet = Annotated[str | None, typer.Option(metavar="ADRESSE", help="L’adresse à inscrire dans le certificat.")]
ParcDossier = Annotated[
    Path | None,
    typer.Option(
        "--parc",
        metavar="DOSSIER",
        help="Le dossier du coffre et de l’inventaire. Sans cette option : la variable PFCNG_PARC, sinon le dossier "
        "habituel du système (~/.local/share/pfcng sous Linux).",
    ),
]
PhraseFichier = Annotated[
    Path | None,
    typer.Option(
        metavar="FICHIER",
        help="Le fichier (0600) de la phrase secrète du coffre. Sans cette option : la variable "
        "PFCNG_COFFRE_PHRASE_FICHIER, la variable PFCNG_COFFRE_PHRASE, sinon une saisie masquée.",
    ),
]
