"""What a production server gives: rates, latencies, processor, and how far from the bare cryptography it is.

A real ``pfcng serve`` of two processes over an embedded PostgreSQL with durable commits and a million produits; four
clients over mutual TLS that is kept alive; messages signed beforehand, each another one. Under five minutes:

    make bench
    make bench ARGS="--json bench.json --markdown docs/performances.md"

Nothing here passes or fails: it prints. Everything lives in a temporary folder.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPSConnection
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from ssl import SSLContext
from threading import local
from typing import Any, Final
from urllib.parse import urlsplit

import floors
import psutil
import psycopg
from cryptography import x509

from pfcng.client.exchanges import any_request
from pfcng.client.tls import client_context
from pfcng.contract.catalogue import Motif, Offre, Product, TypeDemande, Usage
from pfcng.contract.messages import (
    Request,
    RequeteDemandeCertificats,
    RequeteRetraitCertificat,
    RequeteSuiviActivite,
)
from pfcng.contract.operations import Operation
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.xml import codec, soap
from support.activite import BIG_STRUCTURE, generate
from support.csrs import make_csr, make_keys
from support.demandes import demande_for
from support.folders import shared_folder
from support.ocsp import ask
from support.platform import EDITEUR
from support.revocations import revocation_of
from support.serve import Installation, Node, install, running_node

CLIENTS: Final = 4
PROCESSES: Final = 2
ROWS: Final = 1_000_000
ORG: Final = Product(Offre.ORG, Usage.AUTH_CLI)
CARD: Final = "cpa-editeur"
LOT: Final = 20
LINES: Final = 500
_BEGIN, _END = "<!-- mesures -->", "<!-- fin des mesures -->"
_MEGABYTE: Final = 1024 * 1024
_COUNTS: Final = {"x1": 800, "x20": 80, "retirer": 600, "revoquer": 400, "suivre": 60, "http": 1500, "tls": 300}
_WARM: Final = 0.1
"""The part of the calls that comes before those that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request ready to be sent."""

    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one operation gave; milliseconds are wall-clock for latencies, processor for the rest."""

    name: str
    rate: float
    p50: float
    p99: float
    server: float
    postgres: float
    floor: float

    @property
    def ratio(self) -> str:
        """How many times its bare cryptography it costs the server."""
        return f"{self.server / self.floor:.1f}" if self.floor else "–"


class Bench:
    """A running node, what it costs, and its clients."""

    def __init__(self, node: Node, postgres: psutil.Process) -> None:
        self.node = node
        self.figures: list[Figure] = []
        self._postgres = postgres
        card = node.installation.pki.cards[CARD]
        self.card = card.sign.load()
        self._anchors = tuple(x509.load_pem_x509_certificates(node.installation.pki.anchors.read_bytes()))
        self.tls: SSLContext = client_context(self._anchors, card.auth.load())

    def message(self, request: Request) -> Call:
        """A signed message."""
        exchange = any_request(self.card, request)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{exchange.soap_action}"'}
        return Call(path="/ws-apt", body=exchange.content, headers=headers)

    def measure(
        self, name: str, calls: Sequence[Call], *, floor: float, plain: bool = False, new_connections: bool = False
    ) -> list[bytes]:
        """Have the clients send all of it, and keep the figure; the answers, in the order of the calls."""
        connections = _Connections(self.address(plain=plain), None if plain else self.tls, new=new_connections)
        warm = int(len(calls) * _WARM)
        with ThreadPoolExecutor(CLIENTS) as threads:
            first = [answer for _, answer in threads.map(connections.send, calls[:warm])]
            before, began = self._processor(), time.perf_counter()
            timed = list(threads.map(connections.send, calls[warm:]))
            wall = time.perf_counter() - began
            after = self._processor()
        connections.close()
        count, times = len(timed), sorted(1000 * seconds for seconds, _ in timed)
        self.figures.append(
            Figure(
                name=name,
                rate=count / wall,
                p50=statistics.median(times),
                p99=times[min(count - 1, count * 99 // 100)],
                server=1000 * (after[0] - before[0]) / count,
                postgres=1000 * (after[1] - before[1]) / count,
                floor=floor,
            )
        )
        return [*first, *(answer for _, answer in timed)]

    def memory(self) -> list[float]:
        """Megabytes that each serving process has for itself."""
        return [psutil.Process(pid).memory_full_info().uss / _MEGABYTE for pid in self.node.pids]

    def address(self, *, plain: bool = False) -> str:
        """Host and port of the Web Service, or of the publication."""
        return urlsplit(self.node.http if plain else self.node.service).netloc.replace("127.0.0.1", "localhost")

    def _processor(self) -> tuple[float, float]:
        """Seconds of the processor so far: of the serving processes, of PostgreSQL."""
        serving = [psutil.Process(pid) for pid in self.node.pids]
        return _seconds(serving), _seconds([self._postgres, *self._postgres.children()])


class _Connections:
    """One connection a thread, kept alive, or a new one each time."""

    def __init__(self, address: str, tls: SSLContext | None, *, new: bool) -> None:
        self._address = address
        self._tls = tls
        self._new = new
        self._own = local()
        self._all: SimpleQueue[HTTPConnection] = SimpleQueue()

    def send(self, call: Call) -> tuple[float, bytes]:
        """Send it; the seconds that the answer took, and the answer."""
        began = time.perf_counter()
        connection = self._connection()
        connection.request(call.method, call.path, call.body or None, call.headers)
        response = connection.getresponse()
        answer = response.read()
        if self._new:
            connection.close()
        taken = time.perf_counter() - began
        if response.status >= 400:
            raise SystemExit(f"{call.path} : HTTP {response.status} {answer[:300]!r}")
        return taken, answer

    def close(self) -> None:
        while not self._all.empty():
            self._all.get().close()

    def _connection(self) -> HTTPConnection:
        connection: HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None or self._new:
            if self._tls is None:
                connection = HTTPConnection(self._address)
            else:
                connection = HTTPSConnection(self._address, context=self._tls)
            self._own.connection = connection
            self._all.put(connection)
        return connection


def _seconds(processes: Sequence[psutil.Process]) -> float:
    """Of the processes, and of those of their children that have ended."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=ROWS, help="produits that are in the database")
    arguments.add_argument("--json", type=Path, help="a file for the figures")
    arguments.add_argument("--markdown", type=Path, help="the page whose table is replaced")
    options = arguments.parse_args()
    began = time.monotonic()
    figures: list[Figure] = []
    facts: dict[str, Any] = {}
    with shared_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres")
        try:
            for bits in (2048, 4096):
                with running(folder, server.dsn, bits, rows=options.rows if bits == 2048 else 0) as (bench, start):
                    if bits == 2048:
                        facts = {"démarrage": start}
                        measure_all(bench)
                        facts["mémoire par processus"] = max(bench.memory())
                    else:
                        measure_retirer(bench, bits, _COUNTS["retirer"])
                    figures += bench.figures
        finally:
            server.stop()
    facts["durée de la mesure"] = time.monotonic() - began
    report(figures, facts, options)


@contextmanager
def running(folder: Path, dsn: str, bits: int, *, rows: int) -> Iterator[tuple[Bench, float]]:
    """A node over a database of its own; and how long it took to start."""
    place = folder / str(bits)
    place.mkdir()
    installation = install(place, dsn, f"bench{bits}", ca_key_bits=bits)
    if rows:
        _fill(installation, rows)
    config = installation.write(
        processus=PROCESSES, limites={"requetes_par_seconde": 100_000, "requetes_simultanees": 64}
    )
    number = int((folder / "postgres" / "postmaster.pid").read_text().partition("\n")[0])
    began = time.monotonic()
    with running_node(installation, config) as node:
        yield Bench(node, psutil.Process(number)), time.monotonic() - began


def _fill(installation: Installation, rows: int) -> None:
    """The activity of a whole platform, and the right to follow its biggest structure."""
    generate(installation.dsn, rows)
    with psycopg.connect(installation.dsn) as connection:
        connection.execute("INSERT INTO structure VALUES ('TEST', %s, 'HOPITAL FICTIF', '75')", (BIG_STRUCTURE,))
        connection.execute(
            "INSERT INTO habilitation (environnement, acteur, offre, id_nat_struct) VALUES ('TEST', %s, 'ORG', %s)",
            (EDITEUR, BIG_STRUCTURE),
        )
        for sequence in ("indice_lot", "numero_demande", "numero_produit", "numero_revocation"):
            connection.execute("SELECT setval(%s, %s)", (sequence, 2 * rows))


def measure_all(bench: Bench) -> None:
    """Every operation, with authorities of 2048 bits and everything in the database."""
    keys = iter(make_keys(_COUNTS["x1"] + _COUNTS["x20"] * LOT))
    floor = floors.measure()
    singles = [[make_csr(key)] for key in islice(keys, _COUNTS["x1"])]
    lots = [[make_csr(next(keys)) for _ in range(LOT)] for _ in range(_COUNTS["x20"])]
    demander(bench, "demander ×1", singles, floor.message + floor.csr)
    demander(bench, f"demander ×{LOT}", lots, floor.message + LOT * floor.csr)
    certificates = measure_retirer(bench, 2048, _COUNTS["retirer"])
    revocations = [revocation_of(one, motif=Motif.FIN_DACTIVITE) for one in certificates[: _COUNTS["revoquer"]]]
    _expect(bench.measure("revoquer", [bench.message(one) for one in revocations], floor=floor.message), "OK")
    search = RequeteSuiviActivite(
        type_demande=TypeDemande.PRODUITS, offre=Offre.ORG, usage=Usage.AUTH_CLI, id_nat_struct=BIG_STRUCTURE
    )
    calls = [bench.message(search) for _ in range(_COUNTS["suivre"])]
    answers = bench.measure(f"suivre, {LINES} lignes", calls, floor=floor.message)
    if answers[-1].count(b"<resultat>") != LINES:
        raise SystemExit(f"le suivi n’a pas {LINES} lignes : donnez plus de --rows")
    measure_publication(bench, certificates, floor)
    contract = [Call(method="GET", path="/ws-apt?wsdl")] * _COUNTS["tls"]
    bench.measure("nouvelle connexion TLS", contract, floor=floor.handshake, new_connections=True)


def demander(bench: Bench, name: str, lots: list[list[str]], floor: float) -> None:
    """Order lots of so many."""
    requests = [RequeteDemandeCertificats(demandes=tuple(demande_for(ORG, csr) for csr in lot)) for lot in lots]
    _expect(bench.measure(name, [bench.message(one) for one in requests], floor=floor), "OK")


def measure_retirer(bench: Bench, bits: int, count: int) -> list[x509.Certificate]:
    """Order, then withdraw; the certificates."""
    csrs = iter([make_csr(key) for key in make_keys(count)])
    connections = _Connections(bench.address(), bench.tls, new=False)
    numbers: list[str] = []
    while lot := tuple(demande_for(ORG, csr) for csr in islice(csrs, LOT)):
        _, answer = connections.send(bench.message(RequeteDemandeCertificats(demandes=lot)))
        numbers += [str(one.indice_retrait) for one in _read(Operation.DEMANDER_CERTIFICATS, answer).demandes]
    connections.close()
    calls = [
        bench.message(RequeteRetraitCertificat(indice_retrait=one, code_revocation=f"code {one}")) for one in numbers
    ]
    floor = floors.measure()
    name = f"retirer, AC de {bits} bits"
    answers = bench.measure(name, calls, floor=floor.message + floor.issue(bits) + floor.code)
    replies = [_read(Operation.RETIRER_CERTIFICAT, answer) for answer in answers]
    return [x509.load_pem_x509_certificate((reply.certificat or "").encode()) for reply in replies]


def measure_publication(bench: Bench, certificates: list[x509.Certificate], floor: floors.Floor) -> None:
    """CRL and OCSP, on the plain port."""
    pki = bench.node.installation.pki
    issuer = pki.authorities["TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"].pair.load_certificate()
    if issuer is None:
        raise SystemExit("l’autorité n’a pas de certificat")
    headers = {"Content-Type": "application/ocsp-request"}
    asked = [ask(issuer, one.serial_number) for one in certificates]
    calls = [Call(path="/ocsp", body=asked[number % len(asked)], headers=headers) for number in range(_COUNTS["http"])]
    bench.measure("OCSP", calls, floor=floor.sign[2048], plain=True)
    crl = [Call(method="GET", path="/CRL/ACI-EL-ORG-TEST.crl")] * _COUNTS["http"]
    bench.measure("CRL", crl, floor=0.0, plain=True)


def _read(operation: Operation, answer: bytes) -> Any:
    return codec.decode_response(soap.read_reply(answer), operation)


def _expect(answers: list[bytes], statut: str) -> None:
    refused = [answer for answer in answers if f">{statut}<".encode() not in answer]
    if refused:
        raise SystemExit(f"{len(refused)} refus, dont {refused[0][-600:]!r}")


def report(figures: list[Figure], facts: dict[str, Any], options: argparse.Namespace) -> None:
    """Print, and write what was asked for."""
    print(
        f"{'opération':26} {'/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'serveur ms':>11} {'base ms':>8} {'plancher':>9} "
        f"{'rapport':>8}"
    )
    for one in figures:
        print(
            f"{one.name:26} {one.rate:7.0f} {one.p50:8.1f} {one.p99:8.1f} {one.server:11.2f} {one.postgres:8.2f} "
            f"{one.floor:9.2f} {one.ratio:>8}"
        )
    for name, value in facts.items():
        print(f"{name:26} {value:7.1f} {'Mo' if 'mémoire' in name else 's'}")
    if options.json:
        content = {"machine": machine(), "faits": facts, "operations": [asdict(one) for one in figures]}
        options.json.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")

    if options.markdown:
        write_page(options.markdown, figures, facts)


def write_page(page: Path, figures: list[Figure], facts: dict[str, Any]) -> None:
    """Put the table between the marks of the page; the rest is somebody's words."""
    before, _, rest = page.read_text("utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    told = machine()
    lines = [
        f"Mesuré le {datetime.now(UTC):%d/%m/%Y}.",
        f"{told['processeur']}, {told['coeurs']} cœurs, Python {told['python']}.",
        "",
        "| opération | par seconde | p50 (ms) | p99 (ms) | serveur (ms) | base (ms) | plancher (ms) | rapport |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {one.name} | {one.rate:.0f} | {_french(one.p50, 1)} | {_french(one.p99, 1)} | {_french(one.server, 2)} "
            f"| {_french(one.postgres, 2)} | {_french(one.floor, 2)} | {one.ratio.replace('.', ',')} |"
            for one in figures
        ),
        "",
        f"Démarrage : {_french(facts['démarrage'], 1)} s.",
        f"Mémoire propre d’un processus après la mesure : {facts['mémoire par processus']:.0f} Mo.",
    ]
    page.write_text(f"{before}{_BEGIN}\n{chr(10).join(lines)}\n{_END}{after}", "utf-8")


def _french(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


def machine() -> dict[str, Any]:
    """What this ran on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {"processeur": model, "coeurs": os.cpu_count(), "python": platform.python_version()}


if __name__ == "__main__":
    main()
