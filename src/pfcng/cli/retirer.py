"""``pfcng retirer``: withdraw one certificate."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.options import Json
from pfcng.cli.output import finish

CODE_VARIABLE = "PFCNG_CODE_REVOCATION"
"""Environment variable that gives the revocation code without showing it to other users of the machine."""


def retirer(
    *,
    profil: Annotated[Path, typer.Option(metavar="FICHIER", help="Le profil (TOML) : plateforme et certificats.")],
    indice: Annotated[str, typer.Option(metavar="INDICE", help="L’indice de retrait, rendu par « pfcng demander ».")],
    sortie: Annotated[Path, typer.Option(metavar="FICHIER", help="Le fichier où écrire le certificat (PEM).")],
    code: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            envvar=CODE_VARIABLE,
            show_envvar=False,
            help="Le code de révocation à associer au certificat, de 1 à 64 caractères. Gardez-le : il permet de "
            f"révoquer. Sans cette option : la variable d’environnement {CODE_VARIABLE}, sinon une saisie masquée.",
        ),
    ] = None,
    tiers: Annotated[
        str | None, typer.Option(metavar="ID", help="L’identifiant national du tiers pour qui un AdminASIP agit.")
    ] = None,
    json: Json = False,
) -> None:
    """Retire un certificat demandé avec « pfcng demander ».

    Peut être relancé après un échec : la plateforme rend le même certificat. Un fichier existant n’est jamais
    remplacé par un autre certificat.

    \b
    Exemple :
      pfcng retirer --profil profil.toml --indice 59 --sortie insi-auto.pem

    \b
    Code de sortie : 0 certificat écrit ; 1 retrait refusé par la plateforme ;
    2 commande, profil ou fichier à corriger ; 3 réseau, TLS, accès refusé ou panne.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil, certificat
    (le fichier écrit), numero_serie, aki, sujet, emetteur, debut_validite,
    fin_validite.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exchange  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    if code is None and sys.stdin.isatty():
        code = ask_code()
    finish(exchange.retirer(profil, indice, code or "", sortie, id_nat_tiers=tiers), as_json=json)


def ask_code() -> str:
    """Ask for the code twice, unseen: nobody can tell it again later."""
    while True:
        code = getpass.getpass("Code de révocation (saisie masquée) : ")
        if getpass.getpass("Le même code, pour confirmer : ") == code:
            return code
        typer.echo("Les deux saisies diffèrent.", err=True)
