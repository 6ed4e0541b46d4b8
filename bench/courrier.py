"""Whether the Web Service is slower when no mail server answers: medians of both, turn by turn, in one run.

Run by ``PYTHONPATH=tests .venv/bin/python bench/courrier.py``. Nothing here passes or fails: it prints.
"""

import statistics
import time

import httpx

from pfcng.client import Client
from pfcng.contract.catalogue import Offre, Product, Usage
from support.csrs import make_csr, make_keys
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox, start, stop

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
TURNS = 8
ORDERS = 25
"""In each turn; the first turn of each kind warms up and is not counted."""


def main() -> None:
    """Measure and print."""
    csrs = iter([make_csr(key) for key in make_keys(2 * (TURNS + 1) * ORDERS)])
    times: dict[str, list[float]] = {"serveur présent": [], "serveur absent": []}
    with shared_folder() as folder:
        sandbox = start(folder / "bac")
        try:
            with sandbox.client() as client:
                for turn in range(TURNS + 1):
                    for name, found in times.items():
                        set_incident(sandbox, on=name == "serveur absent")
                        measured = [order(client, next(csrs)) for _ in range(ORDERS)]
                        if turn:
                            found.extend(measured)
        finally:
            stop(sandbox)
    for name, found in times.items():
        deciles = statistics.quantiles(found, n=10)
        print(f"{name:<16}  médiane {1000 * statistics.median(found):6.2f} ms   9e décile {1000 * deciles[8]:6.2f} ms")


def order(client: Client, csr: str) -> float:
    """Seconds that a lot of one demande takes, its mails and their jobs written."""
    began = time.monotonic()
    client.demander_certificats([demande_for(ORG, csr)])
    return time.monotonic() - began


def set_incident(sandbox: Sandbox, *, on: bool) -> None:
    """The mail server goes away, or comes back."""
    url = f"{sandbox.description['urls']['http']}/bac-a-sable/pannes"
    with httpx.Client(trust_env=False) as http:
        http.delete(url).raise_for_status()
        if on:
            http.post(url, json={"panne": "courrier-inaccessible"}).raise_for_status()


if __name__ == "__main__":
    main()
