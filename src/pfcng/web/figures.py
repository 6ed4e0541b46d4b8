"""The figures that are read at a scrape: from what the process knows, and a few rows of the database."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from cryptography import x509
from prometheus_client import Metric
from psycopg_pool import PoolTimeout

from pfcng.igc import published
from pfcng.pki.trust import key_identifier
from pfcng.store import mesures
from pfcng.store.database import Database, DbConnection
from pfcng.store.mesures import Mesures
from pfcng.watch import metrics
from pfcng.web.readiness import common_name
from pfcng.web.trust import LiveTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What there is to read.

    Attributes:
        database: The program's.
        publishing: The authorities whose CRLs are made here.
        trust: Whose CRLs are believed here; None for PFCNG-IGC, which believes by name.
        is_counted: Whether a worker counts in this database.
        tls_ends: When the certificate of the service ends; None where there is no service.
    """

    database: Database
    publishing: Sequence[x509.Certificate] = ()
    trust: LiveTrust | None = None
    is_counted: bool = True
    tls_ends: Callable[[], datetime] | None = None

    def read(self) -> Iterable[Metric]:
        """All of them; those of the database are left out while it does not answer."""
        if self.tls_ends is not None:
            yield metrics.TLS_ENDS.of(self.tls_ends().timestamp())
        made, ends = self._believed()
        try:
            with self.database.transaction() as connection:
                self._add_published(connection, made, ends)
                if self.is_counted:
                    yield from _counted(mesures.lire(connection))
        except (psycopg.Error, PoolTimeout):
            pass  # the part « base » says so
        yield metrics.CRL_MADE.of(made)
        yield metrics.CRL_ENDS.of(ends)
        yield metrics.AUTHORITY_ENDS.of(self._authority_ends())

    def _believed(self) -> tuple[dict[str, float], dict[str, float]]:
        """ThisUpdate and nextUpdate of the CRLs that requests are judged by."""
        crls = self.trust.current.crl_ends() if self.trust is not None else []
        made = {one.authority.name.common_name: one.this_update.timestamp() for one in crls if one.this_update}
        ends = {one.authority.name.common_name: one.next_update.timestamp() if one.next_update else 0.0 for one in crls}
        return made, ends

    def _add_published(self, connection: DbConnection, made: dict[str, float], ends: dict[str, float]) -> None:
        """Those that are made here."""
        names = {key_identifier(one): common_name(one) for one in self.publishing}
        dates = published.newest_dates(connection, list(names))
        for key, name in names.items():
            this_update, next_update = dates.get(key, (None, None))
            if this_update and next_update:
                made[name], ends[name] = this_update.timestamp(), next_update.timestamp()
            else:
                ends[name] = 0.0

    def _authority_ends(self) -> dict[str, float]:
        """The sooner one where two certificates have one name."""
        believed = self.trust.current if self.trust is not None else None
        certificates = [one.certificate for one in (*believed.roots, *believed.authorities)] if believed else []
        ends: dict[str, float] = {}
        for one in (*certificates, *self.publishing):
            end = one.not_valid_after_utc.timestamp()
            ends[common_name(one)] = min(end, ends.get(common_name(one), end))
        return ends


def _counted(last: Mesures | None) -> Iterable[Metric]:
    yield metrics.COUNTED.of(last.le.timestamp() if last else 0.0)
    if last is None:
        return
    yield metrics.CERTIFICATES.of(last.produits)
    yield metrics.JOBS_KEPT.of(last.taches)
    yield metrics.MAILS_KEPT.of(last.courriels)
    yield metrics.OLDEST_MAIL.of(last.courriel_ancien)
    yield metrics.REVOCATIONS_DUE.of(float(last.revocations))
    yield metrics.WORKERS.of(float(last.workers))
