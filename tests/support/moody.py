"""PFCNG-IGC in a mood: the real authority, which does not answer, refuses, or is watched, as a test says."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from pfcng.igc.authority import AuthorityRefused, AuthorityUnavailable
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.requests import CertificateRequest
from pfcng.igc.urls import PublicationUrls
from pfcng.store.database import Database
from support.platform import load_signers


class MoodyAuthority(EmbeddedAuthority):
    """The embedded authority over the sandbox's folder.

    Attributes:
        error: What every call raises, unless None.
        before: Called before each call, with its name.
        after: Called after each call that was answered, with its name.
        asked: The calls, as name and number.
    """

    def __init__(self, database: Database, pki: Path) -> None:
        signers = load_signers(pki)
        super().__init__(database, signers=signers, urls=PublicationUrls(), clock=lambda: datetime.now(UTC))
        self.error: AuthorityRefused | AuthorityUnavailable | None = None
        self.before: Callable[[str], None] = lambda _name: None
        self.after: Callable[[str], None] = lambda _name: None
        self.asked: list[tuple[str, int]] = []

    def register(self, numero: int, request: CertificateRequest) -> None:
        self._begin("register", numero)
        super().register(numero, request)
        self.after("register")

    def issue(self, numero: int) -> x509.Certificate:
        self._begin("issue", numero)
        certificate = super().issue(numero)
        self.after("issue")
        return certificate

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        self._begin("revoke", numero)
        revoked = super().revoke(numero, reason)
        self.after("revoke")
        return revoked

    def _begin(self, name: str, numero: int) -> None:
        self.asked.append((name, numero))
        self.before(name)
        if self.error is not None:
            raise self.error
