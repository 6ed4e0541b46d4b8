"""``pfcng liste-blanche``: the server certificates that ws-srv admits (guide §10)."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Base, Data, Json
from pfcng.cli.output import finish

liste_blanche = typer.Typer(
    name="liste-blanche",
    cls=FrenchGroup,
    help="La liste blanche de ws-srv : les certificats de serveur admis, par leur DN.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)

_Certificat = Annotated[
    Path | None, typer.Option(metavar="FICHIER", help="Le certificat (PEM) ; le premier du fichier compte.")
]
_Dn = Annotated[
    str | None,
    typer.Option("--dn", metavar="DN", help="Le DN, dans l’une des écritures de RFC 4514, OpenSSL, Java ou .NET."),
]


@liste_blanche.command(cls=FrenchCommand)
def ajouter(
    *, certificat: _Certificat = None, dn: _Dn = None, base: Base = None, data: Data = None, json: Json = False
) -> None:
    """Admet un certificat de serveur à ws-srv, de son fichier ou de son DN.

    \b
    Exemple :
      pfcng liste-blanche ajouter --data sandbox --certificat serveur.pem

    \b
    Code de sortie : 0 admis, ou il l’était déjà ; 2 commande, certificat ou DN
    à corriger ; 3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, conseil, dn, ajoute.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exploitation  # noqa: PLC0415 - the help must not wait for psycopg

    finish(exploitation.ajouter_liste_blanche(base, data, certificat, dn), as_json=json)


@liste_blanche.command(cls=FrenchCommand)
def lister(*, base: Base = None, data: Data = None, json: Json = False) -> None:
    """Montre les DN admis, comme RFC 4514 les écrit.

    \b
    Exemple :
      pfcng liste-blanche lister --data sandbox

    \b
    Code de sortie : 0 liste montrée, même vide ; 2 commande à corriger ;
    3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, usage, transport),
    operation, code, message, diagnostic, incident, conseil, dn (la liste).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exploitation  # noqa: PLC0415 - the help must not wait for psycopg

    finish(exploitation.lister_liste_blanche(base, data), as_json=json)


@liste_blanche.command(cls=FrenchCommand)
def retirer(
    *, certificat: _Certificat = None, dn: _Dn = None, base: Base = None, data: Data = None, json: Json = False
) -> None:
    """N’admet plus un certificat de serveur à ws-srv.

    Celui du serveur « editeur » revient à l’ouverture suivante du bac à sable.

    \b
    Exemple :
      pfcng liste-blanche retirer --data sandbox --certificat serveur.pem

    \b
    Code de sortie : 0 retiré ; 1 il n’y est pas ; 2 commande, certificat ou DN
    à corriger ; 3 base injoignable ou qui refuse.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil, dn.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exploitation  # noqa: PLC0415 - the help must not wait for psycopg

    finish(exploitation.retirer_liste_blanche(base, data, certificat, dn), as_json=json)
