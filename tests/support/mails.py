"""Mails as rows have them, and folders of mails as readers see them."""

import mailbox
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final

from pfcng.notifications.catalogue import Notification, Role
from pfcng.notifications.mail import Mail
from pfcng.notifications.rendering import Renderer

SENDER: Final = "Plateforme <ne-pas-repondre@pfcng.example>"
DEMANDEUR: Final = "demandeur@hopital.example"
CREATED: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CONTENU: Final[dict[str, Any]] = {
    "numero_demande": 59,
    "creee_le": "2026-03-02T10:00:00+00:00",
    "environnement": "TEST",
    "demandeur": "Zoé D’Éry-Ñandú",
    "offre": "ORG",
    "usage": "AUTH_CLI",
    "structure": "HÔPITAL « SAINT-ÉLOI » <FICTIF>",
    "beneficiaire": None,
    "nom_applicatif": "INSI-AUTO",
    "fqdn": [],
    "autorite": "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
    "numero_serie": "1A2B3C4D5E6F",
    "debut_validite": "2026-03-02T10:00:00+00:00",
    "fin_validite": "2029-03-02T10:00:00+00:00",
    "motif": "PERTE",
    "autre_description": None,
    "date_effet": "2026-03-05",
    "revoque_le": "2026-03-05T09:30:00+00:00",
    "refuse_le": "2026-03-02T10:00:00+00:00",
    "raison": "La CSR n’est pas conforme.",
    "objet": "59",
    "conservee": False,
    "echeance": "dans 60 jours",
}
"""Everything that any text may need."""


def mail_of(
    notification: Notification = Notification.CONFIRMATION_DEMANDE,
    *,
    role: Role = Role.DEMANDEUR,
    destinataire: str = DEMANDEUR,
    numero: int = 1,
    **contenu: object,
) -> Mail:
    """A mail of the example demande."""
    return Mail(
        numero=numero,
        notification=notification,
        role=role,
        destinataire=destinataire,
        contenu={**CONTENU, **contenu},
        cree_le=CREATED,
    )


def make_renderer(folder: Path | None = None) -> Renderer:
    """The shipped templates, or those of a folder before them."""
    return Renderer(sender=SENDER, retrait_delay=timedelta(days=30), folder=folder)


def message_of(mail: Mail | None = None) -> EmailMessage:
    """A message as a worker makes it."""
    return make_renderer().compose(mail or mail_of())


def received(message: EmailMessage) -> EmailMessage:
    """The message as its reader's program sees it after its way over the network."""
    parsed = BytesParser(policy=policy.default).parsebytes(message.as_bytes())
    assert isinstance(parsed, EmailMessage)
    return parsed


def part_of(message: EmailMessage, kind: str) -> str:
    """The text of a part, ``plain`` or ``html``."""
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def mails_in(folder: Path) -> list[EmailMessage]:
    """The messages of a maildir."""

    def parse(file: Any) -> Any:
        return BytesParser(policy=policy.default).parse(file)

    box: Any = mailbox.Maildir(folder, factory=parse, create=False)
    return list(box) if (folder / "new").exists() else []
