"""One example of each of the ten messages with every element filled, and bodies that nobody signed."""

from dataclasses import fields
from datetime import date
from typing import Final, cast

from cryptography import x509
from lxml import etree

from pfcng.contract.catalogue import Motif, Offre, TypeDemande, Usage
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    ReponseRenouvellementCertificat,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    ReponseSuiviActivite,
    Request,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Response,
    Resultat,
)
from pfcng.contract.operations import Operation
from pfcng.pki.trust import Authority
from pfcng.xml.dsig import VerifiedBody

CSR: Final = "-----BEGIN CERTIFICATE REQUEST-----\nMIIC\n-----END CERTIFICATE REQUEST-----\n"

DEMANDE: Final = DemandeCertificat(
    offre=Offre.SERV,
    gamme="EL",
    usage=Usage.SMIME,
    id_nat_struct="10B0123456",
    id_nat_beneficiaire="899700000001",
    id_nat_tiers="899700000002",
    nom_applicatif="dossier",
    fqdn=("a.hopital.example", "b.hopital.example"),
    upn="personne@hopital.example",
    mail_sujet="service@hopital.example",
    mail_personne_a_informer="informer@hopital.example",
    csr=CSR,
    mail_demandeur="demandeur@hopital.example",
)

REQUESTS: Final[dict[Operation, Request]] = {
    Operation.DEMANDER_CERTIFICATS: RequeteDemandeCertificats(demandes=(DEMANDE, DEMANDE)),
    Operation.RETIRER_CERTIFICAT: RequeteRetraitCertificat(
        id_nat_tiers="899700000002", indice_retrait="59", code_revocation=" code  secret "
    ),
    Operation.REVOQUER_CERTIFICAT: RequeteRevocationCertificat(
        id_nat_tiers="899700000002",
        aki="AB:CD 01-23",
        numero_serie="0123456789ABCDEF",
        gamme="EL",
        motif=Motif.AUTRE,
        autre_description="Clé  exportée\npar erreur",
        date_effet=date(2024, 2, 29),
        mail_demandeur="demandeur@hopital.example",
        mail_personne_a_informer="informer@hopital.example",
    ),
    Operation.RENOUVELER_CERTIFICAT: RequeteRenouvellementCertificat(
        id_nat_tiers="899700000002",
        aki="ABCD",
        numero_serie="12:34",
        mail_demandeur="demandeur@hopital.example",
        mail_personne_a_informer="informer@hopital.example",
        csr=CSR,
    ),
    Operation.SUIVRE_ACTIVITE: RequeteSuiviActivite(
        type_demande=TypeDemande.DEMANDES_CERTIFICAT,
        offre=Offre.PRO,
        usage=Usage.CONF,
        indice_lot="1447682134768",
        date_creation_demande=date(2026, 3, 2),
        id_nat_beneficiaire="899700000001",
        id_nat_struct="10B0123456",
        id_nat_acteur="899700000003",
        id_nat_tiers="899700000002",
    ),
}

RESULTAT: Final = Resultat(**{field.name: f"{field.name} " for field in fields(Resultat) if field.name != "erreur"})

RESPONSES: Final[dict[Operation, Response]] = {
    Operation.DEMANDER_CERTIFICATS: ReponseDemandeCertificats(
        indice_lot="1447682134768",
        statut_lot="OK",
        message="",
        demandes=(ReponseDemande(indice_demande="59", statut_demande="OK", message="", indice_retrait="59"),),
    ),
    Operation.RETIRER_CERTIFICAT: ReponseRetraitCertificat(statut="OK", message="", certificat="-----BEGIN…\n"),
    Operation.REVOQUER_CERTIFICAT: ReponseRevocationCertificat(statut="OK", message=""),
    Operation.RENOUVELER_CERTIFICAT: ReponseRenouvellementCertificat(indice_retrait="60", statut="OK", message=""),
    Operation.SUIVRE_ACTIVITE: ReponseSuiviActivite(statut="OK", avertissement="MESSAGE : …", resultats=(RESULTAT,)),
}


def unsigned_body(operation: Operation, payload: etree._Element) -> VerifiedBody:
    """What a verification would have returned for ``payload``; the codec looks at no certificate."""
    return VerifiedBody(
        operation=operation,
        payload=payload,
        signer=cast("x509.Certificate", None),
        authority=cast("Authority", None),
    )
