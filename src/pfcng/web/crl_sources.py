"""Where the CRLs of believed authorities come from: files, and our own tables; URLs are in `crl_urls`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509

from pfcng.igc import published, revocations
from pfcng.igc.due import HOLDERS
from pfcng.pki import names
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database, DbConnection
from pfcng.store.revocations import CHANNEL, list_closed

Crl = x509.CertificateRevocationList

_MARGIN: Final = timedelta(days=1)
"""Between the clocks of the platform and of a PFCNG-IGC elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a source has.

    Attributes:
        crls: Complete ones.
        late: Serials revoked since, by the authority's key identifier.
    """

    crls: tuple[Crl, ...] = ()
    late: Mapping[bytes, frozenset[int]] = field(default_factory=dict)


class Source(Protocol):
    """A source is asked again and again, from one thread at a time."""

    @property
    def label(self) -> str:
        """Names it in the log."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The database's notices (NOTIFY) that tell of something new; else it is found at a turn."""

    def fetch(self) -> Update | None:
        """What is there; None when it is what was believed last. Anything raised leaves what was believed before."""

    def believed(self) -> None:
        """What was fetched last is believed."""


class KeptSource(Source, Protocol):
    """A source that keeps what was believed, for the next process."""

    def kept(self) -> Update | None:
        """What was believed last."""

    def forget(self) -> None:
        """It is not believed any more."""


def parse(content: bytes) -> Crl:
    """A CRL, PEM or DER.

    Raises:
        ValueError: it is none.
    """
    if content.startswith(b"-----BEGIN"):
        return x509.load_pem_x509_crl(content)
    return x509.load_der_x509_crl(content)


class FileSource:
    """A file, read again when it was written again."""

    channels = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._believed: tuple[int, int, int] | None = None

    @property
    def label(self) -> str:
        """The path."""
        return str(self._path)

    def fetch(self) -> Update | None:
        """The CRL, if the file is not the one that was believed."""
        status = self._path.stat()
        self._seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._seen == self._believed:
            return None
        return Update(crls=(parse(self._path.read_bytes()),))

    def believed(self) -> None:
        """The file is not read again until it changes."""
        self._believed = self._seen


class TableSource:
    """Our own CRLs, and what was revoked since: nothing waits for the next one.

    Args:
        database: Holds the schema ``igc``.
        issuers: Key identifiers of the authorities that are believed; others of the tables are not read.
    """

    channels = (published.CHANNEL, revocations.CHANNEL)

    def __init__(self, database: Database, issuers: frozenset[bytes]) -> None:
        self._database = database
        self._issuers = sorted(issuers)
        self._cuts: dict[bytes, published.Cut] = {}
        self._fetched: dict[bytes, published.Cut] = {}

    @property
    def label(self) -> str:
        """The table."""
        return "igc.crl"

    def fetch(self) -> Update | None:
        """The CRLs that were published since, and always what was revoked after them."""
        with self._database.transaction() as connection:
            newest = published.newest_cuts(connection, self._issuers)
            crls = tuple(self._read(connection, newest))
            late = {
                issuer: frozenset(revocations.later_serials(connection, issuer, self._cutoff(issuer)))
                for issuer in self._cuts | self._fetched
            }
        return Update(crls=crls, late=late)

    def _read(self, connection: DbConnection, newest: Mapping[bytes, published.Cut]) -> list[Crl]:
        """The CRLs that are newer, and the cut that each one was made at."""
        self._fetched = {}
        crls = []
        for issuer, cut in newest.items():
            if cut != self._cuts.get(issuer):
                der = published.read_crl(connection, issuer, cut.number)
                if der is not None:
                    crls.append(parse(der))
                    self._fetched[issuer] = cut
        return crls

    def believed(self) -> None:
        """What was revoked before these CRLs need not be told again."""
        self._cuts.update(self._fetched)

    def _cutoff(self, issuer: bytes) -> int:
        """Below it, every revocation is in the CRL that is believed, whether that becomes the one just read or not."""
        return min(cuts[issuer].cutoff for cuts in (self._cuts, self._fetched) if issuer in cuts)


class ClosedSource:
    """What the platform had a PFCNG-IGC elsewhere revoke: its CRL, fetched once an hour, is not waited for.

    Args:
        database: The platform's.
        authorities: Those that are believed.
        clock: The present, aware.
        grace: How long after its nextUpdate a CRL counts: what was revoked before the oldest that counts is in it.
    """

    channels = (CHANNEL,)

    def __init__(
        self,
        database: Database,
        authorities: Iterable[x509.Certificate],
        clock: Callable[[], datetime],
        grace: timedelta,
    ) -> None:
        self._database = database
        self._age = HOLDERS.validity + grace + _MARGIN
        self._issuers = {key_identifier(one): names.rfc4514(one.subject) for one in authorities}
        self._clock = clock

    @property
    def label(self) -> str:
        """The table."""
        return "revocation"

    def fetch(self) -> Update:
        """Always all of it, whatever the CRLs have."""
        serials: dict[str, set[int]] = defaultdict(set)
        with self._database.transaction() as connection:
            for autorite, numero_serie in list_closed(connection, self._clock() - self._age):
                serials[autorite].add(int(numero_serie, 16))
        return Update(late={key: frozenset(serials[name]) for key, name in self._issuers.items()})

    def believed(self) -> None:
        """Nothing is kept."""
