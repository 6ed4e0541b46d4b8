"""Composition root: settings → a running platform. The one place that chooses implementations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.keeper import keep_published
from pfcng.igc.migrations import IGC
from pfcng.igc.offline import OfflineCrls
from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, by_common_name
from pfcng.pki.keys import Credential, load_pem
from pfcng.pki.trust import TrustStore, key_identifier
from pfcng.settings import Confiance, KeyPair, Settings
from pfcng.store.database import Database
from pfcng.store.migrations import migrate
from pfcng.web.crl_sources import FileSource, KeptSource, TableSource
from pfcng.web.platform import Platform
from pfcng.web.publication import create_publication
from pfcng.web.published_files import PublishedFiles
from pfcng.web.service import create_service
from pfcng.web.trust import LiveTrust, keep_trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A platform that is ready to serve.

    Attributes:
        service: ASGI application of the TLS port.
        publication: ASGI application of the plain HTTP port.
        platform: The parts of both.
        publisher: Makes the CRLs.
        offline: Publishes those that are made elsewhere.
        responder: Answers OCSP.
    """

    service: ASGIApp
    publication: ASGIApp
    platform: Platform
    publisher: Publisher
    offline: OfflineCrls
    responder: Responder

    @property
    def database(self) -> Database:
        """The platform's."""
        return self.platform.database

    @contextmanager
    def kept_published(self) -> Iterator[None]:
        """Publish what is due and keep the trust fresh, in threads of their own, until the end of the block."""
        with (
            keep_published(self.publisher, database=self.database, beside=(self.offline.take_in, self.responder.renew)),
            keep_trusted(self.platform.trust, database=self.database),
        ):
            yield

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def create_app(settings: Settings, *, dsn: str, clock: Callable[[], datetime], diagnostics: bool = False) -> App:
    """Bring the database to the newest revision and put the parts together.

    Args:
        settings: The platform's settings; its own ``dsn`` is not read here.
        dsn: The database.
        clock: The present, aware.
        diagnostics: Tell clients the precise cause of a refusal in a header; for the sandbox alone.
    """
    migrate(dsn)
    migrate(dsn, IGC)
    database = Database(dsn)
    trust = load_trust(settings.confiance, database, clock)
    issuing = [_load(pair) for pair in settings.emettrices]
    publishing = [*issuing, *(_load(pair) for pair in settings.autres_autorites)]
    urls = PublicationUrls(**settings.publication.model_dump(exclude={"crls"}))
    platform = Platform(
        database=database,
        authority=EmbeddedAuthority(
            database, signers={_name(signer.certificate): signer for signer in issuing}, urls=urls, clock=clock
        ),
        trust=trust,
        clock=clock,
        rules=_rules(settings),
        proxies=tuple(settings.proxies),
        diagnostics=diagnostics,
    )
    responder = Responder(database, signers=publishing, clock=clock)
    shown = _published(publishing, trust.current)
    return App(
        service=create_service(platform),
        publication=create_publication(
            PublishedFiles(database, shown, clock=clock), responder, ocsp_url=urls.ocsp, clock=clock
        ),
        platform=platform,
        publisher=Publisher(database, signers=publishing, clock=clock),
        offline=OfflineCrls(database, authorities=shown, paths=settings.publication.crls),
        responder=responder,
    )


def load_trust(confiance: Confiance, database: Database, clock: Callable[[], datetime]) -> LiveTrust:
    """Read and check the authorities once, and the CRLs that are at hand; what publishes elsewhere is asked later.

    Raises:
        InvalidTrustAnchors: an authority that cannot be believed.
    """
    store = TrustStore.load(
        roots=[certificate for path in confiance.racines for certificate in _certificates(path)],
        authorities=[certificate for path in confiance.autorites for certificate in _certificates(path)],
        crls=(),
        now=clock(),
        crl_grace=confiance.grace_crl,
    )
    believed = frozenset(key_identifier(one.certificate) for one in (*store.roots, *store.authorities))
    files = [FileSource(source) for source in confiance.crls if isinstance(source, Path)]
    trust = LiveTrust(store, clock=clock, near=[TableSource(database, believed), *files], far=_url_sources(confiance))
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


def _published(signers: list[Credential], trust: TrustStore) -> list[x509.Certificate]:
    """The authorities whose files are served: those that sign here, and the roots above them."""
    own = [signer.certificate for signer in signers]
    above = {certificate.issuer for certificate in own}
    roots = [root.certificate for root in trust.roots if root.certificate.subject in above]
    return list(dict.fromkeys([*roots, *own]))


def _rules(settings: Settings) -> Rules:
    return Rules(
        closed_products=frozenset(product for product in PRODUCTS if product.label in settings.produits_fermes),
        strict_nom_applicatif=settings.nom_applicatif_strict,
    )


def _load(pair: KeyPair) -> Credential:
    return load_pem(pair.certificat, pair.cle)


def _name(certificate: x509.Certificate) -> AuthorityName:
    return by_common_name(names.first(certificate.subject, NameOID.COMMON_NAME) or "")


def _certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())
