"""Connections and transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

Row = dict[str, Any]
DbConnection = Connection[Row]


class Database:
    """A pool of connections to one PostgreSQL database; rows are dicts, times are UTC.

    Args:
        dsn: libpq connection string.
        max_connections: Upper bound of the pool; a caller waits for a free one.
    """

    def __init__(self, dsn: str, *, max_connections: int = 10) -> None:
        self._pool: ConnectionPool[DbConnection] = ConnectionPool(
            dsn,
            min_size=1,
            max_size=max_connections,
            open=True,
            timeout=10,
            check=ConnectionPool.check_connection,
            connection_class=Connection[Row],
            kwargs={"row_factory": dict_row, "options": "-c timezone=UTC"},
        )

    @contextmanager
    def transaction(self) -> Iterator[DbConnection]:
        """One transaction: committed at the end, rolled back when an exception leaves the block."""
        with self._pool.connection() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        """Give every connection back to the server."""
        self._pool.close()
