"""Publishes in a process of its own, and kills that process at a given step.

Usage: python -m support.publication_driver DSN CERTIFICATE KEY STEP
STEP: ``locked``, ``snapshot``, ``signed``, ``stored`` (before the commit), ``committed``; ``none`` lives to the end.
The kill is SIGKILL: nothing is cleaned up, as when a machine loses its power.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pfcng.igc import crl, published, publisher
from pfcng.igc.publisher import Publisher
from pfcng.pki.keys import load_pem
from pfcng.store.database import Database
from support.igc import Clock


def _then_die(module: Any, name: str) -> None:
    """After this function the process dies."""
    original: Callable[..., object] = getattr(module, name)

    def dying(*arguments: object, **named: object) -> object:
        original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    setattr(module, name, dying)


_STEPS = {
    "locked": (published, "read_state"),
    "snapshot": (crl, "encode"),
    "signed": (crl, "sign"),
    "stored": (published, "store"),
    "committed": (publisher._Authority, "_commit"),
}


def main(dsn: str, certificate: str, key: str, step: str) -> None:
    """One turn of one authority."""
    if step != "none":
        _then_die(*_STEPS[step])
    database = Database(dsn)
    Publisher(database, signers=[load_pem(Path(certificate), Path(key))], clock=Clock()).turn()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
