"""The sandbox's database: its own embedded PostgreSQL, or the one of ``PFCNG_DSN``; what goes wrong is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from pfcng.igc.migrations import IGC
from pfcng.sandbox.mistakes import SandboxError
from pfcng.store import reaching
from pfcng.store.attestation import Attestation, Objet, attest, read_moment
from pfcng.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from pfcng.store.migrations import UnsuitableDatabase, migrate
from pfcng.store.reaching import Unreachable, UnreadableDsn


def check_dsn(dsn: str | None) -> None:
    """See that the string of ``PFCNG_DSN``, if there is one, is a libpq connection string.

    Raises:
        SandboxError: It is not; the message has nothing of it, for it may hold a password.
    """
    if dsn is None:
        return
    try:
        reaching.check_dsn(dsn)
    except UnreadableDsn:
        raise SandboxError(
            "PFCNG_DSN n’est pas une chaîne de connexion de PostgreSQL, comme « host=… dbname=… user=… » ou "
            "postgresql://… ; sans elle, le bac à sable a sa propre base."
        ) from None


def start_database(dsn: str | None, directory: Path) -> str:
    """The DSN of a database with every table: the given one, or the embedded one, which is started.

    Raises:
        SandboxError: There is none that can be used.
    """
    found = _embedded(directory) if dsn is None else _reachable(dsn)
    with refusals_told():
        migrate(found)
        migrate(found, IGC)
    return found


def take_over(dsn: str) -> str | None:
    """Have a database that was copied or restored count as it is: nobody relies on what a sandbox certified.

    Returns:
        What to tell its user; None when there is nothing to tell.
    """
    attestation = Attestation()
    with refusals_told(), psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        if read_moment(connection) is None:  # a sandbox of before there was anything to tell
            with connection.transaction():
                attest(connection, Objet.BAC_A_SABLE, "")
        attestation.look(connection)
        if attestation.fault is None:
            return None
        with connection.transaction():
            attest(connection, Objet.BAC_A_SABLE, attestation.fault)
    return (
        f"La base de ce bac à sable a été copiée ou restaurée ({attestation.fault}). Il la prend telle quelle ; les "
        "numéros continuent après le prochain million. Une plateforme demanderait « pfcng reconcilier »."
    )


def _embedded(directory: Path) -> str:
    try:
        return EmbeddedPostgres(directory).dsn
    except EmbeddedPostgresError as error:
        raise SandboxError(str(error)) from error


def _reachable(dsn: str) -> str:
    try:
        reaching.reach(dsn)
    except Unreachable as error:
        raise SandboxError(f"La base de PFCNG_DSN ne peut pas servir : {error}.") from None
    return dsn


@contextmanager
def refusals_told() -> Iterator[None]:
    """Tell in French what the database refuses.

    Raises:
        SandboxError: It refused.
    """
    try:
        yield
    except UnsuitableDatabase as error:
        raise SandboxError(str(error)) from error
    except psycopg.Error as error:
        raise SandboxError(
            f"La base de données a refusé une opération du démarrage (SQLSTATE {error.sqlstate or 'absent'})."
        ) from error
