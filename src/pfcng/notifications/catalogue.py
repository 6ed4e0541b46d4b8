"""THE catalogue of the notifications: which mail tells what, with which subject, from which templates.

Subjects of §14.3 to §17.3 are the guide's to the letter, but for the spaces that its typesetting doubles; the guide
prints none for the NMG rows, so those follow the same form. Source: guide §14.3, §15.3, §16.3, §17.3, §20.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final

_HEAD: Final = "Agence du numérique en santé - Produits de Certification >>> "
FOR_INFORMATION: Final = "[POUR INFORMATION] "
"""What the subject begins with for the person to inform (§14.3)."""


class Role(StrEnum):
    """Who receives a mail, by the element of the request that has the address."""

    DEMANDEUR = "mailDemandeur"
    A_INFORMER = "mailPersonneAInformer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One notification.

    Attributes:
        code: The guide's (``NMG-003``), or ours for the confirmations, which it does not number.
        section: Where the guide asks for it.
        trigger: What happened, in French, for the page of documentation.
        subject: With the names of what the text needs.
        template: Stem of its two templates.
        recipients: Who receives it.
    """

    code: str
    section: str
    trigger: str
    subject: str
    template: str
    recipients: tuple[Role, ...] = (Role.DEMANDEUR, Role.A_INFORMER)


class Notification(Enum):
    """Every mail that the platform sends."""

    CONFIRMATION_DEMANDE = Entry(
        code="CONFIRMATION-DEMANDE",
        section="§14.3",
        trigger="La demande de certificat est validée.",
        subject=_HEAD + "Confirmation de la demande {numero_demande}",
        template="confirmation_demande",
    )
    CONFIRMATION_RETRAIT = Entry(
        code="CONFIRMATION-RETRAIT",
        section="§15.3",
        trigger="Le certificat est remis : le produit est actif.",
        subject=_HEAD + "Confirmation du retrait du certificat {autorite} / {numero_serie}",
        template="confirmation_retrait",
    )
    CONFIRMATION_REVOCATION = Entry(
        code="CONFIRMATION-REVOCATION",
        section="§16.3",
        trigger="Le certificat est révoqué, à la date d’effet.",
        subject=_HEAD + "Confirmation de la révocation du certificat {autorite} / {numero_serie}",
        template="confirmation_revocation",
    )
    CONFIRMATION_RENOUVELLEMENT = Entry(
        code="CONFIRMATION-RENOUVELLEMENT",
        section="§17.3",
        trigger="La demande de renouvellement est validée.",
        subject=_HEAD + "Confirmation de la demande {numero_demande}",
        template="confirmation_renouvellement",
    )
    NMG_003 = Entry(
        code="NMG-003",
        section="§20, RMT_ERR_008",
        trigger="La demande n’a pas été retirée dans le délai : elle est annulée.",
        subject=_HEAD + "Annulation de la demande {numero_demande}",
        template="nmg_003",
    )
    NMG_005 = Entry(
        code="NMG-005",
        section="§20, RMT_ERR_001 à 004",
        trigger="La demande échoue : CSR ou règle métier, ou PFCNG-IGC inaccessible ou qui refuse à l’enregistrement.",
        subject=_HEAD + "Échec de la demande {objet}",
        template="nmg_005",
    )
    NMG_006 = Entry(
        code="NMG-006",
        section="§20, RMT_ERR_005",
        trigger="Le retrait est refusé (WSMG-00000011 ou WSMG-00000030).",
        subject=_HEAD + "Échec du retrait du certificat de la demande {numero_demande}",
        template="nmg_006",
    )
    NMG_008 = Entry(
        code="NMG-008",
        section="§20, RMT_ERR_011 à 013",
        trigger="La révocation est refusée (WSMG-00000012), ou n’a pas pu être faite après avoir été acceptée.",
        subject=_HEAD + "Échec de la demande de révocation du certificat {numero_serie}",
        template="nmg_008",
    )
    NMG_009 = Entry(
        code="NMG-009",
        section="§20, RMT_ERR_009",
        trigger="Le certificat retiré n’a pas été remis dans le délai : il est révoqué.",
        subject=_HEAD + "Révocation automatique du certificat {autorite} / {numero_serie}",
        template="nmg_009",
    )
    NMG_014 = Entry(
        code="NMG-014",
        section="§20, RMT_ERR_012",
        trigger="PFCNG-IGC est inaccessible : la révocation est en attente.",
        subject=_HEAD + "Mise en attente de la révocation du certificat {autorite} / {numero_serie}",
        template="nmg_014",
    )
    RAPPEL = Entry(
        code="RAPPEL-ECHEANCE",
        section="–",
        trigger="Le produit actif expire dans 60, 30 ou 7 jours ; une fois chacun.",
        subject=_HEAD + "Expiration {echeance} du certificat {autorite} / {numero_serie}",
        template="rappel",
    )

    @property
    def code(self) -> str:
        """How rows and pages name it."""
        return self.value.code

    def subject(self, contenu: Mapping[str, Any], role: Role) -> str:
        """The subject for one recipient, on one line whatever the values hold."""
        text = self.value.subject.format_map(contenu)
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return FOR_INFORMATION + line if role is Role.A_INFORMER else line


BY_CODE: Final = {notification.code: notification for notification in Notification}
"""The notifications by what rows call them."""
