"""Compare what PFCNG-IGC signed with what the platform knows, number by number (docs/igc.md).

Every difference is journaled. What nobody ever had, or nobody may have any more, is revoked; the rest is an alarm.
"""

from collections.abc import Callable, Iterator
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
from pfcng.operations.one_by_one import OneByOne
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
    # After a restore alone (restaurer.py):
    OUBLIE_REVOQUE = "PFCNG-IGC a révoqué le certificat d’un numéro inconnu ici"
    DEJA_EMIS = "PFCNG-IGC a émis le certificat d’une demande à retirer ici : il a pu être remis"
    PEUT_ETRE_REMIS = "retiré ici, il a pu être remis"
    NON_ENREGISTREE = "PFCNG-IGC ne connaît pas cette demande transmise"


Comparison = Callable[[Status | None, Row | None], Difference | None]
"""What is wrong with a number, by what each side says of it."""
TO_REVOKE: Final = (Difference.ORPHELIN, Difference.PAS_REVOQUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bilan:
    """How many numbers were compared, and on how many the two sides disagree."""

    compared: int
    differences: int


def reconcile_daily(*, database: Database, authority: CertificateAuthority, arrival: Arrival) -> int:
    """Compare unless it was done in the last 24 hours, here or in another process; how many differences.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering; it is begun again an hour later.
        PartlyDone: Something could not be told or done about some numbers.
    """
    with database.transaction() as connection:
        numero = store.begin(connection, arrival.now, every=EVERY, patience=_PATIENCE)
    if numero is None:
        return 0
    turn = OneByOne(arrival)
    bilan = reconcile(turn, database=database, authority=authority, arrival=arrival)
    with database.transaction() as connection:
        store.end(connection, numero, arrival.now, compared=bilan.compared, differences=bilan.differences)
    return turn.end(bilan.differences)


def reconcile(turn: OneByOne, *, database: Database, authority: CertificateAuthority, arrival: Arrival) -> Bilan:
    """Compare both sides in the order of the numbers; no transaction is open during a call.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering.
    """
    compared = differences = 0
    for numero, found in find_differences(database, authority, compare):
        compared += 1
        if found is not None:
            differences += 1
            with turn.row("demande", numero):
                tell(numero, found, database, arrival)
                if found in TO_REVOKE:
                    revoke(numero, found, database, authority, arrival)
    return Bilan(compared=compared, differences=differences)


def find_differences(
    database: Database, authority: CertificateAuthority, compare: Comparison
) -> Iterator[tuple[int, Difference | None]]:
    """Every number that either side has, in order, with the difference that a second look saw too.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering.
    """
    for numero, status, known in _side_by_side(_issued(authority), _known(database)):
        if compare(status, known) is None:
            yield numero, None
        else:
            yield numero, _look_again(numero, database, authority, compare)


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


def _look_again(
    numero: int, database: Database, authority: CertificateAuthority, compare: Comparison
) -> Difference | None:
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


def tell(numero: int, found: Difference, database: Database, arrival: Arrival) -> None:
    """Log and journal a difference, before anything is done about it."""
    log.error("igc.difference", numero=numero, difference=found.name)
    journal_difference(numero, "différence", found, database, arrival)


def revoke(
    numero: int, found: Difference, database: Database, authority: CertificateAuthority, arrival: Arrival
) -> bool:
    """Revoke what nobody ever had, or nobody may have any more; whether PFCNG-IGC did."""
    try:
        authority.revoke(numero, _reason(numero, found, database))
    except AuthorityRefused as error:
        journal_difference(numero, "refusé", f"{found} : {error}", database, arrival)
        return False
    journal_difference(numero, "révoqué", found, database, arrival)
    return True


def _reason(numero: int, found: Difference, database: Database) -> x509.ReasonFlags | None:
    """That of the révocation the platform knows; a certificate that nobody had served no purpose."""
    with database.transaction() as connection:
        motif = store.find_motif(connection, numero)
    if found is Difference.ORPHELIN or motif is None:
        return x509.ReasonFlags.cessation_of_operation
    return REASONS[Motif(motif)]


def journal_difference(numero: int, resultat: str, detail: str, database: Database, arrival: Arrival) -> None:
    """An entry about a number, in a transaction of its own."""
    with database.transaction() as connection:
        known = store.find_known(connection, numero)
        environment = None if known is None else Environment(known["environnement"])
        told = replace(entry(ACTE, arrival), resultat=resultat, detail=detail, demande=numero, environment=environment)
        journal.write(connection, [told])
