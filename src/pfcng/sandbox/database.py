"""The sandbox's database: its own embedded PostgreSQL, or the one of ``PFCNG_DSN``; what goes wrong is told."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pfcng.igc.migrations import IGC
from pfcng.sandbox.mistakes import SandboxError
from pfcng.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from pfcng.store.migrations import UnsuitableDatabase, migrate

_PATIENCE: Final = 10
"""Seconds that a server may take to answer."""
_CAUSES: Final = {
    "refused|no such file": "aucun serveur n’écoute à cette adresse",
    "could not translate host name|name or service not known": "ce nom de serveur est inconnu",
    "password": "le mot de passe manque ou n’est pas le bon",
    "database .* does not exist": "cette base n’existe pas",
    "role .* does not exist": "cet utilisateur n’existe pas",
    "timeout": "le serveur ne répond pas",
}
"""What libpq says, in part, and its meaning; its own words may hold what the string holds."""


def check_dsn(dsn: str | None) -> None:
    """See that the string of ``PFCNG_DSN``, if there is one, is a libpq connection string.

    Raises:
        SandboxError: It is not; the message has nothing of it, for it may hold a password.
    """
    if dsn is None:
        return
    try:
        told = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        told = {}
    if not told:
        raise SandboxError(
            "PFCNG_DSN n’est pas une chaîne de connexion de PostgreSQL, comme « host=… dbname=… user=… » ou "
            "postgresql://… ; sans elle, le bac à sable a sa propre base."
        )


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


def _embedded(directory: Path) -> str:
    try:
        return EmbeddedPostgres(directory).dsn
    except EmbeddedPostgresError as error:
        raise SandboxError(str(error)) from error


def _reachable(dsn: str) -> str:
    try:
        psycopg.connect(dsn, connect_timeout=_PATIENCE).close()
    except psycopg.OperationalError as error:
        raise SandboxError(f"La base de PFCNG_DSN ne peut pas servir : {_cause(error)}.") from None
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
    except Exception as error:
        refusal = error if isinstance(error, psycopg.Error) else error.__cause__  # SQLAlchemy's has psycopg's below it
        if not isinstance(refusal, psycopg.Error):
            raise
        raise SandboxError(
            f"La base de données a refusé une opération du démarrage (SQLSTATE {refusal.sqlstate or 'absent'})."
        ) from error


def _cause(error: psycopg.OperationalError) -> str:
    text = str(error).lower()
    found = (meaning for words, meaning in _CAUSES.items() if re.search(words, text))
    return next(found, "la connexion est refusée")
