"""What the web layer serves with: made once by the composition root, read by every request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority
from pfcng.store.database import Database
from pfcng.web.admission import Network
from pfcng.web.trust import LiveTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The parts of a running platform.

    Attributes:
        trust: Authorities whose holders connect and sign; a request takes its state once.
        proxies: Networks whose ``Client-Cert`` header is believed.
        diagnostics: Tell clients the precise cause of a refusal in a header; the sandbox alone does.
    """

    database: Database
    authority: CertificateAuthority
    trust: LiveTrust
    clock: Callable[[], datetime]
    rules: Rules
    proxies: tuple[Network, ...] = ()
    diagnostics: bool = False
