"""``pfcng config``: the settings of a platform, checked and shown."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.serve import fail

app = typer.Typer(
    name="config",
    cls=FrenchGroup,
    help="Les réglages de la plateforme : les vérifier, en montrer un exemple.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)


@app.callback()
def _config() -> None:
    """Les réglages de la plateforme : les vérifier, en montrer un exemple."""


@app.command(cls=FrenchCommand)
def verifier(
    *, fichier: Annotated[Path, typer.Argument(metavar="FICHIER", help="Les réglages de la plateforme (TOML).")]
) -> None:
    """Nomme toutes les fautes des réglages en une fois : noms, valeurs, fichiers, clés, certificats, imprudences.

    Lit le fichier et l’environnement comme le fait « pfcng serve », ouvre chaque clé et chaque certificat, et n’écoute
    ni ne se connecte nulle part.

    \b
    Exemple :
      pfcng config verifier /etc/pfcng/pfcng.toml

    \b
    Code de sortie : 0 rien à corriger ; 2 fautes, une par ligne.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.settings_check import check_settings  # noqa: PLC0415 - idem
    from pfcng.settings import PlatformSettings  # noqa: PLC0415 - idem

    try:
        check_settings(fichier, PlatformSettings)
    except StartFault as fault:
        raise fail(fault) from None
    typer.echo(f"Rien à corriger dans {fichier}.")


@app.command(cls=FrenchCommand)
def exemple() -> None:
    """Écrit un fichier de réglages commenté, avec tous les réglages qui existent.

    \b
    Exemple :
      pfcng config exemple > pfcng.toml
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.settings.example import example_file  # noqa: PLC0415 - the help must not wait for it

    typer.echo(example_file(), nl=False)
