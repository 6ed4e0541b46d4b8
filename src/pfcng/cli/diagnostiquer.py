"""``pfcng diagnostiquer``: why a signature is refused."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.options import Json
from pfcng.cli.output import finish


def diagnostiquer(
    *,
    message: Annotated[
        Path, typer.Argument(metavar="MESSAGE.xml", help="Le message SOAP signé, tel que votre outil l’envoie.")
    ],
    confiance: Annotated[
        list[Path] | None,
        typer.Option(metavar="FICHIER", help="Les autorités et racines acceptées (PEM, DER, P7B) ; répétable."),
    ] = None,
    crl: Annotated[list[Path] | None, typer.Option(metavar="FICHIER", help="Une CRL (PEM ou DER) ; répétable.")] = None,
    reseau: Annotated[
        bool, typer.Option("--reseau", help="Interroge OCSP, CRL et autorités aux adresses du certificat.")
    ] = False,
    date: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Juge le message à ce jour ou cet instant de Paris, par exemple 2026-03-02 ; maintenant sans elle.",
        ),
    ] = None,
    canonique: Annotated[
        Path | None,
        typer.Option(metavar="DOSSIER", help="Y écrit les octets canoniques attendus : corps.c14n, signedinfo.c14n."),
    ] = None,
    json: Json = False,
) -> None:
    """Dit à quelle étape la signature d’un message échoue, et montre les octets canoniques attendus.

    Le message peut venir de n’importe quel outil. Rien n’est envoyé ni suivi sur le réseau sans --reseau.

    \b
    Exemple :
      pfcng diagnostiquer message.xml --confiance sandbox/pki/confiance.pem \\
          --confiance sandbox/pki/autorites/ACI-ST-PP-TEST.pem

    \b
    Code de sortie : 0 aucune faute trouvée ; 1 une étape échoue ; 2 commande ou
    fichier à corriger.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage),
    operation, code, message, diagnostic, incident, conseil, etapes (liste : etape,
    titre, etat, texte, details), corps et signedinfo (octets, taille, sha256).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import diagnosis  # noqa: PLC0415 - the help must not wait for cryptography and lxml

    outcome = diagnosis.diagnostiquer(
        message,
        trusted=tuple(confiance or ()),
        crls=tuple(crl or ()),
        network=reseau,
        moment=date,
        folder=canonique,
    )
    finish(outcome, as_json=json)
