"""``pfcng annuaire``: load the registers."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Base, Data, Json
from pfcng.cli.output import finish
from pfcng.contract.catalogue import Environment

annuaire = typer.Typer(
    name="annuaire",
    cls=FrenchGroup,
    help="L’annuaire (référentiel identité) : personnes, structures, rattachements.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)


@annuaire.callback()
def _group() -> None:
    """A group, even with one command."""


@annuaire.command(cls=FrenchCommand)
def importer(
    *,
    fichiers: Annotated[
        list[Path], typer.Argument(metavar="FICHIER", help="Les fichiers, reconnus à leur première ligne.")
    ],
    environnement: Annotated[
        Environment, typer.Option(show_default=False, help="L’environnement à charger ; TEST sans cette option.")
    ] = Environment.TEST,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Charge PS_LibreAcces, FINESS (établissements et entités juridiques) et les employés, en une transaction.

    Une ligne illisible est comptée et montrée, les autres sont chargées. Si l’import s’arrête, l’ancien annuaire
    reste entier. Une personne ou une structure absente des fichiers n’est pas effacée.

    \b
    Exemple :
      pfcng annuaire importer PS_LibreAcces.txt --data sandbox

    \b
    Code de sortie : 0 annuaire chargé ; 2 commande ou fichier à corriger ;
    3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, conseil, fichiers, changements.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import annuaire as work  # noqa: PLC0415 - the help must not wait for psycopg

    finish(work.importer(base, data, fichiers, environnement), as_json=json)
