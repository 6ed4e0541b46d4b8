"""``pfcng verifier``: what is wrong in a request, before it is sent."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.demande_options import Elements, MailDemandeur, MailInformer
from pfcng.cli.option_groups import spread
from pfcng.cli.options import Json
from pfcng.cli.output import finish
from pfcng.contract.catalogue import Offre, Usage


@spread
def verifier(
    *,
    fichier: Annotated[
        Path | None,
        typer.Argument(metavar="FICHIER", help="Une CSR (PEM ou DER), ou une requête en XML, signée ou non."),
    ] = None,
    offre: Annotated[Offre | None, typer.Option(help="L’offre.")] = None,
    usage: Annotated[Usage | None, typer.Option(help="L’usage du certificat, selon l’offre.")] = None,
    mail_demandeur: MailDemandeur = "",
    mail_informer: MailInformer = "",
    elements: Elements,
    csr: Annotated[Path | None, typer.Option(metavar="FICHIER", help="La CSR (PKCS#10), en PEM ou en DER.")] = None,
    domaine: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DOMAINE", help="Un domaine de votre habilitation (guide §8), par exemple *.hopital.example."
        ),
    ] = None,
    raison_sociale: Annotated[
        str | None, typer.Option(metavar="TEXTE", help="La raison sociale de la structure : montre l’O du certificat.")
    ] = None,
    connus: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CHEMIN", help="Un fichier ou un dossier de certificats, CSR ou clés déjà employés ; répétable."
        ),
    ] = None,
    souple: Annotated[
        bool, typer.Option("--souple", help="Admet espaces et « _ » dans nomApplicatif, comme la plateforme réelle.")
    ] = False,
    json: Json = False,
) -> None:
    """Vérifie une demande avant de l’envoyer.

    Donnez la demande par les options de « pfcng demander », ou un fichier : une CSR, ou une requête en XML de n’importe
    quel outil. Rien n’est envoyé : les règles sont celles que la plateforme applique.

    \b
    Exemple :
      pfcng verifier --offre SERV --usage SSL_SERV --struct 1750099012 \\
          --fqdn www.hopital.example --domaine "*.hopital.example" \\
          --mail-demandeur a@hopital.example --mail-informer b@hopital.example

    \b
    Code de sortie : 0 rien à corriger ; 1 au moins une faute ; 2 commande ou
    fichier à corriger.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage),
    operation, code, message, diagnostic, incident, conseil, objets (liste : objet,
    et remarques : gravite, element, code, texte).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import verification  # noqa: PLC0415 - the help must not wait for cryptography and lxml
    from pfcng.client.verification.demande import Known  # noqa: PLC0415 - idem

    demande = None
    if offre is not None and usage is not None:
        demande = elements.demande(offre, usage, mail_demandeur=mail_demandeur, mail_informer=mail_informer)
    known = Known(domaines=tuple(domaine or ()), raison_sociale=raison_sociale, lenient_names=souple)
    outcome = verification.verify(
        demande,
        file=fichier,
        csr_file=csr,
        known=known,
        seen_in=tuple(connus or ()),
        incomplete=(offre is None) != (usage is None),
    )
    finish(outcome, as_json=json)
