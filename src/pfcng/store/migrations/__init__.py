"""Alembic revisions in plain SQL, and the call that brings a database to the newest one.

A chain of revisions belongs to a schema, which holds the table that says how far it came: the platform's is ``public``,
PFCNG-IGC has its own (`pfcng.igc.migrations`), since its tables may live in another database.
"""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

_MIN_VERSION = 150000
"""The oldest PostgreSQL that is still maintained."""
_LOCK = 0x70_66_63_6E_67
"""Key of the advisory lock under which one process at a time migrates: "pfcng"."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Revisions of one schema.

    Attributes:
        folder: Has ``versions/``, file names starting with their number.
        schema: Made when it is not there.
    """

    folder: Path
    schema: str

    @property
    def head(self) -> str:
        """The newest revision."""
        return max(path.name for path in (self.folder / "versions").glob("[0-9]*.py")).partition("_")[0]


PLATFORM = Chain(Path(__file__).parent, "public")


class UnsuitableDatabase(Exception):
    """The database cannot be used; the message is French, for the operator."""


def migrate(dsn: str, chain: Chain = PLATFORM) -> None:
    """Bring a schema to its newest revision; processes that start together wait for the one that does it.

    Raises:
        UnsuitableDatabase: An older PostgreSQL than 15, another encoding than UTF-8, or the tables of a newer version.
        psycopg.Error: The database refuses, for want of rights for instance; nothing is changed.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        _check_server(connection)
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        current = _current(connection, chain)
        _refuse_newer(current, chain)
        if current != chain.head:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(chain.schema)))
            _upgrade(dsn, chain)


def check_schema(dsn: str, *chains: Chain) -> None:
    """See that schemas are at their newest revision; nothing is changed.

    Raises:
        UnsuitableDatabase: One is not, or `migrate` would refuse the database.
        psycopg.Error: The database does not answer.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        _check_server(connection)
        for chain in chains:
            current = _current(connection, chain)
            _refuse_newer(current, chain)
            if current != chain.head:
                told = "n’a pas les tables de pfcng" if current is None else f"est à la révision {current}"
                raise UnsuitableDatabase(
                    f"La base de données {told} (schéma {chain.schema}, révision attendue {chain.head}) : "
                    "lancez « pfcng migrer »."
                )


def _refuse_newer(current: str | None, chain: Chain) -> None:
    if current is not None and current > chain.head:
        raise UnsuitableDatabase(f"La base de données est d’une version plus récente de pfcng (révision {current}).")


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < _MIN_VERSION:
        raise UnsuitableDatabase("PostgreSQL 15 ou plus est nécessaire.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnsuitableDatabase(f"La base de données doit être codée en UTF-8, pas en {encoding}.")


def _current(connection: psycopg.Connection, chain: Chain) -> str | None:
    """The revision that the schema has, or None when it has none."""
    table = f"{chain.schema}.alembic_version"
    found = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute(
        sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(chain.schema, "alembic_version"))
    ).fetchone()
    return None if row is None else str(row[0])


def _upgrade(dsn: str, chain: Chain) -> None:
    # Alembic and SQLAlchemy cost 0.7 s of import: they are loaded only when there is a revision to apply.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(PLATFORM.folder).replace("%", "%%"))
    config.set_main_option("version_locations", str(chain.folder / "versions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(dsn=dsn, schema=chain.schema)
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        raise error.orig or error from None
