"""A process that obtains a certificate and is killed at one point: its first argument.

``avant:ETAPE`` or ``apres:ETAPE`` is around the writing of a step; ``perdu`` is when the certificate has come and is
not written.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from pfcng.cli.work import obtaining
from pfcng.client.client import Client
from pfcng.client.dossier import Dossier
from pfcng.client.exchanges import Retrait
from support.parc import order


def die() -> NoReturn:
    """As a power cut: nothing is tidied."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def arm(point: str) -> None:
    """Have the process die there."""
    when, _, etape = point.partition(":")
    save, withdraw = Dossier.save, Client.retirer_certificat

    def saving(self: Dossier) -> None:
        here = bool(self.actes) and self.dernier.etape == etape
        if here and when == "avant":
            die()
        save(self)
        if here and when == "apres":
            die()

    def withdrawing(
        self: Client, indice_retrait: str, code_revocation: str, id_nat_tiers: str | None = None
    ) -> Retrait:
        withdraw(self, indice_retrait, code_revocation, id_nat_tiers)
        die()

    if when == "perdu":
        Client.retirer_certificat = withdrawing  # type: ignore[method-assign]
    else:
        Dossier.save = saving  # type: ignore[method-assign]


def main() -> None:
    """Order, and die."""
    point, profile, folder, home, name = sys.argv[1:]
    arm(point)
    obtaining.obtenir(
        Path(profile), order(name), Path(folder), p12_ancien=False, parc=Path(home), phrase_file=None, shown=False
    )


if __name__ == "__main__":
    main()
