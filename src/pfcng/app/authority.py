"""The certificate authority that the settings name: its keys opened here, or PFCNG-IGC elsewhere."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.connectors.remote import RemoteAuthority, client_context
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.keys import Credential, authority_of, load_certificates, load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.settings import Emettrice, Igc, Publication, Settings
from pfcng.store.database import Database


def open_signers(kept: Iterable[Emettrice], keyring: Keyring) -> list[Credential]:
    """Authorities with their keys: the one place where such keys are opened."""
    return [load_kept(one.certificat, one.source(), keyring) for one in kept]


def open_issuing(settings: Settings, keyring: Keyring) -> list[Credential]:
    """The authorities that issue here; none where PFCNG-IGC is elsewhere."""
    return [] if settings.igc is not None else open_signers(settings.emettrices, keyring)


def remote_authority(igc: Igc) -> RemoteAuthority:
    """PFCNG-IGC as a service of its own."""
    context = client_context(confiance=igc.confiance, certificat=igc.certificat, cle=igc.cle)
    return RemoteAuthority(igc.url, context=context, issuers=all_certificates(igc.autorites), timeout=igc.delai)


def embedded_authority(
    signers: Iterable[Credential], publication: Publication, database: Database, clock: Callable[[], datetime]
) -> EmbeddedAuthority:
    """PFCNG-IGC in this process."""
    return EmbeddedAuthority(
        database,
        signers={authority_of(signer.certificate): signer for signer in signers},
        urls=PublicationUrls(**publication.model_dump(exclude={"crls"})),
        clock=clock,
    )


def all_certificates(paths: Iterable[Path]) -> list[x509.Certificate]:
    """Every certificate of the files."""
    return [certificate for path in paths for certificate in load_certificates(path)]
