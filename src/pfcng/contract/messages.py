"""One frozen dataclass per request and response of the Web Service, as the XSD orders their children.

Every field names its XML element once, in its metadata; ``xml/codec.py`` reads nothing else. A field with a default is
an optional element; a tuple is a repeated one. ``None`` means the element is absent, an empty string that it is there
and empty.
Source: guide §14 to §18, tables 11 to 21.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pfcng.contract.catalogue import Motif, Offre, TypeDemande, Usage

XML_NAME = "xml"
"""Metadata key of a field: the name of its element."""


def element(name: str, **options: Any) -> Any:
    """A field carried by the child element ``name``."""
    return field(metadata={XML_NAME: name}, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandeCertificat:
    """One demande of a lot (guide §14.1 table 11)."""

    offre: Offre = element("offre")
    gamme: str = element("gamme")
    usage: Usage = element("usage")
    id_nat_struct: str | None = element("idNatStruct", default=None)
    id_nat_beneficiaire: str | None = element("idNatBeneficiaire", default=None)
    id_nat_tiers: str | None = element("idNatTiers", default=None)
    nom_applicatif: str | None = element("nomApplicatif", default=None)
    fqdn: tuple[str, ...] = element("FQDN", default=())
    upn: str | None = element("UPN", default=None)
    mail_sujet: str | None = element("mailSujet", default=None)
    mail_personne_a_informer: str = element("mailPersonneAInformer")
    csr: str = element("CSR", repr=False)
    mail_demandeur: str = element("mailDemandeur")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeteDemandeCertificats:
    """A lot of 1 to 20 demandes (guide §14.1)."""

    demandes: tuple[DemandeCertificat, ...] = element("demandeCertificat")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReponseDemande:
    """What became of one demande (guide §14.2 table 12); a refused one has no index."""

    indice_demande: str | None = element("indiceDemande", default=None)
    statut_demande: str = element("statutDemande")
    message: str = element("message")
    indice_retrait: str | None = element("indiceRetrait", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReponseDemandeCertificats:
    """What became of a lot (guide §14.2 table 12)."""

    indice_lot: str | None = element("indiceLot", default=None)
    statut_lot: str = element("statutLot")
    message: str = element("message")
    demandes: tuple[ReponseDemande, ...] = element("demande", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeteRetraitCertificat:
    """Guide §15.1 table 13."""

    id_nat_tiers: str | None = element("idNatTiers", default=None)
    indice_retrait: str = element("indiceRetrait")
    code_revocation: str = element("codeRevocation", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReponseRetraitCertificat:
    """Guide §15.2 table 14; ``certificat`` is PEM with its BEGIN and END lines."""

    statut: str = element("statut")
    message: str = element("message")
    certificat: str | None = element("certificat", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeteRevocationCertificat:
    """Guide §16.1 table 15; ``date_effet`` is a day of Europe/Paris."""

    id_nat_tiers: str | None = element("idNatTiers", default=None)
    aki: str = element("AKI")
    numero_serie: str = element("numeroSerie")
    gamme: str = element("gamme")
    motif: Motif = element("motif")
    autre_description: str | None = element("autreDescription", default=None)
    date_effet: date | None = element("dateEffet", default=None)
    mail_demandeur: str = element("mailDemandeur")
    mail_personne_a_informer: str = element("mailPersonneAInformer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReponseRevocationCertificat:
    """Guide §16.2 table 16."""

    statut: str = element("statut")
    message: str = element("message")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeteRenouvellementCertificat:
    """Guide §17.1 table 17."""

    id_nat_tiers: str | None = element("idNatTiers", default=None)
    aki: str = element("AKI")
    numero_serie: str = element("numeroSerie")
    mail_demandeur: str = element("mailDemandeur")
    mail_personne_a_informer: str = element("mailPersonneAInformer")
    csr: str = element("CSR", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReponseRenouvellementCertificat:
    """Guide §17.2 table 18."""

    indice_retrait: str | None = element("indiceRetrait", default=None)
    statut: str = element("statut")
    message: str = element("message")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeteSuiviActivite:
    """Guide §18.1 table 19; ``date_creation_demande`` is a day of Europe/Paris."""

    type_demande: TypeDemande = element("typeDemande")
    offre: Offre = element("offre")
    usage: Usage | None = element("usage", default=None)
    indice_lot: str | None = element("indiceLot", default=None)
    date_creation_demande: date | None = element("dateCreationDemande", default=None)
    id_nat_beneficiaire: str | None = element("idNatBeneficiaire", default=None)
    id_nat_struct: str | None = element("idNatStruct", default=None)
    id_nat_acteur: str | None = element("idNatActeur", default=None)
    id_nat_tiers: str | None = element("idNatTiers", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resultat:
    """One line of a suivi (guide §18.2 table 21): ``erreur`` alone, or the fields in the table's order."""

    erreur: str | None = element("erreur", default=None)
    numero: str | None = element("numero", default=None)
    canal: str | None = element("canal", default=None)
    creation_date: str | None = element("creationDate", default=None)
    date_debut_validite: str | None = element("dateDebutValidite", default=None)
    date_fin_validite: str | None = element("dateFinValidite", default=None)
    offre: str | None = element("offre", default=None)
    usage: str | None = element("usage", default=None)
    id_nat_struct: str | None = element("idNatStruct", default=None)
    raison_sociale: str | None = element("raisonSociale", default=None)
    id_nat_administrateur: str | None = element("idNatAdministrateur", default=None)
    nom_administrateur: str | None = element("nomAdministrateur", default=None)
    prenom_administrateur: str | None = element("prenomAdministrateur", default=None)
    id_nat_beneficiaire: str | None = element("idNatBeneficiaire", default=None)
    nom_beneficiaire: str | None = element("nomBeneficiaire", default=None)
    prenom_beneficiaire: str | None = element("prenomBeneficiaire", default=None)
    id_nat_acteur: str | None = element("idNatActeur", default=None)
    nom_acteur: str | None = element("nomActeur", default=None)
    prenom_acteur: str | None = element("prenomActeur", default=None)
    etat: str | None = element("etat", default=None)
    email_acteur: str | None = element("emailActeur", default=None)
    email_notification: str | None = element("emailNotification", default=None)
    date_expiration: str | None = element("dateExpiration", default=None)
    date_revocation: str | None = element("dateRevocation", default=None)
    motif_revocation: str | None = element("motifRevocation", default=None)
    motif_autre: str | None = element("motifAutre", default=None)
    numero_serie: str | None = element("numeroSerie", default=None)
    dn_autorite: str | None = element("dnAutorite", default=None)
    dn_sujet: str | None = element("dnSujet", default=None)
    domaines: str | None = element("domaines", default=None)
    nom_applicatif: str | None = element("nomApplicatif", default=None)
    email_sujet: str | None = element("eMailSujet", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReponseSuiviActivite:
    """Guide §18.2 table 20; on an error the one ``resultat`` holds ``erreur``."""

    statut: str = element("statut")
    avertissement: str | None = element("avertissement", default=None)
    resultats: tuple[Resultat, ...] = element("resultat", default=())


Request = (
    RequeteDemandeCertificats
    | RequeteRetraitCertificat
    | RequeteRevocationCertificat
    | RequeteRenouvellementCertificat
    | RequeteSuiviActivite
)
Response = (
    ReponseDemandeCertificats
    | ReponseRetraitCertificat
    | ReponseRevocationCertificat
    | ReponseRenouvellementCertificat
    | ReponseSuiviActivite
)
