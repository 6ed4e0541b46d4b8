"""Compare what PFCNG-IGC signed with what the platform knows, number by number (docs/igc.md).

Every difference is journaled. What nobody ever had, or nobody may have any more, is revoked; the rest is an alarm.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

import structlog
from cryptography import x509

from pfcng.contract.catalogue import Environment, Motif
from pfcng.domain.states import ProduitState
from pfcng.igc.authority import AuthorityRefused, CertificateAuthority, Progress, Status
from pfcng.operations.context import Arrival
from pfcng.operations.journaling import entry
from pfcng.operations.revoquer_certificat import REASONS
from pfcng.store import journal, reconciliations as store
from pfcng.store.database import Database, Row

log = structlog.get_logger()

ACTE: Final = "reconcilierIGC"
EVERY: Final = timedelta(days=1)
_PATIENCE: Final = timedelta(hours=1)
"""After that long, a comparison without its end was interrupted and is begun again."""
_PAGE: Final = 500


class Difference(StrEnum):
    """What the two sides can disagree on; the values are the journal's."""

    ORPHELIN = "PFCNG-IGC a un certificat pour une demande terminée sans lui"
    INCONNU = "PFCNG-IGC a un certificat pour un numéro inconnu ici"
    AUTRE_SERIE = "PFCNG-IGC a un certificat d’un autre numéro de série"
    ABSENT = "PFCNG-IGC n’a pas ce certificat"
    REVOQUE_LA_BAS = "révoqué par PFCNG-IGC, sans demande de révocation ici"
    PAS_REVOQUE = "révoqué ici, pas par PFCNG-IGC"


_TO_REVOKE: Final = (Difference.ORPHELIN, Difference.PAS_REVOQUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bilan:
    """How many numbers were compared, and on how many the two sides disagree."""

    compared: int
    differences: int


def reconcile_daily(*, database: Database, authority: CertificateAuthority, arrival: Arrival) -> int:
    """Compare unless it was done in the last 24 hours, here or in another process; how many differences.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering; it is begun again an hour later.
    """
    with database.transaction() as connection:
        numero = store.begin(connection, arrival.now, every=EVERY, patience=_PATIENCE)
    if numero is None:
        return 0
    bilan = reconcile(database=database, authority=authority, arrival=arrival)
    with database.transaction() as connection:
        store.end(connection, numero, arrival.now, compared=bilan.compared, differences=bilan.differences)
    return bilan.differences


def reconcile(*, database: Database, authority: CertificateAuthority, arrival: Arrival) -> Bilan:
    """Compare both sides in the order of the numbers; no transaction is open during a call.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering.
    """
    compared = differences = 0
    for numero, status, known in _side_by_side(_issued(authority), _known(database)):
        compared += 1
        if compare(status, known) is None:
            continue
        found = _look_again(numero, database, authority)
        if found is not None:
            differences += 1
            _settle(numero, found, database, authority, arrival)
    return Bilan(compared=compared, differences=differences)


def compare(status: Status | None, known: Row | None) -> Difference | None:
    """What is wrong with a number, by what each side says of it."""
    if status is None or status.serial is None:
        return None if known is None or known["numero_serie"] is None else Difference.ABSENT
    revoked = status.progress is Progress.REVOKED
    if known is None:
        return None if revoked else Difference.INCONNU
    produit = ProduitState(known["etat_produit"])
    if known["numero_serie"] is None and produit is not ProduitState.A_RETIRER:
        return None if revoked else Difference.ORPHELIN
    if known["numero_serie"] not in {None, f"{status.serial:X}"}:
        return Difference.AUTRE_SERIE
    if produit is ProduitState.REVOQUE:
        return None if revoked else Difference.PAS_REVOQUE
    return Difference.REVOQUE_LA_BAS if revoked and not known["revocation_en_cours"] else None


def _issued(authority: CertificateAuthority) -> Iterator[tuple[int, Status]]:
    after = 0
    while page := authority.list_issued(after=after, limit=_PAGE):
        yield from ((status.numero, status) for status in page)
        after = page[-1].numero


def _known(database: Database) -> Iterator[tuple[int, Row]]:
    after = 0
    while page := _read(database, after):
        yield from ((row["numero"], row) for row in page)
        after = page[-1]["numero"]


def _read(database: Database, after: int) -> list[Row]:
    with database.transaction() as connection:
        return store.list_known(connection, after=after, limit=_PAGE)


def _side_by_side(
    issued: Iterator[tuple[int, Status]], known: Iterator[tuple[int, Row]]
) -> Iterator[tuple[int, Status | None, Row | None]]:
    """Every number that either side has, in order, with what each has of it."""
    left, right = next(issued, None), next(known, None)
    while left is not None or right is not None:
        numero = min(side[0] for side in (left, right) if side is not None)
        status = left[1] if left is not None and left[0] == numero else None
        row = right[1] if right is not None and right[0] == numero else None
        yield numero, status, row
        left = next(issued, None) if status is not None else left
        right = next(known, None) if row is not None else right


def _look_again(numero: int, database: Database, authority: CertificateAuthority) -> Difference | None:
    """The difference as it is now, or None: a retrait or a révocation under way is none.

    The platform is read before and after the authority. When it did not move in between, both were seen at one moment.
    """
    before = _find(numero, database)
    status = authority.status(numero)
    after = _find(numero, database)
    return compare(status, after) if before == after else None


def _find(numero: int, database: Database) -> Row | None:
    with database.transaction() as connection:
        return store.find_known(connection, numero)


def _settle(
    numero: int, found: Difference, database: Database, authority: CertificateAuthority, arrival: Arrival
) -> None:
    """Journal the difference, and only then revoke where that is the remedy."""
    log.error("igc.difference", numero=numero, difference=found.name)
    _journal(numero, "différence", found, database, arrival)
    if found not in _TO_REVOKE:
        return
    try:
        authority.revoke(numero, _reason(numero, found, database))
    except AuthorityRefused as error:
        _journal(numero, "refusé", f"{found} : {error}", database, arrival)
    else:
        _journal(numero, "révoqué", found, database, arrival)


def _reason(numero: int, found: Difference, database: Database) -> x509.ReasonFlags | None:
    """That of the révocation the platform knows; a certificate that nobody had served no purpose."""
    with database.transaction() as connection:
        motif = store.find_motif(connection, numero)
    if found is Difference.ORPHELIN or motif is None:
        return x509.ReasonFlags.cessation_of_operation
    return REASONS[Motif(motif)]


def _journal(numero: int, resultat: str, detail: str, database: Database, arrival: Arrival) -> None:
    with database.transaction() as connection:
        known = store.find_known(connection, numero)
        environment = None if known is None else Environment(known["environnement"])
        told = replace(entry(ACTE, arrival), resultat=resultat, detail=detail, demande=numero, environment=environment)
        journal.write(connection, [told])
