"""Composition root: settings → a running platform. The one place that chooses implementations."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.igc.authority import CertificateAuthority
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.migrations import IGC
from pfcng.igc.urls import PublicationUrls
from pfcng.jobs.acts import Parts
from pfcng.jobs.worker import Worker
from pfcng.notifications.mail import Transport
from pfcng.notifications.maildir import Maildir
from pfcng.notifications.rendering import Renderer
from pfcng.notifications.smtp import Relay, Security, Smtp
from pfcng.operations.ancre_journal import Anchor, AnchorFile, AnchorSyslog
from pfcng.pki import names
from pfcng.pki.authorities import AuthorityName, by_common_name
from pfcng.pki.keys import load_pem
from pfcng.pki.trust import TrustStore
from pfcng.settings import Confiance, Courrier, KeyPair, Publication, Settings
from pfcng.store.database import Database
from pfcng.store.migrations import migrate
from pfcng.web.platform import Platform
from pfcng.web.publication import create_publication, published_files
from pfcng.web.service import create_service

WORKER_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A platform that is ready to serve.

    Attributes:
        service: ASGI application of the TLS port.
        publication: ASGI application of the plain HTTP port.
        platform: The parts of both.
        files: What ``publication`` gives out.
        anchor: Where the head of the journal is kept outside the database, if anywhere.
    """

    service: ASGIApp
    publication: ASGIApp
    platform: Platform
    files: dict[str, tuple[str, bytes]]
    anchor: Anchor | None

    @property
    def database(self) -> Database:
        """The platform's."""
        return self.platform.database

    def reload_trust(self, confiance: Confiance) -> None:
        """Read the authorities and CRLs again: the files may have changed."""
        trust = load_trust(confiance, self.platform.clock())
        self.platform.trust = trust
        self.files.update(published_files(trust, _crls(confiance)))

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def create_app(
    settings: Settings,
    *,
    dsn: str,
    clock: Callable[[], datetime],
    diagnostics: bool = False,
    around: Callable[[CertificateAuthority], CertificateAuthority] = lambda authority: authority,
) -> App:
    """Bring the database to the newest revision and put the parts together.

    Args:
        settings: The platform's settings; its own ``dsn`` is not read here.
        dsn: The database.
        clock: The present, aware.
        diagnostics: Tell clients the precise cause of a refusal in a header; for the sandbox alone.
        around: What is put around the authority; for the sandbox's incidents.

    Raises:
        OSError: The journal cannot be anchored where the settings say.
    """
    anchor = _anchor(settings)
    migrate(dsn)
    migrate(dsn, IGC)
    database = Database(dsn)
    trust = load_trust(settings.confiance, clock())
    platform = Platform(
        database=database,
        authority=around(_authority(settings.emettrices, settings.publication, database, clock)),
        trust=trust,
        clock=clock,
        rules=_rules(settings),
        proxies=tuple(settings.proxies),
        diagnostics=diagnostics,
    )
    files = published_files(trust, _crls(settings.confiance))
    return App(
        service=create_service(platform),
        publication=create_publication(files),
        platform=platform,
        files=files,
        anchor=anchor,
    )


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
    return Parts(
        database=database,
        authority=authority,
        rules=rules,
        clock=clock,
        transport=around(_transport(courrier)),
        renderer=Renderer(sender=courrier.expediteur, retrait_delay=rules.retrait_delay, folder=courrier.modeles),
    )


@contextmanager
def open_worker(settings: Settings, *, dsn: str, clock: Callable[[], datetime]) -> Iterator[Worker]:
    """A worker over a database that is brought to the newest revision; `settings.courrier` must be told."""
    assert settings.courrier is not None  # noqa: S101 - the command checks it
    migrate(dsn)
    migrate(dsn, IGC)
    database = Database(dsn, max_connections=WORKER_CONNECTIONS)
    try:
        parts = create_parts(
            settings.courrier,
            database=database,
            authority=_authority(settings.emettrices, settings.publication, database, clock),
            rules=_rules(settings),
            clock=clock,
        )
        yield Worker(dsn, parts)
    finally:
        database.close()


def _transport(courrier: Courrier) -> Transport:
    if courrier.dossier is not None:
        return Maildir(courrier.dossier)
    password = courrier.mot_de_passe
    return Smtp(
        Relay(
            host=courrier.serveur or "",
            port=courrier.relay_port,
            security=Security(courrier.securite),
            user=courrier.utilisateur,
            password=None if password is None else password.get_secret_value(),
            timeout=courrier.delai.total_seconds(),
            tls=ssl.create_default_context(cafile=str(courrier.autorites)) if courrier.autorites else None,
        )
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


def _anchor(settings: Settings) -> Anchor | None:
    where, every = settings.journal_ancre, settings.journal_ancre_toutes_les
    if where is None:
        return None
    anchor = AnchorFile(path=where, every=every) if isinstance(where, Path) else AnchorSyslog(every=every)
    anchor.check()
    return anchor


def _authority(
    emettrices: tuple[KeyPair, ...], publication: Publication, database: Database, clock: Callable[[], datetime]
) -> EmbeddedAuthority:
    signers = [load_pem(pair.certificat, pair.cle) for pair in emettrices]
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
