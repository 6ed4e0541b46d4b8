"""The authority with its calls counted and timed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from time import perf_counter

from cryptography import x509

from pfcng.igc.authority import AuthorityRefused, AuthorityUnavailable, CertificateAuthority, Status
from pfcng.igc.requests import CertificateRequest
from pfcng.watch import metrics, tracing


class MeasuredAuthority:
    """As the authority it is put around."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._authority = authority

    def register(self, numero: int, request: CertificateRequest) -> None:
        """Idem."""
        with _measured("register"):
            self._authority.register(numero, request)

    def issue(self, numero: int) -> x509.Certificate:
        """Idem."""
        with _measured("issue"):
            return self._authority.issue(numero)

    def revoke(self, numero: int, reason: x509.ReasonFlags | None) -> datetime:
        """Idem."""
        with _measured("revoke"):
            return self._authority.revoke(numero, reason)

    def status(self, numero: int) -> Status:
        """Idem."""
        with _measured("status"):
            return self._authority.status(numero)

    def list_issued(self, *, after: int, limit: int) -> Sequence[Status]:
        """Idem."""
        with _measured("list"):
            return self._authority.list_issued(after=after, limit=limit)

    def publish(self) -> None:
        """Idem."""
        with _measured("publish"):
            self._authority.publish()


@contextmanager
def _measured(call: str) -> Iterator[None]:
    began, result = perf_counter(), "failed"
    try:
        with tracing.span(f"igc.{call}") or nullcontext():
            yield
        result = "done"
    except AuthorityRefused:
        result = "refused"
        raise
    except AuthorityUnavailable:
        result = "unavailable"
        raise
    finally:
        metrics.AUTHORITY_CALLS.labels(call, result).inc()
        metrics.AUTHORITY_SECONDS.labels(call).observe(perf_counter() - began)
