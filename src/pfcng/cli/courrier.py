"""``pfcng courrier``: the mails that wait, left, or were given up."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Base, Data, Json
from pfcng.cli.output import finish

app = typer.Typer(
    name="courrier",
    cls=FrenchGroup,
    help="Les courriels : voir ce qui attend, est parti ou a échoué ; relancer.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)


class Unsent(StrEnum):
    """The states of what did not leave, as they are typed."""

    A_ENVOYER = "a-envoyer"
    REFUSE = "refuse"
    ABANDONNE = "abandonne"


class Etat(StrEnum):
    """Every state, as it is typed."""

    A_ENVOYER = "a-envoyer"
    ENVOYE = "envoye"
    REFUSE = "refuse"
    ABANDONNE = "abandonne"


@app.command(cls=FrenchCommand)
def lister(
    *,
    etat: Annotated[
        list[Etat] | None,
        typer.Option(
            metavar="ÉTAT", help="Ceux de cet état seulement : a-envoyer, envoye, refuse ou abandonne ; répétable."
        ),
    ] = None,
    demande: Annotated[int | None, typer.Option(metavar="N", help="Ceux de cette demande seulement.")] = None,
    limite: Annotated[
        int, typer.Option(metavar="N", min=1, show_default=False, help="Combien au plus ; 100 sans cette option.")
    ] = 100,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Montre les courriels, les plus récents d’abord, sans leur texte.

    \b
    Exemple :
      pfcng courrier lister --etat abandonne

    \b
    Code de sortie : 0 liste montrée, même vide ; 2 commande à corriger ;
    3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, nombres (par état),
    courriels (chacun : numero, notification, role, destinataire,
    environnement, demande, revocation, etat, cree_le, tentatives, raison,
    termine_le).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import later  # noqa: PLC0415 - the help must not wait for psycopg
    from pfcng.store.courrier import MailState  # noqa: PLC0415 - idem

    states = [MailState[one.name] for one in etat or ()]
    finish(later.lister_courrier(base, data, etats=states, demande=demande, limite=limite), as_json=json)


@app.command(cls=FrenchCommand)
def relancer(
    *,
    numero: Annotated[int | None, typer.Argument(metavar="NUMÉRO", help="Le courriel.", show_default=False)] = None,
    etat: Annotated[
        list[Unsent] | None,
        typer.Option(metavar="ÉTAT", help="Tous ceux de cet état : a-envoyer, refuse ou abandonne ; répétable."),
    ] = None,
    depuis: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="AAAA-MM-JJ", help="De ceux-là, seulement ceux qui sont de ce jour ou après."
        ),
    ] = None,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Fait partir sans attendre un courriel qui attend, est refusé ou abandonné, ou tous ceux d’un état.

    Refusé ou abandonné, il est de nouveau tenté pendant 48 h. Un courriel envoyé ne part pas deux fois.

    \b
    Exemples :
      pfcng courrier relancer --etat a-envoyer --etat abandonne
      pfcng courrier relancer --etat refuse --depuis 2026-11-28

    Le premier après une panne du relais, le second quand il a refusé ce qu’il
    fallait prendre.

    \b
    Code de sortie : 0 relancé ; 1 inconnu ou déjà envoyé ;
    2 commande à corriger ; 3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, relances.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import later  # noqa: PLC0415 - the help must not wait for psycopg
    from pfcng.store.courrier import MailState  # noqa: PLC0415 - idem

    states = [MailState[one.name] for one in etat or ()]
    finish(later.relancer_courrier(base, data, numero, etats=states, depuis=depuis), as_json=json)
