"""PFCNG-IGC as a service of its own, put together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from starlette.types import ASGIApp

from pfcng.app.authority import all_certificates, embedded_authority, open_signers
from pfcng.app.published import Published, published
from pfcng.igc.authority import CertificateAuthority
from pfcng.igc.migrations import IGC
from pfcng.igc.peers import Peers
from pfcng.pki.signers.keyring import Keyring
from pfcng.settings import Clients, IgcSettings
from pfcng.store.database import Database
from pfcng.store.migrations import check_schema
from pfcng.watch.sampling import keep_sampled
from pfcng.web.igc_service import create_igc_service
from pfcng.web.readiness import ServedCertificate
from pfcng.web.watched import watched_igc


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
    issuing = open_signers(settings.emettrices, keyring)
    publishing = [*issuing, *open_signers(settings.autres_autorites, keyring)]
    roots = all_certificates(settings.racines)
    check_schema(settings.dsn, IGC, remedy="pfcng igc migrer")
    database = Database(settings.dsn, role=None)
    authority = embedded_authority(issuing, settings.publication, database, clock)
    return IgcApp(
        service=create_igc_service(authority, peers=peers, is_healthy=database.is_alive, clock=clock),
        authority=authority,
        database=database,
        published=published(publishing, roots, settings.publication, database, clock),
        keyring=keyring,
        _clock=clock,
        _publishing=[one.certificate for one in publishing],
        _peers=peers,
    )


def _peers(clients: Clients) -> Peers:
    return Peers.of(all_certificates(clients.autorites), clients.dn)
