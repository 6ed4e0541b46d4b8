"""``pfcng revoquer``: end a certificate for good."""

from datetime import datetime
from typing import Annotated

import typer

from pfcng.cli.certificate_options import Target
from pfcng.cli.option_groups import spread
from pfcng.cli.options import Json
from pfcng.cli.output import finish
from pfcng.contract.catalogue import Motif


@spread
def revoquer(
    *,
    motif: Annotated[Motif, typer.Option(help="Pourquoi ; une clé volée ou perdue n’est plus jamais certifiée.")],
    target: Target,
    description: Annotated[
        str | None, typer.Option(metavar="TEXTE", help="Le motif en clair : avec AUTRE, et seulement lui.")
    ] = None,
    date_effet: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="AAAA-MM-JJ", help="Un jour à venir ; sans elle, tout de suite."),
    ] = None,
    oui: Annotated[bool, typer.Option("--oui", help="Ne demande pas de confirmation.")] = False,
    json: Json = False,
) -> None:
    """Révoque un certificat, définitivement.

    Donnez un dossier de « pfcng obtenir », ou bien --profil, les deux adresses et --certificat (ou --aki et --serie).

    \b
    Exemples :
      pfcng revoquer insi-auto --motif FIN_DACTIVITE
      pfcng revoquer --profil profil.toml --certificat vieux.pem --motif PERTE \\
        --mail-demandeur a@hopital.example --mail-informer b@hopital.example

    \b
    Code de sortie : 0 révocation enregistrée ; 1 refusée par la plateforme ;
    2 commande, profil ou fichier à corriger, ou pas de confirmation ;
    3 réseau, TLS, accès refusé ou panne.

    \b
    Clés de l’objet JSON : les communes, et aki, numero_serie, motif,
    date_effet.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import existing  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    outcome = existing.revoquer(
        target, motif, description=description, day=date_effet.date() if date_effet else None, confirmed=oui
    )
    finish(outcome, as_json=json)
