"""``pfcng demander``: order one certificate."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.demande_options import Elements, MailDemandeur, MailInformer, OffreOption, Profil, UsageOption
from pfcng.cli.option_groups import spread
from pfcng.cli.options import Json
from pfcng.cli.output import finish


@spread
def demander(
    *,
    profil: Profil,
    offre: OffreOption,
    usage: UsageOption,
    mail_demandeur: MailDemandeur,
    mail_informer: MailInformer,
    elements: Elements,
    csr: Annotated[Path | None, typer.Option(metavar="FICHIER", help="La CSR (PKCS#10), en PEM ou en DER.")] = None,
    generer_cle: Annotated[
        Path | None,
        typer.Option(
            metavar="FICHIER", help="Crée une clé RSA de 2048 bits dans ce fichier, qui ne doit pas exister, et sa CSR."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Demande un certificat.

    Donnez soit --csr, soit --generer-cle. La plateforme répond par un indice de retrait, à donner à « pfcng retirer ».
    « pfcng obtenir » fait tout d’un coup.

    \b
    Exemple :
      pfcng demander --profil profil.toml --offre ORG --usage AUTH_CLI \\
        --struct 1750099012 --nom-applicatif INSI-AUTO \\
        --mail-demandeur a@hopital.example --mail-informer b@hopital.example \\
        --generer-cle insi-auto.key

    \b
    Code de sortie : 0 demande acceptée ; 1 refusée par la plateforme ; 2 commande,
    profil ou fichier à corriger ; 3 réseau, TLS, accès refusé ou panne.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil, indice_lot,
    indice_demande, indice_retrait, cle (le fichier de la clé créée).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import exchange  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    demande = elements.demande(offre, usage, mail_demandeur=mail_demandeur, mail_informer=mail_informer)
    finish(exchange.demander(profil, demande, csr_file=csr, key_file=generer_cle), as_json=json)
