"""Alembic revisions in plain SQL, and the call that brings a database to the newest one.

A chain of revisions belongs to a schema, which holds the table that says how far it came: the platform's is ``public``,
PFCNG-IGC has its own (`pfcng.igc.migrations`), since its tables may live in another database.

Nodes are upgraded one after the other, while the database is already at the newest revision: the database itself tells
the programs that are older than it whether they may work with it (docs/exploitation/mettre-a-jour.md).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import sql
from psycopg.errors import LockNotAvailable
from psycopg.rows import tuple_row

log = structlog.get_logger()

_MIN_VERSION = 150000
"""The oldest PostgreSQL that is still maintained."""
_TRIES, _PAUSE = 30, 1.0
"""How often a migration asks for tables that a long transaction holds, a dump for instance, and seconds in between:
requests go on meanwhile."""
_LOCK = 0x70_66_63_6E_67
"""Key of the advisory lock under which one process at a time migrates: "pfcng"."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Revisions of one schema.

    Attributes:
        folder: Has ``versions/``, file names starting with their number.
        schema: Made when it is not there.
        oldest: The newest revision of the oldest program that works with the tables of this one's. Raise it with a
            revision that takes away or changes what an older program reads or writes; leave it with one that adds.
    """

    folder: Path
    schema: str
    oldest: str

    @property
    def head(self) -> str:
        """The newest revision."""
        return max(path.name for path in (self.folder / "versions").glob("[0-9]*.py")).partition("_")[0]


PLATFORM = Chain(Path(__file__).parent, "public", oldest="0010")


class UnsuitableDatabase(Exception):
    """The database cannot be used; the message is French, for the operator."""


@dataclass(frozen=True, slots=True)
class _State:
    """How far a schema came; ``oldest`` is what the program that brought it there said of the others."""

    revision: str
    oldest: str | None

    def admits(self, chain: Chain) -> bool:
        """Whether a program of these older revisions may work with it."""
        return self.oldest is not None and self.oldest <= chain.head


def migrate(dsn: str, chain: Chain = PLATFORM) -> None:
    """Bring a schema to its newest revision; processes that start together wait for the one that does it.

    A schema that a newer program brought further stays, if that program says that this one may work with it.

    Raises:
        UnsuitableDatabase: An older PostgreSQL than 15, another encoding than UTF-8, or the tables of a newer version.
        LockNotAvailable: A long transaction held a table all the time; nothing is changed.
        psycopg.Error: The database refuses, for want of rights for instance; nothing is changed.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        _check_server(connection)
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        state = _read_state(connection, chain)
        _refuse_newer(state, chain)
        if state is None or state.revision < chain.head:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(chain.schema)))
            _upgrade(dsn, chain)


def check_schema(dsn: str, *chains: Chain, remedy: str = "pfcng migrer") -> None:
    """See that schemas are at their newest revision, or at one that admits this program; nothing is changed.

    Args:
        dsn: The database.
        chains: Of the schemas.
        remedy: The command that brings them there.

    Raises:
        UnsuitableDatabase: One is not, or `migrate` would refuse the database.
        psycopg.Error: The database does not answer.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        _check_server(connection)
        for schema, revision, expected in check_tables(connection, *chains, remedy=remedy):
            log.warning("database.newer", schema=schema, revision=revision, expected=expected)


def check_tables(
    connection: psycopg.Connection[Any], *chains: Chain, remedy: str = "pfcng migrer"
) -> list[tuple[str, str, str]]:
    """See that schemas are at a revision that this program works with.

    Returns:
        Those that are ahead of this program: schema, revision, revision expected.

    Raises:
        UnsuitableDatabase: One is behind, or does not admit this program.
    """
    newer = []
    for chain in chains:
        state = _read_state(connection, chain)
        _refuse_newer(state, chain)
        if state is None or state.revision < chain.head:
            told = "n’a pas les tables de pfcng" if state is None else f"est à la révision {state.revision}"
            raise UnsuitableDatabase(
                f"La base de données {told} (schéma {chain.schema}, révision attendue {chain.head}) : "
                f"lancez « {remedy} »."
            )
        if state.revision != chain.head:
            newer.append((chain.schema, state.revision, chain.head))
    return newer


def _refuse_newer(state: _State | None, chain: Chain) -> None:
    if state is not None and state.revision > chain.head and not state.admits(chain):
        raise UnsuitableDatabase(
            f"La base de données est d’une version plus récente de pfcng (révision {state.revision})."
        )


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < _MIN_VERSION:
        raise UnsuitableDatabase("PostgreSQL 15 ou plus est nécessaire.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnsuitableDatabase(f"La base de données doit être codée en UTF-8, pas en {encoding}.")


def _read_state(connection: psycopg.Connection[Any], chain: Chain) -> _State | None:
    """How far the schema came, or None when it has no table of ours."""
    cursor = connection.cursor(row_factory=tuple_row)
    table = f"{chain.schema}.alembic_version"
    found = cursor.execute("SELECT to_regclass(%s)", (table,)).fetchone()
    if found is None or found[0] is None:
        return None
    row = cursor.execute(
        sql.SQL("SELECT version_num, to_jsonb(a) ->> 'admise' FROM {} a").format(
            sql.Identifier(chain.schema, "alembic_version")
        )
    ).fetchone()
    return None if row is None else _State(*row)


def _upgrade(dsn: str, chain: Chain) -> None:
    # Alembic and SQLAlchemy cost 0.7 s of import: they are loaded only when there is a revision to apply.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(PLATFORM.folder).replace("%", "%%"))
    config.set_main_option("version_locations", str(chain.folder / "versions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(dsn=dsn, schema=chain.schema, oldest=chain.oldest)
    for left in reversed(range(_TRIES)):
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            if not (left and isinstance(error.orig, LockNotAvailable)):
                raise error.orig or error from None
        else:
            return
        log.warning("migration.waits", schema=chain.schema, tries_left=left)
        time.sleep(_PAUSE)
