"""Acts over many rows: a row that fails is told and left to the next turn, and does not hold up the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import structlog
from structlog.contextvars import bound_contextvars

from pfcng.igc.authority import AuthorityUnavailable
from pfcng.operations.context import Arrival
from pfcng.store.defects import describe

log = structlog.get_logger()

_NAMED: Final = 10
"""How many rows a message names."""


class PartlyDone(Exception):
    """Some rows of an act failed, and everything else is done. The message, for the journal, names them.

    Attributes:
        done: How many others there were.
        incident: The log of the rows that failed has it.
    """

    def __init__(self, message: str, *, done: int, incident: str) -> None:
        super().__init__(message)
        self.done = done
        self.incident = incident


class OneByOne:
    """One turn of an act, row after row.

    Args:
        arrival: The act.
    """

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._failed: list[str] = []

    @contextmanager
    def row(self, what: str, numero: int) -> Iterator[None]:
        """Do one row, a ``demande`` or a ``révocation``; its failure is logged.

        Raises:
            AuthorityUnavailable: It would not answer for the next row either.
            psycopg.OperationalError: The database is gone.
        """
        with bound_contextvars(incident=self._arrival.incident):
            try:
                yield
            except AuthorityUnavailable:
                raise
            except Exception as error:  # the edge of a job
                if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
                    raise
                log.error("act.row_failed", row=what, numero=numero, **describe(error))  # noqa: TRY400 - it would quote rows
                self._failed.append(f"{what} {numero} ({type(error).__name__})")

    def end(self, done: int) -> int:
        """How many rows were done, when none failed.

        Raises:
            PartlyDone: Some did.
        """
        if not self._failed:
            return done
        named = ", ".join(self._failed[:_NAMED])
        others = len(self._failed) - _NAMED
        message = f"{named} et {others} autres" if others > 0 else named
        raise PartlyDone(message, done=done, incident=self._arrival.incident)
