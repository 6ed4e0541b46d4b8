"""``pfcng renouveler``: the same certificate again, for a new key."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.certificate_options import Target
from pfcng.cli.demande_options import ParcDossier, PhraseFichier
from pfcng.cli.option_groups import spread
from pfcng.cli.options import Json
from pfcng.cli.output import finish


@spread
def renouveler(
    *,
    target: Target,
    csr: Annotated[
        Path | None, typer.Option(metavar="FICHIER", help="Sans dossier : la CSR, en PEM ou en DER.")
    ] = None,
    generer_cle: Annotated[
        Path | None,
        typer.Option(metavar="FICHIER", help="Sans dossier : crée la clé dans ce fichier, qui ne doit pas exister."),
    ] = None,
    parc: ParcDossier = None,
    phrase_fichier: PhraseFichier = None,
    json: Json = False,
) -> None:
    """Renouvelle un certificat encore valide ; l’ancien le reste jusqu’à sa fin.

    Avec un dossier de « pfcng obtenir », tout est fait : clé, demande, retrait, fichiers, copies et crochets. Sans
    dossier, donnez --profil, les deux adresses, --certificat (ou --aki et --serie) et --csr ou --generer-cle : la
    plateforme répond par un indice, à donner à « pfcng retirer ».

    \b
    Exemples :
      pfcng renouveler insi-auto
      pfcng renouveler --profil profil.toml --certificat vieux.pem --generer-cle neuf.key \\
        --mail-demandeur a@hopital.example --mail-informer b@hopital.example

    \b
    Code de sortie et objet JSON : avec un dossier, comme « pfcng obtenir » ;
    sans dossier, les clés communes et aki, numero_serie, indice_retrait, cle.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import existing, obtaining  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    if target.dossier is not None and not target.is_ambiguous and csr is None and generer_cle is None:
        outcome = obtaining.renouveler(target.dossier, parc=parc, phrase_file=phrase_fichier, shown=not json)
    else:
        outcome = existing.renouveler(target, csr_file=csr, key_file=generer_cle)
    finish(outcome, as_json=json)
