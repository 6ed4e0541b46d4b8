"""Which part of a node is not ready, and why, in French.

A node that answers 503 is taken out by the load balancer, and every node with it when the part is one that all share:
503 is for a node that can serve nobody. What only some operations need is ``dégradé``, which stays 200.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Final

import psycopg
from cryptography import x509
from psycopg_pool import PoolTimeout

from pfcng.igc.authority import AuthorityUnavailable, CertificateAuthority
from pfcng.pki.keys import load_certificates
from pfcng.pki.trust import CrlEnd
from pfcng.store.database import Database
from pfcng.store.jobs import SILENCE, count_workers
from pfcng.store.migrations import Chain, UnsuitableDatabase, check_tables
from pfcng.web.trust import LiveTrust

_PATIENCE: Final = 2.0
"""Seconds that PFCNG-IGC has to answer whoever asks how the node is: fewer than a part has."""
_BELIEVED: Final = 2.0
"""Seconds for which its answer counts: several load balancers may ask, and Prometheus."""
_NEAR: Final = timedelta(days=7)
"""A certificate that ends sooner is told."""


class State(Enum):
    """Of a part; the value is what is shown and what `pfcng_part_state` has."""

    READY = ("prêt", 1.0)
    DEGRADED = ("dégradé", 0.5)
    DOWN = ("non", 0.0)


@dataclass(frozen=True, slots=True)
class Health:
    """Of a part."""

    state: State = State.READY
    reason: str = ""


Check = Callable[[], Health]
"""Looks at a part; it may wait, for a time that is bounded, and raises nothing."""
_READY: Final = Health()


def database_check(database: Database) -> Check:
    """It answers."""
    down = Health(State.DOWN, "la base de données ne répond pas")
    return lambda: _READY if database.is_alive() else down


def schema_check(database: Database, chains: Sequence[Chain], remedy: str = "pfcng migrer") -> Check:
    """Its tables are those that this version works with."""

    def check() -> Health:
        try:
            with database.transaction() as connection:
                check_tables(connection, *chains, remedy=remedy)
        except UnsuitableDatabase as error:
            return Health(State.DOWN, str(error))
        except (psycopg.Error, PoolTimeout):
            return Health(State.DOWN, "le schéma ne peut pas être lu")
        return _READY

    return check


def attestation_check(database: Database) -> Check:
    """It was not restored, or was compared since (docs/restore.md)."""

    def check() -> Health:
        try:
            if database.is_attested():
                return _READY
        except (psycopg.Error, PoolTimeout):
            return Health(State.DEGRADED, "la base de données ne répond pas")
        return Health(
            State.DEGRADED, f"rien n’est émis ni publié : {database.suspicion} ; lancez « pfcng reconcilier »"
        )

    return check


def trust_check(trust: LiveTrust, clock: Callable[[], datetime]) -> Check:
    """CRLs are there and in their time; without any, nobody is let in."""

    def check() -> Health:
        ailing, store, now = trust.ailing(), trust.current, clock()

        def counts(end: CrlEnd) -> bool:
            return end.next_update is not None and now <= end.next_update + store.crl_grace

        reason = " ".join(map(str, ailing))
        if not any(counts(end) for end in store.crl_ends() if not end.authority.name.is_root):
            return Health(State.DOWN, reason or "aucune AC n’est crue")
        return Health(State.DEGRADED, reason) if ailing else _READY

    return check


def authority_check(authority: CertificateAuthority) -> Check:
    """PFCNG-IGC answers; without it nothing is issued nor revoked, and the rest goes on.

    One that hangs is as one that is away, and whoever asks how the node is takes no more than one of its calls.
    """

    def ask() -> Health:
        try:
            authority.status(0)
        except AuthorityUnavailable:
            return Health(State.DEGRADED, "PFCNG-IGC ne répond pas")
        except (psycopg.Error, PoolTimeout):
            return Health(State.DEGRADED, "la base de PFCNG-IGC ne répond pas")
        return _READY

    return _Aside(ask, late=Health(State.DEGRADED, f"PFCNG-IGC ne répond pas en {_PATIENCE:.0f} s")).look


class _Aside:
    """A look that may hang: taken in a thread of its own, one at a time, and believed for some seconds.

    Args:
        check: The look.
        late: What is said while it lasts.
    """

    def __init__(self, check: Check, *, late: Health) -> None:
        self._check = check
        self._late = late
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, "pfcng-sante")
        self._looking: Future[Health] | None = None
        self._until = 0.0

    def look(self) -> Health:
        """What was found, lately or now."""
        with self._lock:
            if self._looking is None or (self._looking.done() and time.monotonic() > self._until):
                self._looking = self._thread.submit(self._check)
                self._until = time.monotonic() + _BELIEVED
            looking = self._looking
        try:
            return looking.result(_PATIENCE)
        except TimeoutError:
            return self._late


def certificates_check(certificates: Sequence[x509.Certificate], clock: Callable[[], datetime]) -> Check:
    """The authorities whose keys are here can sign still."""

    def check() -> Health:
        ending = [one for one in certificates if one.not_valid_after_utc - _NEAR < clock()]
        if not ending:
            return _READY
        told = ", ".join(f"{common_name(one)} ({one.not_valid_after_utc:%Y-%m-%d})" for one in ending)
        return Health(State.DEGRADED, f"certificats d’AC finis, ou qui finissent sous {_NEAR.days} jours : {told}")

    return check


def workers_check(database: Database) -> Check:
    """A worker gave a sign of life lately; without any, mails and what falls due wait."""

    def check() -> Health:
        try:
            with database.transaction() as connection:
                if count_workers(connection):
                    return _READY
        except (psycopg.Error, PoolTimeout):
            return Health(State.DEGRADED, "la base de données ne répond pas")
        return Health(State.DEGRADED, f"aucun worker n’a donné signe de vie depuis {SILENCE.seconds} s")

    return check


def working_check(is_working: Callable[[], bool]) -> Check:
    """A worker looks at the queue."""
    down = Health(State.DOWN, "le worker ne prend pas de tâches")
    return lambda: _READY if is_working() else down


class ServedCertificate:
    """The certificate that a server shows, as it was when it was read; another may take its place.

    Raises:
        CredentialError: or OSError: The file has none. OpenSSL takes some that are none here (TRUSTED CERTIFICATE).
    """

    def __init__(self, file: Path) -> None:
        self.ends = load_certificates(file)[0].not_valid_after_utc

    def check(self, clock: Callable[[], datetime]) -> Health:
        """Whether clients can believe it still."""
        left = self.ends - clock()
        if left < timedelta(0):
            return Health(State.DOWN, f"le certificat TLS est fini depuis le {self.ends:%Y-%m-%d}")
        if left < _NEAR:
            return Health(State.DEGRADED, f"le certificat TLS finit le {self.ends:%Y-%m-%d}")
        return _READY


def common_name(certificate: x509.Certificate) -> str:
    """How an authority is called."""
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else "?"
