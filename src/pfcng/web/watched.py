"""Which parts each program is made of, for those who ask how it is."""

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509
from starlette.types import ASGIApp

from pfcng.igc.authority import CertificateAuthority
from pfcng.store.database import Database
from pfcng.store.migrations import Chain
from pfcng.web.exploitation import create_exploitation
from pfcng.web.figures import Figures
from pfcng.web.platform import Platform
from pfcng.web.readiness import (
    ServedCertificate,
    attestation_check,
    authority_check,
    certificates_check,
    database_check,
    schema_check,
    trust_check,
    workers_check,
    working_check,
)


def watched_platform(
    platform: Platform,
    *,
    schemas: Sequence[Chain],
    publishing: Sequence[x509.Certificate],
    served: ServedCertificate,
    has_worker: bool,
) -> ASGIApp:
    """Health and metrics of a process that serves.

    Args:
        platform: Its parts.
        schemas: Of its database.
        publishing: The authorities whose CRLs it makes.
        served: Its TLS certificate.
        has_worker: A worker is beside.
    """
    database, clock = platform.database, platform.clock
    parts = {
        "base": database_check(database),
        "schema": schema_check(database, schemas),
        "restauration": attestation_check(database),
        "confiance": trust_check(platform.trust, clock),
        "igc": authority_check(platform.authority),
        "autorites": certificates_check(publishing, clock),
        "tls": lambda: served.check(clock),
        **({"taches": workers_check(database)} if has_worker else {}),
    }
    figures = Figures(database=database, publishing=publishing, trust=platform.trust, tls_ends=lambda: served.ends)
    return create_exploitation(parts, figures.read)


def watched_igc(
    database: Database,
    *,
    schema: Chain,
    publishing: Sequence[x509.Certificate],
    served: ServedCertificate,
    clock: Callable[[], datetime],
) -> ASGIApp:
    """Health and metrics of PFCNG-IGC as a service."""
    parts = {
        "base": database_check(database),
        "schema": schema_check(database, [schema], "pfcng igc migrer"),
        "restauration": attestation_check(database),
        "autorites": certificates_check(publishing, clock),
        "tls": lambda: served.check(clock),
    }
    figures = Figures(database=database, publishing=publishing, is_counted=False, tls_ends=lambda: served.ends)
    return create_exploitation(parts, figures.read)


def watched_worker(
    database: Database, *, schemas: Sequence[Chain], authority: CertificateAuthority, is_working: Callable[[], bool]
) -> ASGIApp:
    """Health and metrics of a worker that is a program of its own."""
    parts = {
        "base": database_check(database),
        "schema": schema_check(database, schemas),
        "restauration": attestation_check(database),
        "igc": authority_check(authority),
        "taches": working_check(is_working),
    }
    return create_exploitation(parts, Figures(database=database).read)
