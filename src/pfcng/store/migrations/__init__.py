"""Alembic revisions in plain SQL, and the call that brings a database to the newest one."""

from pathlib import Path

import psycopg

_HERE = Path(__file__).parent
_LOCK = 0x70_66_63_6E_67
"""Key of the advisory lock under which one process at a time migrates: "pfcng"."""


def head() -> str:
    """The newest revision: file names start with their number."""
    return max(path.name for path in (_HERE / "versions").glob("[0-9]*.py")).partition("_")[0]


def migrate(dsn: str) -> None:
    """Bring the database to the newest revision; processes that start together wait for the one that does it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        if _current(connection) != head():
            _upgrade(dsn)


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

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["dsn"] = dsn
    command.upgrade(config, "head")
