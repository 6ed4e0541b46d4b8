"""Options that the commands of the exploitant share."""

from pathlib import Path
from typing import Annotated

import typer

Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="DSN",
        help="La base de la plateforme (chaîne de connexion PostgreSQL). Sans elle ni --data : la variable PFCNG_DSN.",
    ),
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DOSSIER", help="Le dossier d’un bac à sable, ouvert ou fermé.")
]
Json = Annotated[bool, typer.Option("--json", help="Écrit un objet JSON pour un programme.")]
