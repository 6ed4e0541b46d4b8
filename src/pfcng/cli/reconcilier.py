"""``pfcng reconcilier``: compare with PFCNG-IGC, and let a restored database issue again."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.options import Json
from pfcng.cli.output import finish


def reconcilier(
    *,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FICHIER", help="Les réglages de la plateforme (TOML) ; sans lui, l’environnement seul."),
    ] = None,
    oui: Annotated[bool, typer.Option("--oui", help="Règle et rouvre sans demander.")] = False,
    json: Json = False,
) -> None:
    """Compare la base et PFCNG-IGC, règle les différences, et permet d’émettre et de publier à nouveau.

    Une base restaurée n’émet ni ne publie avant cette commande (docs/exploitation/sauvegarde.md). Chaque différence est
    dite et journalisée ; rien n’est réglé sans confirmation. Interrompue, elle se relance : ce qui est réglé le reste.
    La plateforme peut servir pendant ce temps. Une base en service se compare de la même façon.

    \b
    Exemple :
      pfcng reconcilier --config /etc/pfcng/pfcng.toml --oui

    \b
    Code de sortie : 0 les deux côtés sont comparés et la plateforme émet ;
    1 non confirmé, ou une autre réconciliation est en cours ;
    2 réglages à corriger ; 3 base ou PFCNG-IGC injoignable : relancer.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, suspicion,
    igc_a_reconcilier, comparees, rouverte, differences (numero, difference,
    reglee).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.reconciliation import reconcile  # noqa: PLC0415 - the help must not wait for psycopg

    finish(reconcile(config, yes=oui, asks=not json), as_json=json)
