"""Whether the Web Service is slower when no mail server answers: medians of each case, turn by turn, in one run.

Run by ``PYTHONPATH=tests .venv/bin/python bench/courrier.py``. Nothing here passes or fails: it prints.
"""

import json
import socket
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from pfcng.client import Client
from pfcng.contract.catalogue import Offre, Product, Usage
from support.csrs import make_csr, make_keys
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import start, stop
from support.relay import Inbox, relay

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
TURNS = 8
ORDERS = 25
"""In each turn; the first turn of each kind warms up and is not counted."""


class MailServer:
    """A relay at one address, which answers, is away, or takes connections and says no more."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._open = ExitStack()

    def answers(self) -> None:
        """Mails leave."""
        self._serve(relay(Inbox(), port=self.port))

    def is_away(self) -> None:
        """Connections are refused."""
        self._serve(ExitStack())

    def hangs(self) -> None:
        """The system takes connections; nobody ever says a word."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(128)
        self._serve(listening)

    def _serve(self, server: AbstractContextManager[object]) -> None:
        """Instead of what was there before; its connections are cut."""
        self.close()
        self._open.enter_context(server)

    def close(self) -> None:
        """Stop."""
        self._open.close()


def main() -> None:
    """Measure and print."""
    server = MailServer()
    cases: dict[str, Callable[[], None]] = {
        "il répond": server.answers,
        "il refuse la connexion": server.is_away,
        "il se tait": server.hangs,
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    csrs = iter([make_csr(key) for key in make_keys(len(cases) * (TURNS + 1) * ORDERS)])
    mails = {"expediteur": "pfc@bench.example", "serveur": "127.0.0.1", "port": server.port, "securite": "aucune"}
    with shared_folder() as folder:
        sandbox = start(folder / "bac", settings={"PFCNG_COURRIER": json.dumps(mails)})
        try:
            with sandbox.client() as client:
                for turn in range(TURNS + 1):
                    for name, begin in cases.items():
                        begin()
                        measured = [order(client, next(csrs)) for _ in range(ORDERS)]
                        if turn:
                            times[name].extend(measured)
        finally:
            stop(sandbox)
            server.close()
    for name, found in times.items():
        deciles = statistics.quantiles(found, n=10)
        print(f"{name:<24} médiane {1000 * statistics.median(found):6.2f} ms   9e décile {1000 * deciles[8]:6.2f} ms")


def order(client: Client, csr: str) -> float:
    """Seconds that a lot of one demande takes, its mails and their jobs written."""
    began = time.monotonic()
    client.demander_certificats([demande_for(ORG, csr)])
    return time.monotonic() - began


if __name__ == "__main__":
    main()
