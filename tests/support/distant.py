"""A platform and its PFCNG-IGC as two programs, with a network between them that a test may spoil."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from pfcng.store.embedded import EmbeddedPostgres
from support.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from support.folders import shared_folder
from support.igc_service import Identities, IgcProgram
from support.live import Sandbox, start, stop
from support.platform import make_pki

TIMEOUT: Final = 4.0
"""Seconds after which the platform gives a call up."""
ACTS: Final = {"enregistrement": "PUT", "émission": "/certificat", "révocation": "/revocation"}
"""What a platform asks of PFCNG-IGC → what tells its request: the method, or the end of the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distant:
    """The two programs, the network, and what each has in its database."""

    sandbox: Sandbox
    igc: IgcProgram
    proxy: FaultyProxy
    dsn: str

    def spoil(self, act: str, fault: Fault | None) -> None:
        """From now on every request for that act meets the fault."""
        mark = ACTS[act]
        self.proxy.rule = lambda method, path: fault if method == mark or path.endswith(mark) else None

    def mend(self) -> None:
        """The network keeps its word, and the service is there."""
        self.proxy.rule = lambda _method, _path: None
        self.proxy.on_done = lambda _method, _path: None
        if self.igc.process is None:
            self.igc.start()

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """What the platform's database has."""
        return _rows(self.dsn, query, parameters)

    def igc_rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """What the authority's has."""
        return _rows(self.igc.dsn, query, parameters)


def _rows(dsn: str, query: str, parameters: tuple[object, ...]) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        cursor = connection.execute(query.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def make_database(server: str, name: str) -> str:
    """The DSN of a new database of a server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return make_conninfo(server, dbname=name)


@pytest.fixture(scope="session")
def distant() -> Iterator[Distant]:
    """One pair of programs for every test that spoils the network between them."""
    with ExitStack() as stack:
        folder = stack.enter_context(shared_folder())
        server = EmbeddedPostgres(folder / "postgres")
        stack.callback(server.stop)
        dsn = make_database(server.dsn, "plateforme")
        identities = Identities.of(make_pki(folder / "pki"))
        igc = IgcProgram(directory=folder, identities=identities, dsn=make_database(server.dsn, "igc"))
        igc.start()
        stack.callback(igc.kill)
        files = identities.server
        upstream = stack.enter_context(identities.http(igc.url))
        proxy = stack.enter_context(faulty_proxy(upstream, certificate=files.certificate, key=files.key))
        told = json.dumps(identities.platform_settings(proxy.url, delai=TIMEOUT))
        sandbox = start(folder / "bac", settings={"PFCNG_DSN": dsn, "PFCNG_IGC": told})
        stack.callback(lambda: stop(sandbox))
        yield Distant(sandbox=sandbox, igc=igc, proxy=proxy, dsn=dsn)
