"""How procrastinate reaches the database: as its own connector does, and two things that it leaves out."""

from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation


class Connector(PsycopgConnector):
    """Says when something could not be written down, and understands a server that speaks French.

    Args:
        on_unwritten: Called where an end of a job, or a sign of life, could not be written. The job would count as
            under way, and its lock as taken, for as long as this worker lives.
        options: Of `PsycopgConnector`.
    """

    def __init__(self, *, on_unwritten: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self._on_unwritten = on_unwritten

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        """Execute what gives nothing back.

        Raises:
            ConnectorException: The database did not do it.
        """
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):  # the job has ended by another's hand
                self._on_unwritten()
            raise

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        """Execute what gives one row.

        Raises:
            UniqueViolation: procrastinate reads the name of the lock from the English message alone, and takes another
                for a defect.
            ConnectorException: The database did not do it.
        """
        try:
            row: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
        except AssertionError as error:
            cause = error.__context__
            if not isinstance(cause, psycopg.errors.UniqueViolation):
                raise
            raise UniqueViolation(constraint_name=cause.diag.constraint_name, queueing_lock=None) from cause
        return row
