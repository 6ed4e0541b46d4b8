"""Composition root: settings → a running platform, or PFCNG-IGC. The one place that chooses implementations."""

import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from starlette.types import ASGIApp

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority, ReconcilableAuthority
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.connectors.remote import RemoteAuthority, client_context
from pfcng.igc.keeper import keep_published
from pfcng.igc.measured import MeasuredAuthority
from pfcng.igc.migrations import IGC
from pfcng.igc.offline import OfflineCrls
from pfcng.igc.peers import Peers
from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.igc.urls import PublicationUrls
from pfcng.jobs.acts import Parts
from pfcng.jobs.worker import Worker
from pfcng.notifications.checking import template_faults
from pfcng.notifications.mail import Transport
from pfcng.notifications.maildir import Maildir
from pfcng.notifications.rendering import Renderer
from pfcng.notifications.smtp import Relay, Security, Smtp
from pfcng.operations.ancre_journal import Anchor, AnchorFile, AnchorSyslog
from pfcng.operations.journaling import record_alert
from pfcng.pki.keys import Credential, authority_of, load_certificates, load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.trust import TrustStore, key_identifier
from pfcng.settings import Clients, Confiance, Courrier, Emettrice, Igc, IgcSettings, Publication, Settings
from pfcng.settings.schemas import platform_schemas
from pfcng.store.database import Database
from pfcng.store.migrations import Chain, check_schema
from pfcng.watch.sampling import keep_sampled
from pfcng.web.crl_sources import ClosedSource, FileSource, KeptSource, Source, TableSource
from pfcng.web.igc_service import create_igc_service
from pfcng.web.platform import Platform
from pfcng.web.publication import create_publication
from pfcng.web.published_files import PublishedFiles
from pfcng.web.readiness import ServedCertificate
from pfcng.web.service import create_service
from pfcng.web.trust import Alarm, LiveTrust, keep_trusted
from pfcng.web.watched import watched_igc, watched_platform, watched_worker

log = structlog.get_logger()

WORKER_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is published of the authorities whose keys are here.

    Attributes:
        application: ASGI application of the plain HTTP port.
        publisher: Makes the CRLs.
        offline: Publishes those that are made elsewhere.
        responder: Answers OCSP.
    """

    application: ASGIApp
    publisher: Publisher
    offline: OfflineCrls
    responder: Responder

    def kept(self, database: Database) -> AbstractContextManager[None]:
        """Publish what is due, in a thread of its own, until the end of the block."""
        return keep_published(self.publisher, database=database, beside=(self.offline.take_in, self.responder.renew))


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
    remote = _remote(settings.igc) if settings.igc is not None else None
    keyring = Keyring()
    issuing = _issuing(settings, keyring)
    publishing = [*issuing, *(_open_signer(one, keyring) for one in settings.autres_autorites)]
    database = Database(dsn)
    own_sources = partial(_own_sources, settings, database, clock, is_publishing=bool(publishing))
    trust_loader = partial(load_trust, settings.confiance, own_sources, clock)
    trust = trust_loader(on_alarm=lambda alarm: record_alert("confiance", str(alarm), database=database, now=clock()))
    platform = Platform(
        database=database,
        authority=MeasuredAuthority(around(remote or _embedded(issuing, settings.publication, database, clock))),
        trust=trust,
        clock=clock,
        rules=_rules(settings),
        proxies=tuple(settings.proxies),
        diagnostics=diagnostics,
    )
    roots = [root.certificate for root in trust.current.roots]
    return App(
        service=create_service(platform),
        platform=platform,
        anchor=anchor,
        published=_published(publishing, roots, settings.publication, database, clock) if publishing else None,
        keyring=keyring,
        _load_trust=trust_loader,
        _schemas=platform_schemas(settings),
        _publishing=[one.certificate for one in publishing],
        _remote=remote,
    )


def _issuing(settings: Settings, keyring: Keyring) -> list[Credential]:
    """The authorities that issue here, their keys open; none where PFCNG-IGC is elsewhere."""
    return [] if settings.igc is not None else [_open_signer(one, keyring) for one in settings.emettrices]


def _own_sources(
    settings: Settings,
    database: Database,
    clock: Callable[[], datetime],
    authorities: Sequence[x509.Certificate],
    *,
    is_publishing: bool,
) -> list[Source]:
    """What the database knows of authorities: their CRLs made here, and what PFCNG-IGC revoked elsewhere."""
    sources: list[Source] = []
    if is_publishing:
        sources.append(TableSource(database, frozenset(map(key_identifier, authorities))))
    if settings.igc is not None:
        sources.append(ClosedSource(database, authorities, clock, settings.confiance.grace_crl))
    return sources


def create_parts(
    courrier: Courrier,
    *,
    database: Database,
    authority: CertificateAuthority,
    rules: Rules,
    clock: Callable[[], datetime],
    around: Callable[[Transport], Transport] = lambda transport: transport,
) -> Parts:
    """What a worker works with.

    Args:
        courrier: How mails leave.
        database: The platform's.
        authority: PFCNG-IGC.
        rules: The delays.
        clock: The present, aware.
        around: What is put around the transport; for the sandbox's incidents.
    """
    for fault in template_faults(courrier.modeles) if courrier.modeles else ():
        log.error("mail.template_fault", cause=fault)  # its mails wait for the repair, the others leave
    return Parts(
        database=database,
        authority=authority,
        rules=rules,
        clock=clock,
        transport=around(_transport(courrier)),
        renderer=Renderer(sender=courrier.expediteur, retrait_delay=rules.retrait_delay, folder=courrier.modeles),
    )


@contextmanager
def open_worker(settings: Settings, *, dsn: str, clock: Callable[[], datetime]) -> Iterator[tuple[Worker, ASGIApp]]:
    """A worker over a database at its newest revision, and its health and metrics; `settings.courrier` must be told.

    Raises:
        UnsuitableDatabase: The database is at another revision.
    """
    assert settings.courrier is not None  # noqa: S101 - the command checks it
    with ExitStack() as stack:
        check_schema(dsn, *platform_schemas(settings))
        remote = stack.enter_context(closing(_remote(settings.igc))) if settings.igc is not None else None
        keyring = stack.enter_context(closing(Keyring()))
        issuing = _issuing(settings, keyring)
        database = stack.enter_context(closing(Database(dsn, max_connections=WORKER_CONNECTIONS)))
        parts = create_parts(
            settings.courrier,
            database=database,
            authority=MeasuredAuthority(remote or _embedded(issuing, settings.publication, database, clock)),
            rules=_rules(settings),
            clock=clock,
        )
        stack.enter_context(keep_sampled(database.pool_statistics))
        worker = Worker(dsn, parts)
        yield (
            worker,
            watched_worker(
                database,
                schemas=platform_schemas(settings),
                authority=parts.authority,
                is_working=lambda: worker.is_working,
            ),
        )


@contextmanager
def open_sides(
    settings: Settings, *, dsn: str, clock: Callable[[], datetime]
) -> Iterator[tuple[Database, ReconcilableAuthority]]:
    """The platform's database and PFCNG-IGC, to be compared.

    Raises:
        UnsuitableDatabase: The database is at another revision.
    """
    with ExitStack() as stack:
        check_schema(dsn, *platform_schemas(settings))
        remote = stack.enter_context(closing(_remote(settings.igc))) if settings.igc is not None else None
        keyring = stack.enter_context(closing(Keyring()))
        issuing = _issuing(settings, keyring)
        database = stack.enter_context(closing(Database(dsn, max_connections=2)))
        yield database, remote or _embedded(issuing, settings.publication, database, clock)


def _transport(courrier: Courrier) -> Transport:
    if courrier.dossier is not None:
        return Maildir(courrier.dossier)
    return Smtp(
        Relay(
            host=courrier.serveur or "",
            port=courrier.relay_port,
            security=Security(courrier.securite),
            user=courrier.utilisateur,
            password=courrier.password(),
            timeout=courrier.delai.total_seconds(),
            tls=ssl.create_default_context(cafile=str(courrier.autorites)) if courrier.autorites else None,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IgcApp:
    """A PFCNG-IGC that is ready to serve.

    Attributes:
        service: ASGI application of the TLS port.
        authority: What it serves.
        database: Its own.
        published: What it publishes.
        keyring: Leads to the authorities' keys.
    """

    service: ASGIApp
    authority: CertificateAuthority
    database: Database
    published: Published
    keyring: Keyring
    _clock: Callable[[], datetime] = field(repr=False)
    _publishing: Sequence[x509.Certificate] = field(repr=False)
    _peers: Peers = field(repr=False)

    @contextmanager
    def kept_published(self) -> Iterator[None]:
        """Publish what is due, in a thread of its own, until the end of the block."""
        with self.published.kept(self.database), keep_sampled(self.database.pool_statistics):
            yield

    def exploitation(self, served: ServedCertificate) -> ASGIApp:
        """Health and metrics."""
        return watched_igc(self.database, schema=IGC, publishing=self._publishing, served=served, clock=self._clock)

    def renew_peers(self, clients: Clients) -> None:
        """Let in from now on whom these settings name.

        Raises:
            CredentialError: or OSError: a file is of no use; all is as it was.
        """
        renewed = _peers(clients)
        self._peers.authorities, self._peers.subjects = renewed.authorities, renewed.subjects

    def close(self) -> None:
        """Give the database's connections back, and the keys."""
        self.database.close()
        self.keyring.close()


def create_igc(settings: IgcSettings, *, clock: Callable[[], datetime]) -> IgcApp:
    """Put the parts of a PFCNG-IGC together over tables at their newest revision.

    Raises:
        CredentialError: A key is not its certificate's.
        UnsuitableDatabase: The tables are at another revision.
    """
    peers = _peers(settings.clients)
    keyring = Keyring()
    issuing = [_open_signer(one, keyring) for one in settings.emettrices]
    publishing = [*issuing, *(_open_signer(one, keyring) for one in settings.autres_autorites)]
    roots = _all_certificates(settings.racines)
    check_schema(settings.dsn, IGC, remedy="pfcng igc migrer")
    database = Database(settings.dsn, role=None)
    authority = _embedded(issuing, settings.publication, database, clock)
    return IgcApp(
        service=create_igc_service(authority, peers=peers, is_healthy=database.is_alive, clock=clock),
        authority=authority,
        database=database,
        published=_published(publishing, roots, settings.publication, database, clock),
        keyring=keyring,
        _clock=clock,
        _publishing=[one.certificate for one in publishing],
        _peers=peers,
    )


def load_trust(
    confiance: Confiance,
    own_sources: Callable[[Sequence[x509.Certificate]], Sequence[Source]],
    clock: Callable[[], datetime],
    *,
    on_alarm: Callable[[Alarm], None] = lambda _: None,
) -> LiveTrust:
    """Read and check the authorities once, and the CRLs that are at hand; what publishes elsewhere is asked later.

    Args:
        confiance: Authorities, and where their CRLs are.
        own_sources: Gives those of the database, for the authorities that are believed.
        clock: The present, aware.
        on_alarm: Told of a CRL that somebody should look after.

    Raises:
        InvalidTrustAnchors: an authority that cannot be believed.
    """
    store = TrustStore.load(
        roots=_all_certificates(confiance.racines),
        authorities=_all_certificates(confiance.autorites),
        crls=(),
        now=clock(),
        crl_grace=confiance.grace_crl,
    )
    files = [FileSource(source) for source in confiance.crls if isinstance(source, Path)]
    near = [*own_sources([one.certificate for one in (*store.roots, *store.authorities)]), *files]
    trust = LiveTrust(store, clock=clock, near=near, far=_url_sources(confiance), on_alarm=on_alarm)
    trust.recall()
    trust.refresh()
    return trust


def _url_sources(confiance: Confiance) -> list[KeptSource]:
    urls = [str(source) for source in confiance.crls if not isinstance(source, Path)]
    if not urls or confiance.cache is None:
        return []
    # httpx takes a tenth of a second to import, which a platform without URLs keeps.
    from pfcng.web.crl_urls import UrlSource  # noqa: PLC0415 - see above

    return [UrlSource(url, cache=confiance.cache, every=confiance.rafraichissement) for url in urls]


def _published(
    signers: Sequence[Credential],
    roots: Iterable[x509.Certificate],
    publication: Publication,
    database: Database,
    clock: Callable[[], datetime],
) -> Published:
    responder = Responder(database, signers=signers, clock=clock)
    shown = _shown(signers, roots)
    files = PublishedFiles(database, shown, clock=clock)
    return Published(
        application=create_publication(files, responder, ocsp_url=publication.ocsp, clock=clock),
        publisher=Publisher(database, signers=signers, clock=clock),
        offline=OfflineCrls(database, authorities=shown, paths=publication.crls),
        responder=responder,
    )


def _shown(signers: Iterable[Credential], roots: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """The authorities whose files are served: those that sign here, and the roots above them."""
    own = [signer.certificate for signer in signers]
    above = {certificate.issuer for certificate in own}
    return list(dict.fromkeys([*(root for root in roots if root.subject in above), *own]))


def _rules(settings: Settings) -> Rules:
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


def _peers(clients: Clients) -> Peers:
    return Peers.of(_all_certificates(clients.autorites), clients.dn)


def _remote(igc: Igc) -> RemoteAuthority:
    context = client_context(confiance=igc.confiance, certificat=igc.certificat, cle=igc.cle)
    return RemoteAuthority(igc.url, context=context, issuers=_all_certificates(igc.autorites), timeout=igc.delai)


def _embedded(
    signers: Iterable[Credential], publication: Publication, database: Database, clock: Callable[[], datetime]
) -> EmbeddedAuthority:
    return EmbeddedAuthority(
        database,
        signers={authority_of(signer.certificate): signer for signer in signers},
        urls=PublicationUrls(**publication.model_dump(exclude={"crls"})),
        clock=clock,
    )


def _open_signer(one: Emettrice, keyring: Keyring) -> Credential:
    """An authority with its key: the one place where such a key is opened."""
    return load_kept(one.certificat, one.source(), keyring)


def _all_certificates(paths: Iterable[Path]) -> list[x509.Certificate]:
    return [certificate for path in paths for certificate in load_certificates(path)]
