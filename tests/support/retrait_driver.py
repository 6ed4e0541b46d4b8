"""Makes one retrait in a process of its own, and kills that process at a given commit.

Usage: python -m support.retrait_driver DSN PKI NUMERO POINT
POINT: ``N-`` is just before the Nth commit of the process, ``N+`` just after it, ``none`` lives to the end.
The kill is SIGKILL: nothing is cleaned up, as when a machine loses its power.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pfcng.contract.messages import RequeteRetraitCertificat
from pfcng.operations.retirer_certificat import confirm_delivery, retirer_certificat
from pfcng.store.database import Database, DbConnection
from support.platform import make_authority, make_context


class MortalDatabase(Database):
    """A database whose process dies at one of its commits."""

    def __init__(self, dsn: str, point: str) -> None:
        super().__init__(dsn)
        self._point = point
        self._commits = 0

    @contextmanager
    def transaction(self) -> Iterator[DbConnection]:
        """A transaction as the real one, with death on either side of its commit."""
        with super().transaction() as connection:
            yield connection
            self._commits += 1
            self._maybe_die("-")
        self._maybe_die("+")

    @contextmanager
    def autocommit(self) -> Iterator[DbConnection]:
        """Statements of which one changes something at most: death before the first of them or after the last."""
        self._commits += 1
        self._maybe_die("-")
        with super().autocommit() as connection:
            yield connection
        self._maybe_die("+")

    def _maybe_die(self, side: str) -> None:
        if self._point == f"{self._commits}{side}":
            os.kill(os.getpid(), signal.SIGKILL)


def main(dsn: str, pki: str, numero: str, point: str) -> None:
    """The whole retrait of the demande, R1 to R6."""
    database = MortalDatabase(dsn, point)
    context = make_context()
    retrait = retirer_certificat(
        RequeteRetraitCertificat(indice_retrait=numero, code_revocation="code"),
        database=database,
        authority=make_authority(database, Path(pki)),
        context=context,
    )
    confirm_delivery(retrait, database=database, context=context)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
