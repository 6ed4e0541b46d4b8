"""``pfcng journal``: verify the journal, and seal what waits."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Base, Data, Json
from pfcng.cli.output import finish

app = typer.Typer(
    name="journal",
    cls=FrenchGroup,
    help="Le journal (traçabilité) : vérifier que rien n’y a été changé, sceller ce qui attend.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)


@app.command(cls=FrenchCommand)
def verifier(
    *,
    base: Base = None,
    data: Data = None,
    ancre: Annotated[
        Path | None,
        typer.Option(metavar="FICHIER", help="Le fichier d’ancre de la plateforme, à comparer avec la chaîne."),
    ] = None,
    json: Json = False,
) -> None:
    """Lit tout le journal et nomme la première entrée changée, retirée, ajoutée ou déplacée.

    La plateforme peut servir pendant ce temps.

    \b
    Exemple :
      pfcng journal verifier --data sandbox

    \b
    Code de sortie : 0 le journal est entier ; 1 une faute est nommée ;
    2 commande ou fichier d’ancre à corriger ; 3 base injoignable.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, faute, rang,
    entree, detail, scellees, tete, depuis, en_attente, attente_depuis, ancres,
    role (présent ou non).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.journal import verify_journal  # noqa: PLC0415 - the help must not wait for psycopg

    finish(verify_journal(base, data, ancre), as_json=json)


@app.command(cls=FrenchCommand)
def sceller(*, base: Base = None, data: Data = None, json: Json = False) -> None:
    """Scelle les entrées qui attendent, comme une plateforme en marche le fait chaque seconde.

    \b
    Exemple :
      pfcng journal sceller --data sandbox

    \b
    Code de sortie : 0 rien n’attend plus, ou une autre plateforme scelle ;
    2 commande à corriger ; 3 base injoignable.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, scellees.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.journal import seal_journal  # noqa: PLC0415 - the help must not wait for psycopg

    finish(seal_journal(base, data), as_json=json)
