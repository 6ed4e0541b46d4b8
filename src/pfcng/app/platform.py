"""The platform, put together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography import x509
from starlette.types import ASGIApp

from pfcng.app.authority import embedded_authority, open_issuing, open_signers, remote_authority
from pfcng.app.published import Published, published
from pfcng.app.trust import load_trust, own_sources
from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority
from pfcng.igc.connectors.remote import RemoteAuthority
from pfcng.igc.measured import MeasuredAuthority
from pfcng.operations.ancre_journal import Anchor, AnchorFile, AnchorSyslog
from pfcng.operations.journaling import record_alert
from pfcng.pki.signers.keyring import Keyring
from pfcng.settings import Settings
from pfcng.settings.schemas import platform_schemas
from pfcng.store.database import Database
from pfcng.store.migrations import Chain, check_schema
from pfcng.watch.sampling import keep_sampled
from pfcng.web.platform import Platform
from pfcng.web.readiness import ServedCertificate
from pfcng.web.service import create_service
from pfcng.web.trust import LiveTrust, keep_trusted
from pfcng.web.watched import watched_platform


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A platform that is ready to serve.

    Attributes:
        service: ASGI application of the TLS port.
        platform: Its parts.
        anchor: Where the head of the journal is kept outside the database, if anywhere.
        published: What it publishes; None when it has no authority's key.
        keyring: Leads to the authorities' keys.
    """

    service: ASGIApp
    platform: Platform
    anchor: Anchor | None
    published: Published | None
    keyring: Keyring
    _load_trust: Callable[[], LiveTrust] = field(repr=False)
    _schemas: Sequence[Chain] = field(repr=False)
    _publishing: Sequence[x509.Certificate] = field(repr=False)
    _remote: RemoteAuthority | None = field(repr=False)

    @property
    def database(self) -> Database:
        """The platform's."""
        return self.platform.database

    @contextmanager
    def kept_published(self) -> Iterator[None]:
        """Publish what is due and keep the trust fresh, in threads of their own, until the end of the block."""
        with ExitStack() as stack:
            stack.enter_context(keep_sampled(self.database.pool_statistics))
            if self.published is not None:
                stack.enter_context(self.published.kept(self.database))
            stack.enter_context(keep_trusted(self.platform.trust, database=self.database))
            yield

    def exploitation(self, served: ServedCertificate, *, has_worker: bool = False) -> ASGIApp:
        """Health and metrics, as this process sees them; of a node that has a worker beside, its too."""
        return watched_platform(
            self.platform, schemas=self._schemas, publishing=self._publishing, served=served, has_worker=has_worker
        )

    def renew_trust(self) -> None:
        """Read the authorities that are believed again.

        Raises:
            InvalidTrustAnchors: One cannot be believed; all is as it was.
        """
        self.platform.trust.adopt(self._load_trust())

    def close(self) -> None:
        """Give every connection back, and the keys."""
        if self._remote is not None:
            self._remote.close()
        self.database.close()
        self.keyring.close()


def create_app(
    settings: Settings,
    *,
    dsn: str,
    clock: Callable[[], datetime],
    diagnostics: bool = False,
    around: Callable[[CertificateAuthority], CertificateAuthority] = lambda authority: authority,
) -> App:
    """Put the parts together over a database at its newest revision (`platform_schemas`).

    Args:
        settings: The platform's settings; its own ``dsn`` is not read here.
        dsn: The database.
        clock: The present, aware.
        diagnostics: Tell clients the precise cause of a refusal in a header; for the sandbox alone.
        around: What is put around the authority; for the sandbox's incidents.

    Raises:
        OSError: The journal cannot be anchored where the settings say.
        UnsuitableDatabase: The database is at another revision.
    """
    anchor = _anchor(settings)
    check_schema(dsn, *platform_schemas(settings))
    remote = remote_authority(settings.igc) if settings.igc is not None else None
    keyring = Keyring()
    issuing = open_issuing(settings, keyring)
    publishing = [*issuing, *open_signers(settings.autres_autorites, keyring)]
    database = Database(dsn)
    database_sources = partial(own_sources, settings, database, clock, is_publishing=bool(publishing))
    trust_loader = partial(load_trust, settings.confiance, database_sources, clock)
    trust = trust_loader(on_alarm=lambda alarm: record_alert("confiance", str(alarm), database=database, now=clock()))
    platform = Platform(
        database=database,
        authority=MeasuredAuthority(
            around(remote or embedded_authority(issuing, settings.publication, database, clock))
        ),
        trust=trust,
        clock=clock,
        rules=rules_of(settings),
        proxies=tuple(settings.proxies),
        diagnostics=diagnostics,
    )
    roots = [root.certificate for root in trust.current.roots]
    return App(
        service=create_service(platform),
        platform=platform,
        anchor=anchor,
        published=published(publishing, roots, settings.publication, database, clock) if publishing else None,
        keyring=keyring,
        _load_trust=trust_loader,
        _schemas=platform_schemas(settings),
        _publishing=[one.certificate for one in publishing],
        _remote=remote,
    )


def rules_of(settings: Settings) -> Rules:
    """The rules that the settings choose, and its delays."""
    return Rules(
        closed_products=frozenset(product for product in PRODUCTS if product.label in settings.produits_fermes),
        strict_nom_applicatif=settings.nom_applicatif_strict,
        revocation_retries=settings.reprises_revocation,
    )


def _anchor(settings: Settings) -> Anchor | None:
    where, every = settings.journal_ancre, settings.journal_ancre_toutes_les
    if where is None:
        return None
    anchor = AnchorFile(path=where, every=every) if isinstance(where, Path) else AnchorSyslog(every=every)
    anchor.check()
    return anchor
