"""Figures of a whole platform on this machine: starts, lots, retraits, through real TLS and signatures.

Run by ``make bench-plateforme``. Nothing here passes or fails: it prints.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from pfcng.client import Client
from pfcng.contract.catalogue import Offre, Product, Usage
from support.csrs import make_csr
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox, start, stop

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
T = TypeVar("T")
CLIENTS = 2
LOTS = 40
LOT = 20


def main() -> None:
    """Measure and print."""
    with shared_folder() as folder:
        first = timed(lambda: stop(start(folder / "bac")))
        print(f"premier démarrage et arrêt      {first:8.2f} s")
        began = time.monotonic()
        sandbox = start(folder / "bac")
        print(f"démarrage suivant               {time.monotonic() - began:8.2f} s")
        try:
            measure(sandbox)
        finally:
            stop(sandbox)


def measure(sandbox: Sandbox) -> None:
    """Lots of 20, lots of 1, retraits."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        csrs = iter(list(pool.map(lambda _: make_csr(), range(LOTS * LOT + LOTS))))
    with sandbox.client() as client:
        indices: list[str] = []
        lots = [list(islice(csrs, LOT)) for _ in range(LOTS)]
        report(f"lot de {LOT} demandes", lots, lambda lot: indices.extend(order(client, lot)), per=LOT)
        report("lot d’une demande", [[csr] for csr in csrs], lambda lot: order(client, lot))
        report("retrait", indices[:200], lambda indice: client.retirer_certificat(indice, "code"))


def order(client: Client, csrs: list[str]) -> list[str]:
    """The indices de retrait of a lot."""
    reply = client.demander_certificats([demande_for(ORG, csr) for csr in csrs])
    return [str(demande.indice_retrait) for demande in reply.demandes]


def report(title: str, work: list[T], act: Callable[[T], object], *, per: int = 1) -> None:
    """Do the work with every client and print the rate and the median."""
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        times = list(pool.map(lambda item: timed(lambda: act(item)), work))
    rate = len(work) * per / (time.monotonic() - began)
    print(f"{title:<30}  {rate:8.0f} /s   médiane {1000 * statistics.median(times):6.1f} ms")


def timed(act: Callable[[], object]) -> float:
    """Seconds that an act takes."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
