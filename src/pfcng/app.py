"""Composition root: settings → a running platform. The one place that chooses implementations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.migrations import IGC
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, by_common_name
from pfcng.pki.keys import load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.trust import TrustStore
from pfcng.settings import Confiance, Emettrice, Publication, Settings
from pfcng.store.database import Database
from pfcng.store.migrations import migrate
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
        keyring: Leads to the authorities' keys.
    """

    service: ASGIApp
    publication: ASGIApp
    platform: Platform
    keyring: Keyring

    @property
    def database(self) -> Database:
        """The platform's."""
        return self.platform.database

    def close(self) -> None:
        """Give the database's connections back, and the keys."""
        self.database.close()
        self.keyring.close()


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
    trust = load_trust(settings.confiance, clock())
    keyring = Keyring()
    platform = Platform(
        database=database,
        authority=_authority(settings.emettrices, settings.publication, database, keyring, clock),
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
        keyring=keyring,
    )


def load_trust(confiance: Confiance, now: datetime) -> TrustStore:
    """Read and check the authorities and CRLs once."""
    return TrustStore.load(
        roots=[certificate for path in confiance.racines for certificate in _certificates(path)],
        authorities=[certificate for path in confiance.autorites for certificate in _certificates(path)],
        crls=_crls(confiance),
        now=now,
        crl_grace=confiance.grace_crl,
    )


def _rules(settings: Settings) -> Rules:
    return Rules(
        closed_products=frozenset(product for product in PRODUCTS if product.label in settings.produits_fermes),
        strict_nom_applicatif=settings.nom_applicatif_strict,
    )


def _authority(
    emettrices: tuple[Emettrice, ...],
    publication: Publication,
    database: Database,
    keyring: Keyring,
    clock: Callable[[], datetime],
) -> EmbeddedAuthority:
    signers = [load_kept(one.certificat, one.source(), keyring) for one in emettrices]
    return EmbeddedAuthority(
        database,
        signers={_name(signer.certificate): signer for signer in signers},
        urls=PublicationUrls(**publication.model_dump()),
        clock=clock,
    )


def _name(certificate: x509.Certificate) -> AuthorityName:
    return by_common_name(names.first(certificate.subject, NameOID.COMMON_NAME) or "")


def _certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _crls(confiance: Confiance) -> list[x509.CertificateRevocationList]:
    return [_crl(path.read_bytes()) for path in confiance.crls]


def _crl(content: bytes) -> x509.CertificateRevocationList:
    if content.startswith(b"-----BEGIN"):
        return x509.load_pem_x509_crl(content)
    return x509.load_der_x509_crl(content)
