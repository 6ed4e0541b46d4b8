"""``pfcng habilitation``: the explicit habilitations (guide §8)."""

from datetime import datetime
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Base, Data, Json
from pfcng.cli.output import finish
from pfcng.contract.catalogue import Environment, Offre
from pfcng.domain.annuaire import Habilitation

habilitation = typer.Typer(
    name="habilitation",
    cls=FrenchGroup,
    help="Les habilitations explicites : qui peut demander quoi, pour quelle structure et quel domaine.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)

_Acteur = Annotated[str, typer.Option(metavar="ID", help="L’identifiant national de l’acteur.")]
_Offre = Annotated[Offre, typer.Option(help="L’offre : PRO, ORG ou SERV. SERV donne aussi ORG.")]
_Struct = Annotated[str, typer.Option(metavar="ID", help="L’identifiant national de la structure.")]
_Domaine = Annotated[
    str | None,
    typer.Option(metavar="DOMAINE", help="Le domaine : *@d, *d, *.d pour PRO ; d, *d, *.d pour SERV ; rien pour ORG."),
]
_Environnement = Annotated[
    Environment, typer.Option(show_default=False, help="L’environnement ; TEST sans cette option.")
]
_DAY = ["%Y-%m-%d"]


@habilitation.command(cls=FrenchCommand)
def ajouter(
    *,
    acteur: _Acteur,
    offre: _Offre,
    struct: _Struct,
    domaine: _Domaine = None,
    environnement: _Environnement = Environment.TEST,
    debut: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="AAAA-MM-JJ", help="Le premier jour où elle vaut.")
    ] = None,
    fin: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="AAAA-MM-JJ", help="Le dernier jour où elle vaut.")
    ] = None,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Déclare une habilitation, ou donne de nouvelles dates à celle qui existe.

    L’acteur et la structure doivent être dans l’annuaire de l’environnement.

    \b
    Exemple :
      pfcng habilitation ajouter --data sandbox --acteur 599900034200017/CPAT0001 \\
        --offre SERV --struct 1750099012 --domaine '*.hopital.example'

    \b
    Code de sortie : 0 déclarée ; 1 acteur ou structure inconnus ;
    2 commande à corriger ; 3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil, ajoutee.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exploitation  # noqa: PLC0415 - the help must not wait for psycopg

    declared = Habilitation(
        acteur=acteur,
        offre=offre,
        id_nat_struct=struct,
        domaine=domaine,
        debut=debut.date() if debut else None,
        fin=fin.date() if fin else None,
    )
    finish(exploitation.ajouter_habilitation(base, data, environnement, declared), as_json=json)


@habilitation.command(cls=FrenchCommand)
def lister(
    *,
    acteur: Annotated[str | None, typer.Option(metavar="ID", help="Celles de cet acteur seulement.")] = None,
    offre: Annotated[Offre | None, typer.Option(help="Celles de cette offre seulement.")] = None,
    struct: Annotated[str | None, typer.Option(metavar="ID", help="Celles de cette structure seulement.")] = None,
    environnement: Annotated[
        Environment | None, typer.Option(help="Celles de cet environnement seulement ; les deux sans cette option.")
    ] = None,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Montre les habilitations déclarées, passées et à venir comprises.

    \b
    Exemple :
      pfcng habilitation lister --data sandbox --struct 1750099012

    \b
    Code de sortie : 0 liste montrée, même vide ; 2 commande à corriger ;
    3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, conseil, habilitations (chacune :
    environnement, acteur, nom_acteur, offre, id_nat_struct, raison_sociale,
    domaine, debut, fin).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exploitation  # noqa: PLC0415 - the help must not wait for psycopg

    outcome = exploitation.lister_habilitations(
        base, data, environnement, acteur=acteur, offre=offre, id_nat_struct=struct
    )
    finish(outcome, as_json=json)


@habilitation.command(cls=FrenchCommand)
def retirer(
    *,
    acteur: _Acteur,
    offre: _Offre,
    struct: _Struct,
    domaine: _Domaine = None,
    environnement: _Environnement = Environment.TEST,
    base: Base = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Retire une habilitation, quelles que soient ses dates.

    Celles d’annuaire.toml reviennent à l’ouverture suivante du bac à sable : retirez-les aussi du fichier.

    \b
    Exemple :
      pfcng habilitation retirer --data sandbox --acteur 599900034200017/CPAT0001 \\
        --offre ORG --struct 1750099012

    \b
    Code de sortie : 0 retirée ; 1 elle n’existe pas ; 2 commande à corriger ;
    3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exploitation  # noqa: PLC0415 - the help must not wait for psycopg

    withdrawn = Habilitation(acteur=acteur, offre=offre, id_nat_struct=struct, domaine=domaine)
    finish(exploitation.retirer_habilitation(base, data, environnement, withdrawn), as_json=json)
