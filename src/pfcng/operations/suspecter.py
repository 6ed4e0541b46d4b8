"""Whether PFCNG-IGC knows numbers that this platform has not yet given: then its database is an older one."""

from typing import Final

from pfcng.igc.authority import CertificateAuthority
from pfcng.store import demandes
from pfcng.store.database import Database

_BEHIND: Final = "PFCNG-IGC a un certificat pour la demande {numero}, que cette base n’a pas encore numérotée"


def suspect_if_behind(database: Database, authority: CertificateAuthority) -> bool:
    """Compare the greatest numbers of both sides, and refuse from here on where this side is behind; whether it is.

    What a copy of the whole data directory does not show (docs/restore.md).

    Raises:
        AuthorityUnavailable: PFCNG-IGC does not answer.
    """
    with database.transaction() as connection:
        last = demandes.last_number(connection)
    ahead = authority.list_issued(after=last, limit=1)
    if ahead:
        database.suspect(_BEHIND.format(numero=ahead[0].numero))
    return bool(ahead)
