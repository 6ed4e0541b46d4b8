"""``pfcng certificat``: certificates of the IGC-Santé in clear."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Json
from pfcng.cli.output import finish

certificat = typer.Typer(
    name="certificat",
    cls=FrenchGroup,
    help="Les certificats de l’IGC-Santé en clair.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)


@certificat.callback()
def _group() -> None:
    """Les certificats de l’IGC-Santé en clair."""


@certificat.command(cls=FrenchCommand)
def montrer(
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Un fichier (PEM, DER, PKCS#7, PKCS#12), l’adresse http d’un tel fichier, ou un serveur https://hôte:port.",
        ),
    ],
    confiance: Annotated[
        list[Path] | None,
        typer.Option(metavar="FICHIER", help="Des autorités et racines de confiance (PEM, DER, P7B) ; répétable."),
    ] = None,
    hors_ligne: Annotated[
        bool, typer.Option("--hors-ligne", help="N’interroge ni OCSP, ni CRL, ni adresse d’autorité.")
    ] = False,
    mot_de_passe_env: Annotated[
        str | None,
        typer.Option(
            metavar="VARIABLE", help="La variable d’environnement du mot de passe du PKCS#12 ; demandé sans elle."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Montre un certificat : produit, structure, politique, dates, chaîne, révocation, DN pour une liste blanche.

    Les adresses interrogées sont celles que le certificat porte (OCSP, CRL, autorité) ; leurs réponses ne comptent
    qu’une fois leur signature vérifiée.

    \b
    Exemples :
      pfcng certificat montrer insi-auto.pem --confiance sandbox/pki/confiance.pem
      pfcng certificat montrer https://localhost:8443 --hors-ligne

    \b
    Code de sortie : 0 montré, rien contre lui ; 1 révoqué, hors de ses dates ou
    chaîne fautive ; 2 commande ou fichier à corriger ; 3 serveur injoignable.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil, certificats
    (liste ; les DN y sont sous dn_sujet et dn_emetteur).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import showing  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    outcome = showing.montrer(
        source, trusted=tuple(confiance or ()), offline=hors_ligne, password_variable=mot_de_passe_env
    )
    finish(outcome, as_json=json)
