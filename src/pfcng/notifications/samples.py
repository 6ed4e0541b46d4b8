"""What the mails of each notification are given, with every value that may be missing missing once.

A test holds it against what the platform writes; an operator's templates are tried with it.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from pfcng.notifications.catalogue import Notification

Contenu = dict[str, Any]

_MOMENT: Final = "2026-03-02T10:00:00+00:00"
_ORGANISATION: Final[Contenu] = {
    "numero_demande": 59,
    "environnement": "TEST",
    "creee_le": _MOMENT,
    "demandeur": "Zoé EXEMPLE",
    "offre": "ORG",
    "usage": "AUTH_CLI",
    "structure": "HÔPITAL FICTIF",
    "beneficiaire": None,
    "nom_applicatif": "INSI-AUTO",
    "fqdn": [],
}
_SERVEUR: Final[Contenu] = _ORGANISATION | {
    "offre": "SERV",
    "usage": "SSL_SERV",
    "nom_applicatif": None,
    "fqdn": ["www.hopital.example", "hopital.example"],
}
_PERSONNE: Final[Contenu] = _ORGANISATION | {
    "offre": "PS",
    "usage": "SIGN",
    "structure": None,
    "beneficiaire": "Zoé EXEMPLE",
    "nom_applicatif": None,
}
_DEMANDES: Final = (_ORGANISATION, _SERVEUR, _PERSONNE)
_ISSUED: Final[Contenu] = {
    "autorite": "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
    "numero_serie": "1A2B3C4D5E6F",
    "debut_validite": _MOMENT,
    "fin_validite": "2029-03-02T10:00:00+00:00",
}
_NOT_ISSUED: Final[Contenu] = dict.fromkeys(_ISSUED)
_WAITING: Final[Contenu] = {
    "motif": "PERTE",
    "autre_description": None,
    "date_effet": "2026-03-05",
    "revoque_le": None,
    "automatique": False,
}
_REVOKED: Final[Contenu] = _WAITING | {"revoque_le": "2026-03-05T09:30:00+00:00"}
_OTHERWISE: Final[Contenu] = {"motif": "AUTRE", "autre_description": "serveur arrêté"}
_AUTOMATIC: Final[Contenu] = _OTHERWISE | {"automatique": True}
_REFUSED: Final[Contenu] = {"raison": "Un motif.", "refuse_le": _MOMENT, "objet": "59", "conservee": False}
_UNDONE: Final[Contenu] = {"raison": "Un motif.", "refuse_le": _MOMENT}
"""Of a révocation that was accepted and could not be carried out."""
_KEPT: Final[Contenu] = _REFUSED | {"conservee": True}
_OF_NOTHING: Final[Contenu] = _REFUSED | {
    "numero_serie": "1A2B3C4D5E6F",
    "numero_demande": None,
    "objet": "de renouvellement du certificat 1A2B3C4D5E6F",
}
"""A request of which nothing was kept."""
_REMINDED: Final[Contenu] = {"echeance": "dans 60 jours"}

_OF_DEMANDES: Final[dict[Notification, tuple[Contenu, ...]]] = {
    Notification.CONFIRMATION_DEMANDE: (_NOT_ISSUED,),
    Notification.CONFIRMATION_RETRAIT: (_ISSUED,),
    Notification.CONFIRMATION_REVOCATION: (_ISSUED | _REVOKED, _ISSUED | _REVOKED | _OTHERWISE),
    Notification.CONFIRMATION_RENOUVELLEMENT: (_NOT_ISSUED,),
    Notification.NMG_003: (_NOT_ISSUED,),
    Notification.NMG_005: (_NOT_ISSUED | _REFUSED, _NOT_ISSUED | _KEPT),
    Notification.NMG_006: (_NOT_ISSUED | _KEPT, _ISSUED | _KEPT),
    Notification.NMG_008: (_ISSUED | _WAITING | _UNDONE, _ISSUED | _WAITING | _OTHERWISE | _UNDONE),
    Notification.NMG_009: (_ISSUED | _REVOKED | _AUTOMATIC,),
    Notification.NMG_014: (_ISSUED | _WAITING, _ISSUED | _WAITING | _OTHERWISE, _ISSUED | _WAITING | _AUTOMATIC),
    Notification.RAPPEL: (_ISSUED | _REMINDED,),
}
_OF_REQUESTS: Final = {Notification.NMG_005: (_OF_NOTHING,), Notification.NMG_008: (_OF_NOTHING,)}


def samples(notification: Notification) -> Iterator[Contenu]:
    """Examples of what the texts of a notification are made of."""
    for demande, details in product(_DEMANDES, _OF_DEMANDES[notification]):
        yield demande | details
    yield from _OF_REQUESTS.get(notification, ())
