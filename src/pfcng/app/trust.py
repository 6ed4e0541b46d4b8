"""Whom the platform believes: the authorities of the settings, and where their CRLs come from."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509

from pfcng.app.authority import all_certificates
from pfcng.pki.trust import TrustStore, key_identifier
from pfcng.settings import Confiance, Settings
from pfcng.store.database import Database
from pfcng.web.crl_sources import ClosedSource, FileSource, KeptSource, Source, TableSource
from pfcng.web.trust import Alarm, LiveTrust


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
        roots=all_certificates(confiance.racines),
        authorities=all_certificates(confiance.autorites),
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


def own_sources(
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


def _url_sources(confiance: Confiance) -> list[KeptSource]:
    urls = [str(source) for source in confiance.crls if not isinstance(source, Path)]
    if not urls or confiance.cache is None:
        return []
    # httpx takes a tenth of a second to import, which a platform without URLs keeps.
    from pfcng.web.crl_urls import UrlSource  # noqa: PLC0415 - see above

    return [UrlSource(url, cache=confiance.cache, every=confiance.rafraichissement) for url in urls]
