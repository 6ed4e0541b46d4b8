"""``pfcng obtenir`` and ``pfcng reprendre``: from an order to a certificate in every form, in one folder."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.demande_options import (
    Elements,
    MailDemandeur,
    MailInformer,
    OffreOption,
    ParcDossier,
    PhraseFichier,
    Profil,
    UsageOption,
)
from pfcng.cli.option_groups import spread
from pfcng.cli.options import Json
from pfcng.cli.output import finish

DossierArgument = Annotated[Path, typer.Argument(metavar="DOSSIER", help="Un dossier de « pfcng obtenir ».")]


@spread
def obtenir(
    *,
    profil: Profil,
    offre: OffreOption,
    usage: UsageOption,
    mail_demandeur: MailDemandeur,
    mail_informer: MailInformer,
    sortie: Annotated[Path, typer.Option(metavar="DOSSIER", help="Le dossier à faire : un par produit.")],
    elements: Elements,
    p12_ancien: Annotated[
        bool, typer.Option("--p12-ancien", help="Fait aussi un PKCS#12 en 3DES, pour les Java et Windows anciens.")
    ] = False,
    parc: ParcDossier = None,
    phrase_fichier: PhraseFichier = None,
    json: Json = False,
) -> None:
    """Obtient un certificat : clé, demande, retrait, et tous les fichiers dans un dossier.

    La clé est faite ici. Le code de révocation et le mot de passe des PKCS#12 sont tirés au hasard et gardés dans le
    coffre (pfcng coffre). Après une interruption, à n’importe quel moment, « pfcng reprendre DOSSIER » continue sans
    seconde demande.

    \b
    Exemple :
      pfcng obtenir --profil profil.toml --offre ORG --usage AUTH_CLI \\
        --struct 1750099012 --nom-applicatif INSI-AUTO \\
        --mail-demandeur a@hopital.example --mail-informer b@hopital.example \\
        --sortie insi-auto

    \b
    Code de sortie : 0 certificat en service ; 1 refus de la plateforme ;
    2 commande, profil, coffre ou fichier à corriger ; 3 réseau, TLS, accès
    refusé ou panne ; 4 copie ou crochet en échec.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport, deploiement), operation, code, message, diagnostic, incident,
    conseil, dossier, etape, indice_lot, indice_demande, indice_retrait,
    numero_serie, aki, sujet, debut_validite, fin_validite, fichiers.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import obtaining  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    demande = elements.demande(offre, usage, mail_demandeur=mail_demandeur, mail_informer=mail_informer)
    outcome = obtaining.obtenir(
        profil, demande, sortie, p12_ancien=p12_ancien, parc=parc, phrase_file=phrase_fichier, shown=not json
    )
    finish(outcome, as_json=json)


def reprendre(
    *,
    dossier: DossierArgument,
    remplacer: Annotated[
        bool,
        typer.Option(
            "--remplacer",
            help="Quand la plateforme dit avoir remis un certificat qui n’est jamais arrivé : le renouvelle avec une "
            "nouvelle clé, puis révoque le perdu.",
        ),
    ] = False,
    parc: ParcDossier = None,
    phrase_fichier: PhraseFichier = None,
    json: Json = False,
) -> None:
    """Continue ce qui a été interrompu dans un dossier, sans seconde demande.

    \b
    Exemple :
      pfcng reprendre insi-auto

    \b
    Code de sortie et objet JSON : comme « pfcng obtenir ».
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import obtaining  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    outcome = obtaining.reprendre(dossier, remplacer=remplacer, parc=parc, phrase_file=phrase_fichier, shown=not json)
    finish(outcome, as_json=json)
