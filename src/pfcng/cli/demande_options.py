"""The options that say which certificate is wanted, shared by the commands that order one or check an order."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pfcng.contract.catalogue import GAMME, Offre, Usage
from pfcng.contract.messages import DemandeCertificat

Profil = Annotated[Path, typer.Option(metavar="FICHIER", help="Le profil (TOML) : plateforme et certificats.")]
OffreOption = Annotated[Offre, typer.Option(help="L’offre.")]
UsageOption = Annotated[Usage, typer.Option(help="L’usage du certificat, selon l’offre.")]
MailDemandeur = Annotated[str, typer.Option(metavar="ADRESSE", help="L’adresse qui reçoit les notifications.")]
MailInformer = Annotated[str, typer.Option(metavar="ADRESSE", help="L’adresse de la personne à informer.")]
Struct = Annotated[
    str | None, typer.Option(metavar="ID", help="L’identifiant national de la structure (PRO, ORG, SERV).")
]
Beneficiaire = Annotated[str | None, typer.Option(metavar="ID", help="L’identifiant national du bénéficiaire (PRO).")]
Tiers = Annotated[
    str | None, typer.Option(metavar="ID", help="L’identifiant national du tiers pour qui un AdminASIP agit.")
]
ParcDossier = Annotated[
    Path | None,
    typer.Option(
        "--parc",
        metavar="DOSSIER",
        help="Le dossier du coffre et de l’inventaire. Sans cette option : la variable PFCNG_PARC, sinon le dossier "
        "habituel du système (~/.local/share/pfcng sous Linux).",
    ),
]
PhraseFichier = Annotated[
    Path | None,
    typer.Option(
        metavar="FICHIER",
        help="Le fichier (0600) de la phrase secrète du coffre. Sans cette option : la variable "
        "PFCNG_COFFRE_PHRASE_FICHIER, la variable PFCNG_COFFRE_PHRASE, sinon une saisie masquée.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Those of the elements that no product has all of; which goes with which is the platform's to say."""

    struct: Struct = None
    beneficiaire: Beneficiaire = None
    tiers: Tiers = None
    nom_applicatif: Annotated[
        str | None, typer.Option(metavar="NOM", help="Le nom applicatif (ORG, SERV sauf SSL_SERV).")
    ] = None
    fqdn: Annotated[
        list[str] | None, typer.Option(metavar="NOM", help="Un nom de serveur (SERV SSL_SERV) ; jusqu’à 5 fois.")
    ] = None
    upn: Annotated[str | None, typer.Option(metavar="UPN", help="L’UPN (PS et PRO, usage AUTH).")] = None
    mail_sujet: Annotated[
        str | None, typer.Option(metavar="ADRESSE", help="L’adresse à inscrire dans le certificat.")
    ] = None

    def demande(self, offre: Offre, usage: Usage, *, mail_demandeur: str, mail_informer: str) -> DemandeCertificat:
        """The demande, but for its CSR."""
        return DemandeCertificat(
            offre=offre,
            gamme=GAMME,
            usage=usage,
            id_nat_struct=self.struct,
            id_nat_beneficiaire=self.beneficiaire,
            id_nat_tiers=self.tiers,
            nom_applicatif=self.nom_applicatif,
            fqdn=tuple(self.fqdn or ()),
            upn=self.upn,
            mail_sujet=self.mail_sujet,
            mail_personne_a_informer=mail_informer,
            csr="",
            mail_demandeur=mail_demandeur,
        )
