"""Alembic revisions in plain SQL, and the call that brings a database to the newest one."""

from pathlib import Path

import psycopg

_HERE = Path(__file__).parent
_MIN_VERSION = 150000
"""The oldest PostgreSQL that is still maintained."""
_LOCK = 0x70_66_63_6E_67
"""Key of the advisory lock under which one process at a time migrates: "pfcng"."""


def head() -> str:
    """The newest revision: file names start with their number."""
    return max(path.name for path in (_HERE / "versions").glob("[0-9]*.py")).partition("_")[0]


class UnsuitableDatabase(Exception):
    """The database cannot be used; the message is French, for the operator."""


def migrate(dsn: str) -> None:
    """Bring the database to the newest revision; processes that start together wait for the one that does it.

    Raises:
        UnsuitableDatabase: An older PostgreSQL than 15, another encoding than UTF-8, or the tables of a newer version.
        psycopg.Error: The database refuses, for want of rights for instance; nothing is changed.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        _check_server(connection)
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        current = _current(connection)
        if current is not None and current > head():
            raise UnsuitableDatabase(
                f"La base de données est d’une version plus récente de pfcng (révision {current})."
            )
        if current != head():
            _upgrade(dsn)


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < _MIN_VERSION:
        raise UnsuitableDatabase("PostgreSQL 15 ou plus est nécessaire.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnsuitableDatabase(f"La base de données doit être codée en UTF-8, pas en {encoding}.")


def _current(connection: psycopg.Connection) -> str | None:
    """The revision that the database has, or None when it is empty."""
    found = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return None if row is None else str(row[0])


def _upgrade(dsn: str) -> None:
    # Alembic and SQLAlchemy cost 0.7 s of import: they are loaded only when there is a revision to apply.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["dsn"] = dsn
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        raise error.orig or error from None
