"""Connections and transactions; the platform's work under the application's role."""

import select
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from psycopg import Connection, Error, Transaction
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from pfcng.store.attestation import Attestation, SuspectDatabase
from pfcng.store.reaching import lasting

Row = dict[str, Any]

APPLICATION_ROLE: Final = "pfcng_app"
"""The role without UPDATE, DELETE and TRUNCATE on the journal; revision 0004 makes it."""
_MAX_RECEIPTS: Final = 20_000
"""What a process without a sealer remembers at most."""

OPTIONS: Final = (
    "-c timezone=UTC -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c idle_in_transaction_session_timeout=60s"
)
"""The server gives back within half a minute the locks of a node that lost its power or its network, and within one
minute those of a process that is frozen in the middle of a transaction: its machine answers for it."""
_PATIENCE: Final = 10.0
"""Seconds that a caller waits for a connection; and a pool that finds no server begins again after so many: its pauses
double, and a database that was away for an hour would be found an hour late."""
_PROBE: Final = 2.0
"""Seconds that a caller waits who only asks whether there is one."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A journal entry that this process committed: its number and digest (docs/journal.md, J1)."""

    entree: int
    empreinte: bytes


class DbConnection(Connection[Row]):
    """A connection that knows which journal entries its transaction wrote.

    Attributes:
        receipts: Entries written by the transaction under way; those of a savepoint that was rolled back are not in it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.receipts: list[Receipt] = []

    @contextmanager
    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> Iterator[Transaction]:
        """A transaction, or a savepoint inside one; what is rolled back takes its receipts with it."""
        kept = len(self.receipts)
        ended_well = False
        try:
            with super().transaction(savepoint_name, force_rollback) as transaction:
                yield transaction
                failed = self.info.transaction_status is TransactionStatus.INERROR
                ended_well = not (force_rollback or failed)
        finally:
            if not ended_well:
                del self.receipts[kept:]


class Database:
    """A pool of connections to one PostgreSQL database; rows are dicts, times are UTC.

    Connections work as the role ``pfcng_app`` where the database has it and lets them; where not, that is logged
    (docs/journal.md).

    Args:
        dsn: libpq connection string.
        max_connections: Upper bound of the pool; a caller waits for a free one.
        role: The role to work as; None for a database that has no journal to protect (PFCNG-IGC's own).
    """

    def __init__(self, dsn: str, *, max_connections: int = 10, role: str | None = APPLICATION_ROLE) -> None:
        self._role = role
        self._receipts: deque[Receipt] = deque(maxlen=_MAX_RECEIPTS)
        self._told = False
        self._dsn = lasting(dsn, OPTIONS)
        self._attestation = Attestation()
        self._pool: ConnectionPool[DbConnection] = ConnectionPool(
            self._dsn,
            min_size=1,
            max_size=max_connections,
            open=True,
            timeout=_PATIENCE,
            reconnect_timeout=_PATIENCE,
            check=_check,
            connection_class=DbConnection,
            kwargs={"autocommit": True, "row_factory": dict_row},
            configure=self._configure,
        )

    @contextmanager
    def transaction(self) -> Iterator[DbConnection]:
        """One transaction: committed at the end, rolled back when an exception leaves the block."""
        with self._pool.connection() as connection:
            connection.receipts.clear()
            with connection.transaction():
                yield connection
            self._receipts.extend(connection.receipts)

    @contextmanager
    def autocommit(self) -> Iterator[DbConnection]:
        """A connection on which each statement is a transaction of its own, for two round trips less.

        For a statement alone, and for reads: those of a transaction see as little of one moment (READ COMMITTED).
        """
        with self._pool.connection() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[DbConnection]:
        """A connection outside the pool, each statement its own transaction unless one is begun.

        What is bound to a session (locks, LISTEN) ends with the block, and with the process.
        """
        with closing(DbConnection.connect(self._dsn, autocommit=True, row_factory=dict_row)) as connection:
            self._configure(connection)
            yield connection

    def is_alive(self) -> bool:
        """Whether the server answers now; who asks does not wait as long as a request does."""
        try:
            with self._pool.connection(timeout=_PROBE) as connection:
                connection.execute("SELECT 1")
        except (Error, PoolTimeout):
            return False
        return True

    def is_attested(self) -> bool:
        """Whether the database is the one it was left as (docs/restore.md); one statement every few seconds.

        The caller holds no connection.

        Raises:
            psycopg.Error: It does not answer.
        """
        if not self._attestation.is_fresh:
            with self._pool.connection() as connection:
                self._attestation.look(connection)
        return self._attestation.fault is None

    def require_attested(self) -> None:
        """Go on with a database that was not restored, or was compared since.

        Raises:
            SuspectDatabase: It was restored.
            psycopg.Error: It does not answer.
        """
        if not self.is_attested():
            raise SuspectDatabase(self._attestation.fault)

    def suspect(self, fault: str) -> None:
        """Refuse to issue and to publish from here on, in every process, until the database was compared.

        Args:
            fault: What was found, a French clause.
        """
        with self._pool.connection() as connection:
            self._attestation.suspect(connection, fault)

    @property
    def suspicion(self) -> str | None:
        """What the last look found, a French clause; None for nothing."""
        return self._attestation.fault

    def pool_statistics(self) -> dict[str, int]:
        """psycopg_pool's, of this process."""
        return self._pool.get_stats()

    def take_receipts(self) -> list[Receipt]:
        """The journal entries that were committed since the last call, by this object's transactions."""
        taken = []
        while self._receipts:
            taken.append(self._receipts.popleft())
        return taken

    def put_back(self, receipts: Sequence[Receipt]) -> None:
        """Give back receipts that could not be checked; the next call of `take_receipts` has them."""
        self._receipts.extend(receipts)

    def close(self) -> None:
        """Give every connection back to the server."""
        self._pool.close()

    def _configure(self, connection: DbConnection) -> None:
        """What every connection begins with: its role, and whether the database behind it is still the same."""
        if self._role is not None:
            self._take_role(connection)
        self._attestation.look(connection)

    def _take_role(self, connection: DbConnection) -> None:
        """Work as the role; a database without it is used as it is, and said to be."""
        try:
            with connection.transaction():
                if connection.execute(_TAKE_ROLE, {"role": self._role}).fetchone() is not None:
                    return
        except InsufficientPrivilege:
            pass  # a member who may not SET ROLE (PostgreSQL 16)
        if not self._told:
            self._told = True
            log.warning("database.role_missing", role=self._role, see="docs/journal-exploitation.md")


def _check(connection: DbConnection) -> None:
    """See that a connection is alive.

    A server says something on one that nobody uses when it ends it: only then is it worth a round trip.

    Raises:
        psycopg.OperationalError: It is not.
    """
    if _is_readable(connection.pgconn.socket):
        ConnectionPool.check_connection(connection)


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


_TAKE_ROLE: Final = """
SELECT set_config('role', r.rolname, false) FROM pg_roles r
WHERE r.rolname = %(role)s AND pg_has_role(current_user, r.oid, 'MEMBER')
  AND has_table_privilege(r.oid, to_regclass('public.journal'), 'SELECT')
"""
