"""Certificates a second beside the peers, in one run, on one machine, with the same sizes of keys.

OpenBao's PKI (raft storage on disk, over TLS), cfssl where it is installed (it keeps nothing), and our retrait, which
verifies a signed message, applies the rules, keeps every state and a journal besides:

    make bench-pairs

Four clients each, certificates of RSA-2048 keys, CSRs made beforehand. Nothing here passes or fails: it prints.
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import Any, Final

import httpx
from serveur import CLIENTS, measure_retirer, running

from pfcng.store.embedded import EmbeddedPostgres
from support.csrs import make_csr, make_keys
from support.folders import shared_folder
from support.openbao import OpenBao, open_bao

SIZES: Final = (2048, 4096)
COUNT: Final = 600


def main() -> None:
    """Measure each and print the rates."""
    csrs = [make_csr(key) for key in make_keys(COUNT)]
    print(f"{'certificats par seconde':34} {'AC RSA-2048':>12} {'AC RSA-4096':>12}")
    with shared_folder() as folder:
        _show("pfcng, retrait de bout en bout", _own(folder))
        (folder / "bao").mkdir()
        with open_bao(folder / "bao") as server:
            _show("OpenBao PKI, sign", [_openbao(server, bits, csrs) for bits in SIZES])
        if shutil.which("cfssl"):
            _show("cfssl, sign (ne garde rien)", [_cfssl(folder, bits, csrs) for bits in SIZES])
        else:
            print("cfssl n’est pas installé")


def _show(name: str, rates: Sequence[float]) -> None:
    print(f"{name:34} {rates[0]:12.0f} {rates[1]:12.0f}", flush=True)


def _own(folder: Path) -> list[float]:
    server = EmbeddedPostgres(folder / "postgres")
    rates = []
    try:
        for bits in SIZES:
            with running(folder, server.dsn, bits, rows=0) as (bench, _):
                measure_retirer(bench, bits, COUNT)
                rates.append(bench.figures[-1].rate)
    finally:
        server.stop()
    return rates


def _openbao(server: OpenBao, bits: int, csrs: Sequence[str]) -> float:
    """The rate of its ``sign`` with an authority of that size, each certificate kept."""
    mount = f"pki{bits}"
    server.admin("POST", f"sys/mounts/{mount}", {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
    server.admin(
        "POST",
        f"{mount}/root/generate/internal",
        {"common_name": "AC fictive", "key_type": "rsa", "key_bits": bits, "ttl": "87600h"},
    )
    server.admin("POST", f"{mount}/roles/essai", {"allow_any_name": True, "key_type": "rsa", "max_ttl": "26280h"})
    own = local()

    def sign(csr: str) -> None:
        if not hasattr(own, "admin"):
            own.admin = server.connect()
        own.admin.post(
            f"{mount}/sign/essai", json={"csr": csr, "common_name": "essai.example", "ttl": "8760h"}
        ).raise_for_status()

    return _rate(sign, csrs)


def _cfssl(folder: Path, bits: int, csrs: Sequence[str]) -> float:
    """The rate of its ``sign`` over HTTP with an authority of that size."""
    with _running_cfssl(folder, bits) as address:
        own = local()

        def sign(csr: str) -> None:
            if not hasattr(own, "client"):
                own.client = httpx.Client(trust_env=False, timeout=60)
            body = {"certificate_request": csr, "profile": "default"}
            own.client.post(f"{address}/api/v1/cfssl/sign", json=body).raise_for_status()

        return _rate(sign, csrs)


@contextmanager
def _running_cfssl(folder: Path, bits: int) -> Iterator[str]:
    request = {"CN": "AC fictive", "key": {"algo": "rsa", "size": bits}}
    (folder / "ca.json").write_text(json.dumps(request))
    made: dict[str, Any] = json.loads(
        subprocess.run(["cfssl", "gencert", "-initca", folder / "ca.json"], check=True, capture_output=True).stdout
    )
    (folder / "ca.pem").write_text(made["cert"])
    (folder / "ca.key").write_text(made["key"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["cfssl", "serve", "-ca", folder / "ca.pem", "-ca-key", folder / "ca.key", "-port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _rate(sign: Callable[[str], None], csrs: Sequence[str]) -> float:
    warm = len(csrs) // 10
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(sign, csrs[:warm]))
        began = time.perf_counter()
        list(threads.map(sign, csrs[warm:]))
        return (len(csrs) - warm) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
