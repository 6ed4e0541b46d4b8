"""Two nodes, PFCNG-IGC and PostgreSQL, each a program of its own that a test may kill and start again at its place."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from cryptography import x509
from psycopg.rows import dict_row

from pfcng.client import Client, Profile
from pfcng.operations.one_by_one import OneByOne
from pfcng.operations.reconcilier import Bilan, reconcile
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from support.distant import make_database
from support.folders import shared_folder
from support.igc_service import Identities, IgcProgram
from support.load import PATIENCE
from support.platform import make_context
from support.serve import Installation, Node, install, running_node

CARD: Final = "cpa-editeur"


@dataclass(kw_only=True)
class Place:
    """Where a node is started, again and again, at the same address."""

    installation: Installation
    config: Path
    port: int
    options: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    node: Node | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Start the node and wait until it serves."""
        self.node = self._stack.enter_context(running_node(self.installation, self.config, *self.options, **self.env))

    def kill(self) -> None:
        """SIGKILL to every process of the node: nothing is cleaned up."""
        assert self.node is not None
        family = psutil.Process(self.node.process.pid)
        for process in [family, *family.children(recursive=True)]:
            process.kill()
        self._stack.close()

    def stop(self) -> None:
        """Stop it as its operators do."""
        self._stack.close()

    @property
    def log(self) -> list[str]:
        """The lines of its standard error since its last start."""
        return self.node.log if self.node is not None else []


@dataclass(frozen=True, kw_only=True)
class Estate:
    """The running programs."""

    folder: Path
    installation: Installation
    igc: IgcProgram
    places: tuple[Place, ...]

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "disque" / "postgres"

    @property
    def ports(self) -> list[int]:
        """Those of the nodes."""
        return [place.port for place in self.places]

    def connect(self, port: int) -> Client:
        """A client with a card, of the node at that port."""
        card = self.installation.pki.cards[CARD]
        anchors = tuple(x509.load_pem_x509_certificates(self.installation.pki.anchors.read_bytes()))
        url = f"https://localhost:{port}/ws-apt"
        profile = Profile(url=url, confiance=anchors, tls=card.auth.load(), signature=card.sign.load(), delai=PATIENCE)
        return Client(profile, pauses=())

    def crash_postgres(self) -> None:
        """SIGKILL to PostgreSQL, as when its machine stops; then it is started again."""
        number = int((self.data / "postmaster.pid").read_text().partition("\n")[0])
        family = [psutil.Process(number), *psutil.Process(number).children()]
        for process in family:
            process.kill()
        psutil.wait_procs(family)  # a server does not start while one of another's processes is left
        self.ensure_postgres()

    def ensure_postgres(self) -> None:
        """Start it unless it runs, as its service manager does."""
        EmbeddedPostgres(self.data)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What the platform's database has."""
        return _rows(self.installation.dsn, query)

    def igc_rows(self, query: str) -> list[dict[str, Any]]:
        """What the authority's has."""
        return _rows(self.igc.dsn, query)

    def reconcile(self) -> Bilan:
        """Compare both sides, as happens daily."""
        database = Database(self.installation.dsn, max_connections=2)
        authority = self.igc.identities.connect(self.igc.url)
        try:
            arrival = make_context()
            return reconcile(OneByOne(arrival), database=database, authority=authority, arrival=arrival)
        finally:
            authority.close()
            database.close()


def _rows(dsn: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def _this_disk(place: Path) -> Iterator[None]:
    place.mkdir()
    yield


@contextmanager
def running_estate(
    *,
    disk: Callable[[Path], AbstractContextManager[None]] = _this_disk,
    env: dict[str, str] | None = None,
) -> Iterator[Estate]:
    """Start all of it; it is stopped at the end.

    Args:
        disk: Makes the folder that PostgreSQL's data folder is in; it is left once PostgreSQL has stopped.
        env: More variables of the first node.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(shared_folder())
        stack.enter_context(disk(folder / "disque"))
        server = EmbeddedPostgres(folder / "disque" / "postgres")
        stack.callback(server.stop)
        installation = install(folder, server.dsn)
        identities = Identities.of(installation.pki)
        igc = IgcProgram(directory=folder, identities=identities, dsn=make_database(server.dsn, "igc"))
        igc.start()
        stack.callback(igc.kill)
        elsewhere = {
            "igc": identities.platform_settings(igc.url, delai=5.0),
            "emettrices": [],
            "autres_autorites": [*installation.told()["emettrices"], *installation.told()["autres_autorites"]],
        }
        places = []
        for number in (1, 2):
            port = free_port()
            told = {"ecoute": f"127.0.0.1:{port}", "processus": 1, **elsewhere}
            config = installation.write(f"noeud-{number}.toml", **told)
            place = Place(installation=installation, config=config, port=port, options=("--with-worker",))
            place.env = env if env and number == 1 else {}
            places.append(place)
        for place in places:
            place.start()
            stack.callback(place.stop)
        yield Estate(folder=folder, installation=installation, igc=igc, places=tuple(places))


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
