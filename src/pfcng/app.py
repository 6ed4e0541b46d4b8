"""Composition root: settings → a running platform, or PFCNG-IGC. The one place that chooses implementations."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.connectors.remote import RemoteAuthority, client_context
from pfcng.igc.migrations import IGC
from pfcng.igc.peers import Peers
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, by_common_name
from pfcng.pki.keys import Credential, load_pem
from pfcng.pki.trust import TrustStore
from pfcng.settings import Confiance, Igc, IgcSettings, KeyPair, Publication, Settings
from pfcng.store.database import Database
from pfcng.store.migrations import migrate
from pfcng.web.igc_service import create_igc_service
from pfcng.web.platform import Platform
from pfcng.web.publication import create_publication, published_files
from pfcng.web.service import create_service


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A platform that is ready to serve.

    Attributes:
        service: ASGI application of the TLS port.
        publication: ASGI application of the plain HTTP port.
        platform: The parts of both.
    """

    service: ASGIApp
    publication: ASGIApp
    platform: Platform
    _remote: RemoteAuthority | None = field(repr=False)

    @property
    def database(self) -> Database:
        """The platform's."""
        return self.platform.database

    def close(self) -> None:
        """Give every connection back."""
        if self._remote is not None:
            self._remote.close()
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
    remote = _remote(settings.igc) if settings.igc is not None else None
    if remote is None:
        migrate(dsn, IGC)
    database = Database(dsn)
    trust = load_trust(settings.confiance, clock())
    platform = Platform(
        database=database,
        authority=remote or _embedded(settings.emettrices, settings.publication, database, clock),
        trust=trust,
        clock=clock,
        rules=_rules(settings),
        proxies=tuple(settings.proxies),
        diagnostics=diagnostics,
    )
    return App(
        service=create_service(platform),
        publication=create_publication(published_files(trust, _crls(settings.confiance))),
        platform=platform,
        _remote=remote,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IgcApp:
    """A PFCNG-IGC that is ready to serve.

    Attributes:
        service: ASGI application of the TLS port.
        authority: What it serves.
        database: Its own.
    """

    service: ASGIApp
    authority: CertificateAuthority
    database: Database

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def create_igc(settings: IgcSettings, *, clock: Callable[[], datetime]) -> IgcApp:
    """Bring PFCNG-IGC's own tables to the newest revision and put the parts together.

    Raises:
        CredentialError: A key is not its certificate's.
    """
    peers = Peers.of(_all_certificates(settings.clients.autorites), settings.clients.dn)
    migrate(settings.dsn, IGC)
    database = Database(settings.dsn, role=None)
    authority = _embedded(settings.emettrices, settings.publication, database, clock)
    service = create_igc_service(authority, peers=peers, is_healthy=database.is_alive, clock=clock)
    return IgcApp(service=service, authority=authority, database=database)


def load_trust(confiance: Confiance, now: datetime) -> TrustStore:
    """Read and check the authorities and CRLs once."""
    return TrustStore.load(
        roots=_all_certificates(confiance.racines),
        authorities=_all_certificates(confiance.autorites),
        crls=_crls(confiance),
        now=now,
        crl_grace=confiance.grace_crl,
    )


def _rules(settings: Settings) -> Rules:
    return Rules(
        closed_products=frozenset(product for product in PRODUCTS if product.label in settings.produits_fermes),
        strict_nom_applicatif=settings.nom_applicatif_strict,
        revocation_retries=settings.reprises_revocation,
    )


def _remote(igc: Igc) -> RemoteAuthority:
    context = client_context(confiance=igc.confiance, certificat=igc.certificat, cle=igc.cle)
    return RemoteAuthority(igc.url, context=context, issuers=_all_certificates(igc.autorites), timeout=igc.delai)


def _embedded(
    emettrices: Iterable[KeyPair], publication: Publication, database: Database, clock: Callable[[], datetime]
) -> EmbeddedAuthority:
    signers = [_open_signer(pair) for pair in emettrices]
    return EmbeddedAuthority(
        database,
        signers={_name(signer.certificate): signer for signer in signers},
        urls=PublicationUrls(**publication.model_dump()),
        clock=clock,
    )


def _open_signer(pair: KeyPair) -> Credential:
    """An authority with its key: the one place where such a key is opened."""
    return load_pem(pair.certificat, pair.cle)


def _name(certificate: x509.Certificate) -> AuthorityName:
    return by_common_name(names.first(certificate.subject, NameOID.COMMON_NAME) or "")


def _all_certificates(paths: Iterable[Path]) -> list[x509.Certificate]:
    return [certificate for path in paths for certificate in x509.load_pem_x509_certificates(path.read_bytes())]


def _crls(confiance: Confiance) -> list[x509.CertificateRevocationList]:
    return [_crl(path.read_bytes()) for path in confiance.crls]


def _crl(content: bytes) -> x509.CertificateRevocationList:
    if content.startswith(b"-----BEGIN"):
        return x509.load_pem_x509_crl(content)
    return x509.load_der_x509_crl(content)
