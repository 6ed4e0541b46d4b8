"""Make a restored database whole: compare it with PFCNG-IGC, settle each difference, then lift the refusal.

Steps K1 to K6 of docs/restore.md. Each difference is settled in one commit of the side that forgot, and is none then:
what a kill leaves, the next run finds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cryptography import x509

from pfcng.contract.catalogue import Environment, Motif
from pfcng.domain.states import DemandeState, ProduitState, Transition
from pfcng.igc.authority import (
    AuthorityRefused,
    AuthorityUnavailable,
    Dossier,
    Progress,
    ReconcilableAuthority,
    RegistrationConflict,
    Status,
)
from pfcng.igc.issued import check_issued
from pfcng.igc.requests import CertificateRequest
from pfcng.operations.bring_in import bring_in, close_revocation
from pfcng.operations.context import Arrival
from pfcng.operations.exploitation import Exploitation
from pfcng.operations.journaling import entry
from pfcng.operations.reconcilier import (
    ACTE,
    TO_REVOKE,
    Difference,
    compare,
    find_differences,
    journal_difference,
    revoke,
    tell,
)
from pfcng.operations.revoquer_certificat import REASONS
from pfcng.store import attestation, demandes, journal, reconciliations as store
from pfcng.store.attestation import Objet
from pfcng.store.database import Database, DbConnection, Row
from pfcng.store.demandes import StateConflict

COMMAND: Final = "reconcilier"
_LOCK: Final = 0x72_65_70_72
"""Key of the advisory lock under which one exploitant at a time reconciles: "repr"."""


class AlreadyUnderWay(Exception):
    """Another exploitant reconciles this database."""


@dataclass(frozen=True, slots=True)
class Found:
    """A number on which both sides differ."""

    numero: int
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What both sides say.

    Attributes:
        suspicion: Why the platform's database is suspect; None when it is not.
        igc_suspect: Whether PFCNG-IGC's is.
        compared: Numbers.
        greatest: The greatest number of either side.
    """

    suspicion: str | None
    igc_suspect: bool
    compared: int
    greatest: int
    found: Sequence[Found]


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """K1: nobody else reconciles in the block.

    Raises:
        AlreadyUnderWay: Somebody does.
    """
    with database.session() as session:
        [row] = session.execute("SELECT pg_try_advisory_lock(%s) AS held", (_LOCK,)).fetchall()
        if not row["held"]:
            raise AlreadyUnderWay
        yield


def examine(database: Database, authority: ReconcilableAuthority, arrival: Arrival) -> Examination:
    """K2: compare both sides and journal each difference; nothing else is changed.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering.
    """
    restored, igc_restored = not database.is_attested(), not authority.is_attested()
    found, compared, greatest = [], 0, 0
    for numero, difference in find_differences(database, authority, partial(_compare, restored=restored)):
        compared, greatest = compared + 1, numero
        if difference is not None:
            tell(numero, difference, database, arrival)
            found.append(Found(numero, difference))
    return Examination(
        suspicion=database.suspicion, igc_suspect=igc_restored, compared=compared, greatest=greatest, found=found
    )


def _compare(status: Status | None, known: Row | None, *, restored: bool) -> Difference | None:
    """As every day, and what only a restored side can have forgotten."""
    found = compare(status, known)
    if found is not None:
        return found
    if known is None:
        return Difference.OUBLIE_REVOQUE if restored else None
    produit = ProduitState(known["etat_produit"])
    if produit is ProduitState.A_RETIRER:
        if status is None or status.progress is Progress.UNKNOWN:
            transmitted = known["etat_demande"] == DemandeState.TRANSMISE
            return Difference.NON_ENREGISTREE if transmitted else None
        return Difference.DEJA_EMIS if restored and status.progress is Progress.ISSUED else None
    return Difference.PEUT_ETRE_REMIS if restored and produit is ProduitState.RETIRE else None


def settle(found: Found, *, database: Database, authority: ReconcilableAuthority, arrival: Arrival) -> bool:
    """K3: one difference; whether it is settled. What cannot be is journaled and stays an alarm.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering.
    """
    numero, difference = found.numero, found.difference
    if difference in TO_REVOKE:
        return revoke(numero, difference, database, authority, arrival)
    try:
        match difference:
            case Difference.INCONNU | Difference.OUBLIE_REVOQUE:
                _bring_in(numero, database, authority, arrival)
            case Difference.DEJA_EMIS | Difference.PEUT_ETRE_REMIS:
                _deliver(numero, None, database, authority, arrival)
            case Difference.REVOQUE_LA_BAS:
                _deliver(numero, authority.read_dossier(numero), database, authority, arrival)
            case Difference.ABSENT | Difference.NON_ENREGISTREE:
                authority.adopt(_dossier(numero, database))
                journal_difference(numero, "repris", difference, database, arrival)
            case _:
                return False
    except AuthorityRefused as error:
        journal_difference(numero, "refusé", f"{difference} : {error}", database, arrival)
        return False
    except StateConflict:  # it moved meanwhile, which is right in itself
        return True
    return True


def lift(
    examination: Examination,
    *,
    database: Database,
    authority: ReconcilableAuthority,
    exploitation: Exploitation,
) -> None:
    """K4 to K6: numbers go on after the greatest, and both sides issue and publish again.

    Raises:
        AuthorityUnavailable: PFCNG-IGC stopped answering; the platform goes on refusing.
    """
    with database.transaction() as connection:
        demandes.pass_numbers(connection, examination.greatest)  # K4
    suspect = not database.is_attested()
    authority.attest()  # K5
    with database.transaction() as connection:  # K6
        detail = f"{examination.compared} numéros comparés, {len(examination.found)} différences"
        journal.write(connection, [exploitation.entry(COMMAND, detail)])
        if suspect:
            attestation.attest(connection, Objet.RECONCILIATION, detail)


def _bring_in(numero: int, database: Database, authority: ReconcilableAuthority, arrival: Arrival) -> None:
    """A demande that the platform forgot; a serial that was reserved and never left is revoked instead."""
    dossier = authority.read_dossier(numero)
    if dossier.certificate is None:
        if dossier.revoked_at is None:
            authority.revoke(numero, x509.ReasonFlags.cessation_of_operation)
            journal_difference(numero, "révoqué", Difference.INCONNU, database, arrival)
        return
    _check(dossier.certificate, dossier.request)
    with database.transaction() as connection:
        if store.find_known(connection, numero) is None:
            bring_in(connection, dossier, dossier.certificate, arrival.now)
            _journal(connection, numero, dossier.request.environment, "repris", arrival)


def _deliver(
    numero: int,
    revoked: Dossier | None,
    database: Database,
    authority: ReconcilableAuthority,
    arrival: Arrival,
) -> None:
    """What may have been delivered was: produit actif; then révoqué, where PFCNG-IGC revoked it."""
    with database.transaction() as connection:
        known = demandes.find_for_restore(connection, numero)
    certificate = None
    if known["certificat"] is None:
        certificate = (revoked or authority.read_dossier(numero)).certificate
        if certificate is None:  # reserved, and revoked before anything was signed
            return
        _check(certificate, CertificateRequest.from_json(known["demande_igc"]))
    with database.transaction() as connection:
        if certificate is not None:
            with suppress(StateConflict), connection.transaction():
                demandes.move(connection, numero, Transition.TRANSMETTRE, arrival.now)
            demandes.store_certificate(connection, numero, certificate)
            demandes.move(connection, numero, Transition.RETIRER, arrival.now)
        if known["etat_produit"] != ProduitState.ACTIF:
            demandes.move(connection, numero, Transition.DELIVRER, arrival.now)
        if revoked is not None and revoked.revoked_at is not None:
            close_revocation(connection, known["numero_produit"], revoked, arrival.now)
        _journal(connection, numero, Environment(known["environnement"]), "repris", arrival)


def _check(certificate: x509.Certificate, request: CertificateRequest) -> None:
    """See that a certificate is that of the request.

    Raises:
        RegistrationConflict: it is not: the number was given twice, before anybody knew of the restore.
    """
    try:
        check_issued(certificate, request)
    except AuthorityUnavailable as error:
        raise RegistrationConflict(str(error)) from error


def _dossier(numero: int, database: Database) -> Dossier:
    """What the platform holds of a number."""
    with database.transaction() as connection:
        known = demandes.find_for_restore(connection, numero)
        motif = store.find_motif(connection, numero)
    der, revoked = known["certificat"], known["revoque_le"]
    return Dossier(
        numero=numero,
        request=CertificateRequest.from_json(known["demande_igc"]),
        certificate=None if der is None else x509.load_der_x509_certificate(der),
        revoked_at=revoked,
        reason=None if motif is None else REASONS[Motif(motif)],
    )


def _journal(connection: DbConnection, numero: int, environment: Environment, resultat: str, arrival: Arrival) -> None:
    told = replace(entry(ACTE, arrival), resultat=resultat, demande=numero, environment=environment)
    journal.write(connection, [told])
