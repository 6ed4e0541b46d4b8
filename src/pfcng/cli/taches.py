"""``pfcng taches``: the workers' queue."""

from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Base, Data, Json
from pfcng.cli.output import finish

app = typer.Typer(
    name="taches",
    cls=FrenchGroup,
    help="Les tâches des workers : voir ce qui attend ou échoue, relancer, annuler.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)

_Numero = Annotated[int, typer.Argument(metavar="NUMÉRO", help="La tâche.", show_default=False)]


@app.command(cls=FrenchCommand)
def lister(
    *,
    toutes: Annotated[
        bool,
        typer.Option("--toutes", help="Aussi celles qui sont annulées ou interrompues ; une tâche faite s’efface."),
    ] = False,
    limite: Annotated[
        int, typer.Option(metavar="N", min=1, show_default=False, help="Combien au plus ; 100 sans cette option.")
    ] = 100,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Montre les tâches qui attendent, sont en cours ou ont échoué, et combien de workers sont en marche.

    \b
    Exemple :
      pfcng taches lister --data sandbox

    \b
    Code de sortie : 0 liste montrée, même vide ; 2 commande à corriger ;
    3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, workers, nombres (par
    état), taches (chacune : numero, tache, etat, courrier, essais, depuis,
    reprise).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import later  # noqa: PLC0415 - the help must not wait for psycopg

    finish(later.lister_taches(base, data, toutes=toutes, limite=limite), as_json=json)


@app.command(cls=FrenchCommand)
def relancer(*, numero: _Numero, base: Base = None, data: Data = None, json: Json = False) -> None:
    """Fait faire sans attendre une tâche en échec, ou qui attend sa prochaine reprise.

    \b
    Exemple :
      pfcng taches relancer 42

    \b
    Code de sortie : 0 relancée ; 1 ni en attente ni en échec ;
    2 commande à corriger ; 3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import later  # noqa: PLC0415 - the help must not wait for psycopg

    finish(later.relancer_tache(base, data, numero), as_json=json)


@app.command(cls=FrenchCommand)
def annuler(*, numero: _Numero, base: Base = None, data: Data = None, json: Json = False) -> None:
    """Retire une tâche qui attend.

    Le courriel d’une tâche annulée reste à envoyer : « pfcng courrier relancer » lui rend une tâche. Une tâche
    périodique annulée revient à sa période suivante.

    \b
    Exemple :
      pfcng taches annuler 42

    \b
    Code de sortie : 0 annulée ; 1 elle n’attend pas ;
    2 commande à corriger ; 3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import later  # noqa: PLC0415 - the help must not wait for psycopg

    finish(later.annuler_tache(base, data, numero), as_json=json)
