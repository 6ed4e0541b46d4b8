"""``pfcng suivre``: what was asked for, and what became of it."""

from datetime import datetime
from typing import Annotated

import typer

from pfcng.cli.demande_options import Beneficiaire, OffreOption, Profil, Struct, Tiers
from pfcng.cli.options import Json
from pfcng.cli.output import finish
from pfcng.contract.catalogue import TypeDemande, Usage

_DAY = ["%Y-%m-%d"]


def suivre(
    *,
    profil: Profil,
    offre: OffreOption,
    type_demande: Annotated[
        TypeDemande,
        typer.Option("--type", help="Ce qui est suivi ; les demandes sans cette option.", show_default=False),
    ] = TypeDemande.DEMANDES_CERTIFICAT,
    usage: Annotated[Usage | None, typer.Option(help="Seulement cet usage.")] = None,
    struct: Struct = None,
    beneficiaire: Beneficiaire = None,
    lot: Annotated[str | None, typer.Option(metavar="INDICE", help="Seulement ce lot (demandes).")] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="AAAA-MM-JJ", help="Seulement ce jour de création.")
    ] = None,
    depuis: Annotated[
        datetime | None,
        typer.Option(
            formats=_DAY,
            metavar="AAAA-MM-JJ",
            help="Au-delà de 500 lignes, le premier jour à lire ; 1 200 jours en arrière sans cette option.",
        ),
    ] = None,
    tiers: Tiers = None,
    json: Json = False,
) -> None:
    """Suit les demandes, les produits ou les révocations, sans limite de nombre.

    La plateforme donne 500 lignes au plus par réponse ; au-delà, la recherche est refaite usage par usage, puis jour
    par jour.

    \b
    Exemple :
      pfcng suivre --profil profil.toml --type PRODUITS --offre ORG --struct 1750099012

    \b
    Code de sortie : 0 lu (même sans aucune ligne) ; 1 refusé par la plateforme ;
    2 commande ou profil à corriger ; 3 réseau, TLS, accès refusé ou panne.

    \b
    Clés de l’objet JSON : les communes, complet (false si une journée dépasse
    500 lignes d’un usage) et resultats (une ligne du tableau 21 chacun).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import following  # noqa: PLC0415 - the help must not wait for cryptography and httpx
    from pfcng.contract.messages import RequeteSuiviActivite  # noqa: PLC0415 - idem

    request = RequeteSuiviActivite(
        type_demande=type_demande,
        offre=offre,
        usage=usage,
        indice_lot=lot,
        date_creation_demande=date.date() if date else None,
        id_nat_beneficiaire=beneficiaire,
        id_nat_struct=struct,
        id_nat_tiers=tiers,
    )
    finish(following.suivre(profil, request, since=depuis.date() if depuis else None, shown=not json), as_json=json)
