"""Two of each program on one PostgreSQL: nodes, workers, and PFCNG-IGC behind HAProxy, which publishes its own CRLs."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
from psycopg.rows import dict_row

from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, Gamme
from support.distant import make_database
from support.igc_service import Identities, IgcProgram
from support.proxies import running_igc_proxy
from support.serve import PATIENCE, Installation, Node, install, running_node
from support.workers import wait_until

_HTTP: Final = re.compile(r"publie sur (http://\S+:\d+)")


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The running programs.

    Attributes:
        workers: Where each tells its health and metrics.
    """

    installation: Installation
    igcs: tuple[IgcProgram, ...]
    nodes: tuple[Node, ...]
    workers: tuple[str, ...]

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What the platform's database has."""
        return _rows(self.installation.dsn, query)

    def igc_rows(self, query: str) -> list[dict[str, Any]]:
        """What the authority's has."""
        return _rows(self.igcs[0].dsn, query)


def _rows(dsn: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def running_fleet(folder: Path, postgres: str, name: str) -> Iterator[Fleet]:
    """Start all of it; it is stopped at the end."""
    with ExitStack() as stack:
        installation = install(folder, postgres, name)
        identities = Identities.of(installation.pki)
        own = make_database(postgres, f"{name}_igc")
        igcs = [IgcProgram(directory=folder, identities=identities, dsn=own, name=f"igc-{each}") for each in "ab"]
        for igc in igcs:
            stack.callback(igc.kill)
            igc.start(wait=False)
        for igc in igcs:
            igc.wait()
        url = stack.enter_context(running_igc_proxy(folder, installation, [igc.port for igc in igcs]))
        elsewhere = _elsewhere(installation, identities.platform_settings(url, delai=5.0), igcs[1])
        configs = [installation.write(f"noeud-{each}.toml", **elsewhere) for each in "ab"]
        workers = stack.enter_context(_workers(installation, elsewhere))
        nodes = [stack.enter_context(running_node(installation, config)) for config in configs]
        yield Fleet(installation=installation, igcs=tuple(igcs), nodes=tuple(nodes), workers=tuple(workers))


def _elsewhere(installation: Installation, igc: dict[str, Any], publishing: IgcProgram) -> dict[str, Any]:
    """The settings of a platform without a key of an authority that issues: it fetches their CRLs, once an hour."""
    published = _HTTP.search(publishing.log.read_text("utf-8"))
    assert published is not None
    urls = PublicationUrls(http=published[1])
    crls = [urls.crl(name) for name in AUTHORITIES if name.gamme is Gamme.ELEMENTAIRE]
    wait_until(lambda: all(httpx.get(url, trust_env=False).is_success for url in crls))
    confiance = {**installation.told()["confiance"], "crls": crls, "cache": str(installation.directory / "crls")}
    return {"igc": igc, "emettrices": [], "confiance": confiance, "processus": 1}


@contextmanager
def _workers(installation: Installation, told: dict[str, Any]) -> Iterator[list[str]]:
    """``pfcng worker``, twice; where each tells its health and metrics."""
    logs = [installation.directory / f"worker-{name}.log" for name in "ab"]
    processes = [
        _start(installation.write(f"{log.stem}.toml", ecoute_worker="127.0.0.1:0", **told), log) for log in logs
    ]
    try:
        yield [_listening(process, log) for process, log in zip(processes, logs, strict=True)]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(PATIENCE)


def _start(config: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "pfcng", "worker", "--config", config], stdout=output, stderr=output
        )


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    def started() -> list[str]:
        return [line for line in log.read_text("utf-8").splitlines() if '"worker.started"' in line]

    wait_until(lambda: bool(started()) or process.poll() is not None)
    assert process.poll() is None, log.read_text("utf-8")
    return f"http://{json.loads(started()[0])['exploitation'][0]}"
