"""``pfcng coffre``: the encrypted vault of revocation codes and PKCS#12 passwords."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.demande_options import ParcDossier, PhraseFichier
from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Json
from pfcng.cli.output import finish

app = typer.Typer(
    name="coffre",
    cls=FrenchGroup,
    help="Le coffre : codes de révocation et mots de passe des PKCS#12, chiffrés.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
)


class Champ(StrEnum):
    """What can be shown alone."""

    CODE = "code"
    MOT_DE_PASSE = "mot-de-passe"


@app.command(cls=FrenchCommand)
def lister(*, parc: ParcDossier = None, phrase_fichier: PhraseFichier = None, json: Json = False) -> None:
    """Liste ce que le coffre contient, sans rien montrer de secret.

    \b
    Exemple :
      pfcng coffre lister

    \b
    Clés de l’objet JSON : les communes, et entrees (chacune : identifiant,
    nom, dossier, creee_le).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import vaulting  # noqa: PLC0415 - the help must not wait for cryptography

    finish(vaulting.lister(parc, phrase_fichier), as_json=json)


@app.command(cls=FrenchCommand)
def montrer(
    *,
    entree: Annotated[
        str,
        typer.Argument(
            metavar="DOSSIER", help="Un dossier de « pfcng obtenir », ou le nom ou l’identifiant d’une entrée."
        ),
    ],
    champ: Annotated[Champ | None, typer.Option(help="N’écrit que cette valeur, pour un programme.")] = None,
    parc: ParcDossier = None,
    phrase_fichier: PhraseFichier = None,
    json: Json = False,
) -> None:
    """Montre le code de révocation et le mot de passe des PKCS#12 d’un certificat.

    \b
    Exemples :
      pfcng coffre montrer insi-auto
      pfcng coffre montrer insi-auto --champ mot-de-passe

    \b
    Clés de l’objet JSON : les communes, et identifiant, nom, dossier,
    creee_le, code_revocation, mot_de_passe_p12.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import vaulting  # noqa: PLC0415 - the help must not wait for cryptography

    outcome = vaulting.montrer(entree, parc, phrase_fichier)
    if champ is not None and not json and outcome.status == 0:
        key = {Champ.CODE: "code_revocation", Champ.MOT_DE_PASSE: "mot_de_passe_p12"}[champ]
        typer.echo(outcome.data[key])
        raise typer.Exit
    finish(outcome, as_json=json)


@app.command("changer-phrase", cls=FrenchCommand)
def changer_phrase(
    *,
    nouvelle: Annotated[
        Path | None,
        typer.Option(
            "--nouvelle-phrase-fichier",
            metavar="FICHIER",
            help="Le fichier (0600) de la nouvelle phrase. Sans cette option : une saisie masquée.",
        ),
    ] = None,
    parc: ParcDossier = None,
    phrase_fichier: PhraseFichier = None,
    json: Json = False,
) -> None:
    """Chiffre le coffre avec une autre phrase secrète.

    \b
    Exemple :
      pfcng coffre changer-phrase
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import vaulting  # noqa: PLC0415 - the help must not wait for cryptography

    finish(vaulting.changer_phrase(nouvelle, parc, phrase_fichier), as_json=json)
