"""What every operation is told about the request it serves."""

from dataclasses import dataclass
from datetime import date, datetime

from pfcng.contract.catalogue import Environment
from pfcng.contract.paris import paris_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as it came in: nothing of it is verified but the TLS peer.

    Attributes:
        incident: Number that joins the log, the journal and the reply.
        titulaire_tls: Subject of the TLS peer's certificate, RFC 4514.
        adresse: Address the request came from.
        now: When it came, UTC.
    """

    incident: str
    titulaire_tls: str
    adresse: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext(Arrival):
    """A request whose signature was verified.

    Attributes:
        environment: Environment of the authority that issued the signer's certificate (guide §13).
        signataire: National identifier in the signer's certificate.
        signataire_dn: Subject of that certificate, RFC 4514.
    """

    environment: Environment
    signataire: str
    signataire_dn: str

    @property
    def today(self) -> date:
        """The day of the request in Europe/Paris."""
        return paris_day(self.now)
