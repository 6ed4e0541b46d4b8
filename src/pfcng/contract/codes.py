"""The register of what the Web Service can say no with: code, French text, section. One entry a line.

The texts are those of the guide, typographic apostrophes included; the line breaks of its tables are not kept, and the
one variable part is written ``<raison>`` whatever a table calls it. Where the guide's own print is at fault:

- ``WSMG-00000007`` and ``WSMG-00000008`` get the « de » that table 22 lost and §17.4 prints;
- ``WSMG-00000032`` to ``WSMG-00000037`` get their final period, as the sample of §14.2.2 prints the first of them;
- the lone « » » of ``WSMG-00000035`` stays: callers may compare texts.

Source: guide §19 table 22, §20, samples of §14.2.2, §14.4 and §18.3.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_RAISON: Final = "<raison>"


@dataclass(frozen=True, slots=True)
class Code:
    """An error of the Web Service.

    Attributes:
        value: What a ``statut`` carries, for example ``WSMG-00000002``.
        text: The French text; its variable part, when it has one, is ``<raison>`` and ends a sentence.
        section: Where the guide defines it.
    """

    value: str
    text: str
    section: str

    def message(self, raison: str = "") -> str:
        """The text with ``raison`` filled in as it is; a text without variable part is returned alone.

        The raison ends a sentence in every text, so exactly one period follows it. Without raison the sentence closes
        before it: « Contenu de la demande non valide. Veuillez … » (§18.3).
        """
        before, variable, after = self.text.partition(_RAISON)
        if not variable:
            return self.text
        sentence = before + raison.rstrip(".") if raison else before.rstrip(" :")
        return f"{sentence}.{after.removeprefix('.')}"


@dataclass(frozen=True, slots=True)
class RmtError:
    """An error that the platform foresees and that a Web Service code carries as its raison (guide §20)."""

    value: str
    text: str
    section: str


# fmt: off
# ruff: noqa: E501 (one entry a line: a text that is searched for is found whole)
WSMG_02: Final = Code("WSMG-00000002", "Signature invalide. Veuillez renouveler votre demande.", "§19")
WSMG_05: Final = Code("WSMG-00000005", "Contenu de la demande non valide : <raison>. Veuillez vérifier que les paramètres en entrée sont corrects et renouveler votre demande.", "§19")
WSMG_07: Final = Code("WSMG-00000007", "Erreur lors de la recherche de demande. Veuillez vérifier et renouveler votre demande.", "§19")
WSMG_08: Final = Code("WSMG-00000008", "Erreur lors de la recherche de certificat. Veuillez vérifier et renouveler votre demande.", "§19")
WSMG_09: Final = Code("WSMG-00000009", "Échec lors de la validation de CSR : <raison> Veuillez essayer de nouveau avec un autre fichier CSR.", "§19")
WSMG_10: Final = Code("WSMG-00000010", "Échec lors de la validation de demande de certificat. La demande n’est pas valide pour la raison suivante <raison>. Veuillez vérifier et renouveler votre demande.", "§19")
WSMG_11: Final = Code("WSMG-00000011", "Échec lors de la validation de demande de retrait : <raison>. Veuillez vérifier et renouveler votre demande.", "§19")
WSMG_12: Final = Code("WSMG-00000012", "Échec lors de l’enregistrement de la demande de révocation : <raison>. Veuillez vérifier et renouveler votre demande.", "§19")
WSMG_15: Final = Code("WSMG-00000015", "Web-Service PFCNG-IGC inaccessible au retrait technique du certificat. Veuillez renouveler votre demande de retrait ultérieurement.", "§19")
WSMG_16: Final = Code("WSMG-00000016", "Web-Service PFCNG-IGC renvoie une erreur au retrait technique du certificat. Veuillez effectuer une nouvelle demande de certificat.", "§19")
WSMG_17: Final = Code("WSMG-00000017", "Web-Service PFCNG-IGC renvoie une erreur à l’enregistrement de la demande. Veuillez vérifier et renouveler votre demande de certificat.", "§19")
WSMG_18: Final = Code("WSMG-00000018", "Web-Service PFCNG-IGC inaccessible à l’enregistrement de la demande de certificat. Veuillez renouveler votre demande de retrait ultérieurement.", "§19")
WSMG_23: Final = Code("WSMG-00000023", "Le lot ne peut pas contenir plus de 20 demandes. Veuillez renouveler votre demande.", "§19")
WSMG_24: Final = Code("WSMG-00000024", "La taille du message ne peut pas dépasser 10 méga-octets. Veuillez renouveler votre demande.", "§19")
WSMG_27: Final = Code("WSMG-00000027", "Indice de retrait inconnu. Veuillez renouveler votre demande.", "§19")
WSMG_30: Final = Code("WSMG-00000030", "Vous n’êtes pas l’acteur de la demande de certificat logiciel. Votre demande est refusée.", "§19")
WSMG_31: Final = Code("WSMG-00000031", "La demande de certificat logiciel n’a pas été faite par le canal WS. Veuillez effectuer votre demande de retrait par le même canal.", "§19")
WSMG_32: Final = Code("WSMG-00000032", "Pour les offres PRO, ORG et SERV, « idNat_Struct » est obligatoire.", "§19")
WSMG_33: Final = Code("WSMG-00000033", "Pour l’offre PRO, « idNat_bénéficiaire » est obligatoire.", "§19")
WSMG_34: Final = Code("WSMG-00000034", "Si usage SSL_SERV : présence d’au moins une balise « FQDN », « mailSujet » est interdit.", "§19")
WSMG_35: Final = Code("WSMG-00000035", "Si offre SERV » hors usage SSL_SERV ou offre ORG : « nomApplicatif » est obligatoire.", "§19")
WSMG_36: Final = Code("WSMG-00000036", "Si offre PS usage SIGN ou CONF, ou offre PRO usage SIGN ou CONF, ou offre ORG, ou offre SERV : « UPN » est interdit.", "§19")
WSMG_37: Final = Code("WSMG-00000037", "Si offre SERV usages SIGN, S/MIME et CONF : « mailSujet » est obligatoire. Si offre ORG : « mailSujet » est interdit.", "§19")
WSMG_38: Final = Code("WSMG-00000038", "Si une erreur survient au cours de la transmission de l’acquittement du Web Service, une erreur est loguée.", "§19")  # logged, never sent
WSMG_42: Final = Code("WSMG-00000042", "Plus de 5 FQDN sont fournis dans le SAN. Veuillez vérifier et renouveler votre demande.", "§19")
WSMG_43: Final = Code("WSMG-00000043", "Erreur lors de la vérification de la validité de la demande de suivi : <raison>", "§19")
WSMG_44: Final = Code("WSMG-00000044", "Échec lors de la complétion de la demande de certificat. La demande est en échec pour la raison suivante <raison>. Veuillez vérifier et renouveler votre demande.", "§19")

RMT_ERR_001: Final = RmtError("RMT_ERR_001", "Échec lors de la validation de CSR : <raison>", "§20")
RMT_ERR_002: Final = RmtError("RMT_ERR_002", "Échec lors de la validation de demande de certificat : <raison>", "§20")
RMT_ERR_003: Final = RmtError("RMT_ERR_003", "Web-Service PFCNG-IGC inaccessible à l’enregistrement technique de la demande de certificat", "§20")
RMT_ERR_004: Final = RmtError("RMT_ERR_004", "Web-Service PFCNG-IGC renvoie une erreur à l’enregistrement technique de la demande", "§20")
RMT_ERR_005: Final = RmtError("RMT_ERR_005", "Échec lors de la validation de demande de retrait : <raison>", "§20")
RMT_ERR_006: Final = RmtError("RMT_ERR_006", "Web-Service PFCNG-IGC inaccessible au retrait technique du certificat", "§20")
RMT_ERR_007: Final = RmtError("RMT_ERR_007", "Web-Service PFCNG-IGC renvoie une erreur au retrait technique du certificat", "§20")
RMT_ERR_008: Final = RmtError("RMT_ERR_008", "Annulation de la demande avant retrait technique dans la PFCNG-IGC", "§20")
RMT_ERR_009: Final = RmtError("RMT_ERR_009", "Interruption du retrait fonctionnel du certificat après retrait technique dans la PFCNG-IGC", "§20")
RMT_ERR_010: Final = RmtError("RMT_ERR_010", "Erreur lors de la génération du fichier PKCS#12 côté utilisateur par l’applet de mise à disposition accompagnée", "§20")
RMT_ERR_011: Final = RmtError("RMT_ERR_011", "Échec lors de l’enregistrement de la demande de révocation : <raison>", "§20")
RMT_ERR_012: Final = RmtError("RMT_ERR_012", "Web-Service PFCNG-IGC inaccessible à la révocation du certificat", "§20")
RMT_ERR_013: Final = RmtError("RMT_ERR_013", "Web-Service PFCNG-IGC renvoie une erreur à la révocation du certificat", "§20")
RMT_ERR_016: Final = RmtError("RMT_ERR_016", "Erreur lors de la vérification de la validité de la demande de suivi : <raison>", "§20")


class Raison(StrEnum):
    """What fills ``<raison>``. A member with ``{named}`` parts is completed with ``str.format``."""

    # RMT_ERR_001, carried by WSMG-00000009
    CSR_NON_CONFORME = "La CSR n’est pas conforme (PKCS#10)."
    CSR_SIGNATURE = "La signature de la CSR est incorrecte."
    CLE_DEJA_PRESENTEE = "La clé publique pour cette CSR a déjà été présentée pour une autre demande ({numero}, {acteur}, {concerne}, {date})."
    CLE_NON_ACCEPTEE = "La clé publique n’est pas acceptée."
    # <Erreur_Habilitation>, carried by WSMG-00000010, 11, 12 and 43 (§14.4, §18.3)
    HORS_PERIMETRE = "L’acteur n’est pas habilité sur le périmètre de la structure."
    HORS_OFFRE = "Le bénéficiaire n’est pas habilité pour l’offre demandée."
    HORS_DOMAINE = "L’acteur n’est pas habilité sur le domaine {domaine}."
    # RMT_ERR_002, 005, 011 and 016
    ACTEUR_INCONNU = "L’acteur n’existe pas dans l’annuaire"
    BENEFICIAIRE_INCONNU = "Le bénéficiaire n’existe pas dans l’annuaire"
    STRUCTURE_INCONNUE = "La structure n’existe pas dans l’annuaire"
    # RMT_ERR_002, carried by WSMG-00000010 and 44
    PRODUIT_FERME = "Le type de produit n’est pas ouvert à la commande."
    ADRESSE_PROTEGEE = "L’adresse de messagerie protégée est déjà renseignée pour un autre produit {numero} en cours de validité et contenant un autre DN (certificat de personne physique) ou un autre idNatStruct (certificat d’organisation)."
    INCOHERENT = "Les paramètres de la demande et du produit ne sont pas cohérents avec les données contenues dans le référentiel identité : {donnee} incohérente avec {reference}."
    CONTRAINTE = "Les contraintes sur les caractéristiques de la demande ou du produit ne sont pas respectées : {attribut} {contrainte}."
    # RMT_ERR_005, carried by WSMG-00000011
    PRODUIT_PAS_A_RETIRER = "Le produit n’est pas dans l’état « Produit à retirer »."
    AUTRE_ACTEUR = "L’acteur ayant effectué la demande ({demandeur}) doit être le même au retrait ({retrait})"
    AUTRE_ADMINISTRATEUR = "L’administrateur ASIP ayant effectué la demande ({demandeur}) doit être le même au retrait ({retrait})"
    # RMT_ERR_011, carried by WSMG-00000012
    CONTRAINTE_REVOCATION = "Les contraintes sur les caractéristiques de la demande de révocation ne sont pas respectées : {attribut}."
    PRODUIT_PAS_ACTIF = "Le produit n’est pas dans l’état « Produit actif » ou dans l’état « Produit retiré »."
# fmt: on


CODES: Final[dict[str, Code]] = {entry.value: entry for entry in tuple(globals().values()) if isinstance(entry, Code)}
"""Table 22 whole: value → entry."""

RMT_ERRORS: Final[dict[str, RmtError]] = {
    entry.value: entry for entry in tuple(globals().values()) if isinstance(entry, RmtError)
}
"""Guide §20 whole: value → entry."""
