"""nginx and HAProxy as deploy/ has them, with their addresses and files replaced by those of a test."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from pfcng.client import Client
from pfcng.sandbox.pairs import Pair
from support.serve import Installation, Node
from support.workers import wait_until

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
_NJS: Final = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
_SAID: Final = "proxy.log"
_EXAMPLES: Final = {"nginx": "nginx/pfcng.conf", "haproxy": "haproxy/haproxy.cfg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that runs: where it listens, and the file of what it says."""

    installation: Installation
    service: str
    http: str
    said: Path

    def log(self) -> str:
        """What it has said so far."""
        return self.said.read_text("utf-8")

    def client(self, carte: str = "cpa-editeur") -> Client:
        """A client with a card, at ws-apt."""
        return self.installation.client(self.service, carte)

    def post(self, endpoint: str, pair: Pair | None, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send something that is no message: who is not admitted reads why, who is reads a fault."""
        return post(f"{self.service}/{endpoint}", self.installation, pair, headers)


def post(
    url: str,
    installation: Installation,
    pair: Pair | None,
    headers: dict[str, str] | None = None,
    content: bytes = b"<not even xml",
    address: str = "127.0.0.1",
) -> httpx.Response:
    """On a connection of its own, from an address of this machine."""
    context = ssl.create_default_context(cafile=installation.pki.anchors)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    with httpx.Client(
        transport=httpx.HTTPTransport(verify=context, local_address=address), trust_env=False, timeout=60
    ) as client:
        return client.post(url, content=content, headers=headers)


def need(kind: str) -> None:
    """Skip the test on a machine without the proxy; fail where every program has to be there (CI)."""
    what = None if shutil.which(kind) else f"{kind} is not installed"
    if kind == "nginx" and what is None and not _NJS.exists():
        what = "nginx has no njs module"
    if what and os.environ.get("PFCNG_EXEMPLES"):
        pytest.fail(what)
    if what:
        pytest.skip(what)


def side_by_side(**settings: Any) -> list[dict[str, Any]]:
    """Settings of two nodes as on two machines: each at an address of its own, with its health at the same port."""
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
    return [
        {
            **settings,
            "ecoute": f"{address}:0",
            "ecoute_http": f"{address}:0",
            "ecoute_exploitation": f"{address}:{port}",
        }
        for address in ("127.0.0.1", "127.0.0.2")
    ]


@contextmanager
def running_proxy(kind: str, folder: Path, nodes: Sequence[Node]) -> Iterator[Proxy]:
    """Start nginx or HAProxy in front of two nodes, its own check of its file done, and wait until it answers."""
    installation = nodes[0].installation
    service, http = _free_ports(2)
    text = _replaced(_EXAMPLES[kind], _meant(folder, nodes, service, http))
    _write_files(folder / "pfcng", installation)
    command = _nginx(folder, text) if kind == "nginx" else _haproxy(folder, text)
    with _running(command, "-t" if kind == "nginx" else "-c", folder, [service, http]):
        yield Proxy(
            installation=installation,
            service=f"https://localhost:{service}",
            http=f"http://127.0.0.1:{http}",
            said=folder / _SAID,
        )


@contextmanager
def running_igc_proxy(folder: Path, installation: Installation, ports: Sequence[int]) -> Iterator[str]:
    """HAProxy in front of two PFCNG-IGC of this machine; its URL."""
    need("haproxy")
    [port] = _free_ports(1)
    meant = {
        "/etc/haproxy/pfcng": str(folder / "pfcng"),
        "bind :9443": f"bind 127.0.0.1:{port}",
        "igc-a.interne:9443": f"127.0.0.1:{ports[0]}",
        "igc-b.interne:9443": f"127.0.0.1:{ports[1]}",
        "igc.interne": "localhost",
    }
    text = _replaced("haproxy/igc.cfg", meant)
    _write_files(folder / "pfcng", installation)
    with _running(_haproxy(folder, text), "-c", folder, [port]):
        yield f"https://localhost:{port}"


def _replaced(example: str, meant: dict[str, str]) -> str:
    text = (DEPLOY / example).read_text("utf-8")
    for told, here in meant.items():
        text = text.replace(told, here)
    return text


@contextmanager
def _running(command: list[str], look: str, folder: Path, ports: Sequence[int]) -> Iterator[None]:
    """The proxy's own check of its file, then the proxy, until the end of the block."""
    checked = subprocess.run([*command, look], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn" not in checked.stderr.lower()
    said = folder / _SAID
    with said.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or all(map(_listens, ports)))
        assert process.poll() is None, said.read_text("utf-8")
        yield
    finally:
        process.terminate()
        process.wait(60)


def _meant(folder: Path, nodes: Sequence[Node], service: int, http: int) -> dict[str, str]:
    """What stands in the examples, and what a test has in its place."""
    first, second = nodes
    return {
        "/etc/nginx/pfcng": str(folder / "pfcng"),
        "/etc/haproxy/pfcng": str(folder / "pfcng"),
        "listen 443": f"listen 127.0.0.1:{service}",
        "listen 80": f"listen 127.0.0.1:{http}",
        "bind :443": f"bind 127.0.0.1:{service}",
        "bind :80": f"bind 127.0.0.1:{http}",
        "noeud-a.interne:8443": urlsplit(first.service).netloc,
        "noeud-b.interne:8443": urlsplit(second.service).netloc,
        "noeud-a.interne:8080": urlsplit(first.http).netloc,
        "noeud-b.interne:8080": urlsplit(second.http).netloc,
        "port 8081": f"port {urlsplit(first.exploitation).port}",
        "pfcng.interne": "localhost",
    }


def _write_files(folder: Path, installation: Installation) -> None:
    """The files that the examples name, under their names."""
    folder.mkdir(exist_ok=True)
    pki, confiance = installation.pki, installation.told()["confiance"]
    authorities = [Path(path) for path in (*confiance["racines"], *confiance["autorites"])]
    _join(folder / "autorites-clientes.pem", authorities)
    _join(folder / "autorites-noeuds.pem", authorities)
    certificate, key = folder / "pfc.exemple.fr.pem", folder / "pfc.exemple.fr.cle"
    _join(key, [pki.server.key])
    _join(certificate, [pki.server.certificate, pki.server.key])
    shutil.copy(DEPLOY / "nginx/client-cert.js", folder)


def _join(file: Path, parts: Sequence[Path]) -> None:
    file.write_bytes(b"\n".join(part.read_bytes() for part in parts))


def _nginx(folder: Path, text: str) -> list[str]:
    (folder / "site.conf").write_text(text, "utf-8")
    main = folder / "nginx.conf"
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"load_module {_NJS};\ndaemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}\ninclude {folder}/site.conf;\n}}\n",
        "utf-8",
    )
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(main)]


def _haproxy(folder: Path, text: str) -> list[str]:
    file = folder / "haproxy.cfg"
    file.write_text(text, "utf-8")
    return ["haproxy", "-f", str(file)]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in opened]


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
