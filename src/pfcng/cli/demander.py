"""``pfcng demander``: order one certificate."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.output import finish
from pfcng.contract.catalogue import GAMME, Offre, Usage
from pfcng.contract.messages import DemandeCertificat


def demander(
    *,
    profil: Annotated[Path, typer.Option(metavar="FICHIER", help="Le profil (TOML) : plateforme et certificats.")],
    offre: Annotated[Offre, typer.Option(help="L’offre.")],
    usage: Annotated[Usage, typer.Option(help="L’usage du certificat, selon l’offre.")],
    mail_demandeur: Annotated[str, typer.Option(metavar="ADRESSE", help="L’adresse qui reçoit les notifications.")],
    mail_informer: Annotated[str, typer.Option(metavar="ADRESSE", help="L’adresse de la personne à informer.")],
    struct: Annotated[
        str | None, typer.Option(metavar="ID", help="L’identifiant national de la structure (PRO, ORG, SERV).")
    ] = None,
    beneficiaire: Annotated[
        str | None, typer.Option(metavar="ID", help="L’identifiant national du bénéficiaire (PRO).")
    ] = None,
    tiers: Annotated[
        str | None, typer.Option(metavar="ID", help="L’identifiant national du tiers pour qui un AdminASIP agit.")
    ] = None,
    nom_applicatif: Annotated[
        str | None, typer.Option(metavar="NOM", help="Le nom applicatif (ORG, SERV sauf SSL_SERV).")
    ] = None,
    fqdn: Annotated[
        list[str] | None, typer.Option(metavar="NOM", help="Un nom de serveur (SERV SSL_SERV) ; jusqu’à 5 fois.")
    ] = None,
    upn: Annotated[str | None, typer.Option(metavar="UPN", help="L’UPN (PS et PRO, usage AUTH).")] = None,
    mail_sujet: Annotated[
        str | None, typer.Option(metavar="ADRESSE", help="L’adresse à inscrire dans le certificat.")
    ] = None,
    csr: Annotated[Path | None, typer.Option(metavar="FICHIER", help="La CSR (PKCS#10), en PEM ou en DER.")] = None,
    generer_cle: Annotated[
        Path | None,
        typer.Option(
            metavar="FICHIER", help="Crée une clé RSA de 2048 bits dans ce fichier, qui ne doit pas exister, et sa CSR."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Écrit un objet JSON pour un programme.")] = False,
) -> None:
    """Demande un certificat.

    Donnez soit --csr, soit --generer-cle. La plateforme répond par un indice de retrait, à donner à « pfcng retirer ».

    \b
    Code de sortie : 0 demande acceptée ; 1 refusée par la plateforme ; 2 commande,
    profil ou fichier à corriger ; 3 réseau, TLS, accès refusé ou panne.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), operation, code, message, diagnostic, incident, conseil, indice_lot,
    indice_demande, indice_retrait, cle (le fichier de la clé créée).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli import exchange  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    demande = DemandeCertificat(
        offre=offre,
        gamme=GAMME,
        usage=usage,
        id_nat_struct=struct,
        id_nat_beneficiaire=beneficiaire,
        id_nat_tiers=tiers,
        nom_applicatif=nom_applicatif,
        fqdn=tuple(fqdn or ()),
        upn=upn,
        mail_sujet=mail_sujet,
        mail_personne_a_informer=mail_informer,
        csr="",
        mail_demandeur=mail_demandeur,
    )
    finish(exchange.demander(profil, demande, csr_file=csr, key_file=generer_cle), as_json=json)
