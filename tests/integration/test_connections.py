"""The platform's connections to its database, while it is away and when it is back."""

import time
from contextlib import closing
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout

from pfcng.store import database as module
from pfcng.store.database import Database
from support.folders import shared_folder

_AWAY = 8.0
"""Seconds: by then a pool that waits twice as long after each try would not try again before as long a time."""


def test_database_that_is_back_is_used_however_long_it_was_away(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks is served, and need not wait for as long as it was away."""
    monkeypatch.setattr(module, "_PATIENCE", 3.0)
    with shared_folder() as folder:
        sockets = folder / "sockets"
        with closing(Database(make_conninfo(dsn, host=str(sockets)))) as database:
            until = time.monotonic() + _AWAY
            while time.monotonic() < until:
                assert not serves(database)
            sockets.symlink_to(Path(str(conninfo_to_dict(dsn)["host"])))
            assert serves(database)


def serves(database: Database) -> bool:
    try:
        with database.transaction() as connection:
            return connection.execute("SELECT").rowcount == 1
    except PoolTimeout:
        return False
