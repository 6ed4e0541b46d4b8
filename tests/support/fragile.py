"""An authority that fails when it is told to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType

from cryptography import x509

from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.requests import CertificateRequest


class Killed(BaseException):
    """The process ends here."""


class FragileAuthority(EmbeddedAuthority):
    """The embedded authority, and what it meets before or after it does its part.

    Attributes:
        faults: Step and side, ``register before``, → what is raised there.
    """

    faults: Mapping[str, BaseException] = MappingProxyType({})

    @contextmanager
    def meeting(self, faults: Mapping[str, BaseException]) -> Iterator[None]:
        """Meet these, inside the block."""
        self.faults = faults
        try:
            yield
        finally:
            self.faults = MappingProxyType({})

    def register(self, numero: int, request: CertificateRequest) -> None:
        """R1."""
        self._meet("register before")
        super().register(numero, request)
        self._meet("register after")

    def issue(self, numero: int) -> x509.Certificate:
        """R3."""
        self._meet("issue before")
        certificate = super().issue(numero)
        self._meet("issue after")
        return certificate

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        """V2."""
        self._meet("revoke before")
        revoked = super().revoke(numero, reason)
        self._meet("revoke after")
        return revoked

    def _meet(self, place: str) -> None:
        if place in self.faults:
            raise self.faults[place]
