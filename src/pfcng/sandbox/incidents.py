"""Incidents that a user of the sandbox asks for: an authority or a mail relay that refuses, is slow or does not answer.

They are put around the real parts here, so that no production room knows of them.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from threading import Lock
from typing import Final

from cryptography import x509

from pfcng.igc.authority import (
    AuthorityUnavailable,
    CertificateAuthority,
    NotRegistered,
    RequestRefused,
    Status,
)
from pfcng.igc.requests import CertificateRequest
from pfcng.notifications.mail import MailDelayed, MailRefused, Transport

SLOWNESS: Final = timedelta(seconds=5)
"""What a slow authority adds to each call; less than the time-out (docs/igc.md)."""


class Incident(StrEnum):
    """What can be asked for."""

    IGC_INACCESSIBLE = "igc-inaccessible"
    IGC_INACCESSIBLE_AU_RETRAIT = "igc-inaccessible-au-retrait"
    IGC_REFUSE = "igc-refuse"
    IGC_REFUSE_AU_RETRAIT = "igc-refuse-au-retrait"
    IGC_LENTE = "igc-lente"
    COURRIER_INACCESSIBLE = "courrier-inaccessible"
    COURRIER_REFUSE = "courrier-refuse"


MEANINGS: Final = {
    Incident.IGC_INACCESSIBLE: "PFCNG-IGC ne répond à rien : WSMG-00000018 au premier retrait, révocations en attente",
    Incident.IGC_INACCESSIBLE_AU_RETRAIT: "PFCNG-IGC enregistre, puis ne répond pas au retrait : WSMG-00000015",
    Incident.IGC_REFUSE: "PFCNG-IGC refuse ce qui lui est demandé : WSMG-00000017, révocations refusées",
    Incident.IGC_REFUSE_AU_RETRAIT: "PFCNG-IGC enregistre, puis refuse d’émettre : WSMG-00000016",
    Incident.IGC_LENTE: "PFCNG-IGC met cinq secondes de plus à répondre",
    Incident.COURRIER_INACCESSIBLE: "le serveur de messagerie ne répond pas : les courriels attendent",
    Incident.COURRIER_REFUSE: "le serveur de messagerie refuse tout destinataire, sans retour",
}
"""What each does."""


class Incidents:
    """Which incidents there are at this moment. Each ends by itself, or when everything is restored."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[Incident, float] = {}
        self._lock = Lock()

    def start(self, incident: Incident, during: timedelta | None = None) -> None:
        """From now on, for that long or until restored."""
        end = float("inf") if during is None else self._monotonic() + during.total_seconds()
        with self._lock:
            self._until[incident] = end

    def restore(self) -> None:
        """End them all."""
        with self._lock:
            self._until.clear()

    def is_on(self, *incidents: Incident) -> bool:
        """Whether one of these is under way."""
        return any(incident in self.under_way() for incident in incidents)

    def under_way(self) -> Mapping[Incident, float | None]:
        """Those there are, with the seconds that are left; None without end."""
        now = self._monotonic()
        with self._lock:
            left = {incident: end - now for incident, end in self._until.items() if end > now}
        return {incident: None if seconds == float("inf") else seconds for incident, seconds in left.items()}


def _told(*incidents: Incident) -> str:
    """Why nothing works, for who reads a diagnostic."""
    return f"panne provoquée du bac à sable, {' et '.join(incidents)}"


class IncidentAuthority:
    """The authority, as the incidents let it be reached."""

    def __init__(
        self, authority: CertificateAuthority, incidents: Incidents, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._authority = authority
        self._incidents = incidents
        self._sleep = sleep

    def register(self, numero: int, request: CertificateRequest) -> None:
        """As the real one, or an incident."""
        self._meet(Incident.IGC_INACCESSIBLE)
        if self._incidents.is_on(Incident.IGC_REFUSE):
            raise RequestRefused(_told(Incident.IGC_REFUSE))
        self._authority.register(numero, request)

    def issue(self, numero: int) -> x509.Certificate:
        """As the real one, or an incident."""
        self._meet(Incident.IGC_INACCESSIBLE, Incident.IGC_INACCESSIBLE_AU_RETRAIT)
        if self._incidents.is_on(Incident.IGC_REFUSE, Incident.IGC_REFUSE_AU_RETRAIT):
            raise RequestRefused(_told(Incident.IGC_REFUSE_AU_RETRAIT))
        return self._authority.issue(numero)

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        """As the real one, or an incident."""
        self._meet(Incident.IGC_INACCESSIBLE)
        if self._incidents.is_on(Incident.IGC_REFUSE):
            raise NotRegistered(_told(Incident.IGC_REFUSE))
        return self._authority.revoke(numero, reason)

    def status(self, numero: int) -> Status:
        """As the real one, or an incident."""
        self._meet(Incident.IGC_INACCESSIBLE)
        return self._authority.status(numero)

    def list_issued(self, *, after: int, limit: int) -> Sequence[Status]:
        """As the real one, or an incident."""
        self._meet(Incident.IGC_INACCESSIBLE)
        return self._authority.list_issued(after=after, limit=limit)

    def publish(self) -> None:
        """As the real one, or an incident."""
        self._meet(Incident.IGC_INACCESSIBLE)
        self._authority.publish()

    def _meet(self, *unreachable: Incident) -> None:
        if self._incidents.is_on(Incident.IGC_LENTE):
            self._sleep(SLOWNESS.total_seconds())
        if self._incidents.is_on(*unreachable):
            raise AuthorityUnavailable(_told(*(one for one in unreachable if self._incidents.is_on(one))))


class IncidentTransport:
    """The mail transport, as the incidents let it be reached."""

    def __init__(self, transport: Transport, incidents: Incidents) -> None:
        self._transport = transport
        self._incidents = incidents

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """As the real one, or an incident."""
        await asyncio.sleep(0)
        if self._incidents.is_on(Incident.COURRIER_INACCESSIBLE):
            raise MailDelayed(_told(Incident.COURRIER_INACCESSIBLE))
        if self._incidents.is_on(Incident.COURRIER_REFUSE):
            raise MailRefused(_told(Incident.COURRIER_REFUSE))
        await self._transport.send(message, recipient)

    async def close(self) -> None:
        """As the real one."""
        await self._transport.close()
