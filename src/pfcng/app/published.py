"""What is published of the authorities whose keys are here: CRLs, certificates, OCSP."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from starlette.types import ASGIApp

from pfcng.igc.keeper import keep_published
from pfcng.igc.offline import OfflineCrls
from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.pki.keys import Credential
from pfcng.settings import Publication
from pfcng.store.database import Database
from pfcng.web.publication import create_publication
from pfcng.web.published_files import PublishedFiles


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


def published(
    signers: Sequence[Credential],
    roots: Iterable[x509.Certificate],
    publication: Publication,
    database: Database,
    clock: Callable[[], datetime],
) -> Published:
    """What the signers publish; the roots above them are served beside their own files."""
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
