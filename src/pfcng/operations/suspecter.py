"""Who knows more than the platform's database: then it is an older one, whatever it proves (docs/restore.md)."""

from typing import Final

from pfcng.igc.authority import CertificateAuthority
from pfcng.operations.ancre_journal import Anchor
from pfcng.store import attestation, demandes
from pfcng.store.database import Database
from pfcng.store.sealing import is_sealed_as

_UNSEALED: Final = "l’ancre du journal a le sceau de rang {rang}, que cette base n’a pas"
_BEHIND: Final = "PFCNG-IGC a un certificat pour la demande {numero}, que cette base n’a pas encore numérotée"


def suspect_if_behind(database: Database, authority: CertificateAuthority) -> bool:
    """Compare the greatest numbers of both sides, and refuse from here on where this side is behind; whether it is.

    Raises:
        AuthorityUnavailable: PFCNG-IGC does not answer.
    """
    with database.transaction() as connection:
        last = demandes.last_number(connection)
    ahead = authority.list_issued(after=last, limit=1)
    if ahead:
        database.suspect(_BEHIND.format(numero=ahead[0].numero))
    return bool(ahead)


def suspect_if_unsealed(database: Database, anchor: Anchor) -> bool:
    """Hold the journal against its anchor, and refuse from here on where a seal is gone; whether one is.

    An anchor that is older than the last reconciliation was seen there, and tells nothing new.

    Raises:
        OSError: The anchor cannot be read.
    """
    last = anchor.last()
    if last is None:
        return False
    with database.transaction() as connection:
        attested = attestation.read_moment(connection)
        if is_sealed_as(connection, last) or (attested is not None and attested >= last.scelle_le):
            return False
    database.suspect(_UNSEALED.format(rang=last.rang))
    return True
