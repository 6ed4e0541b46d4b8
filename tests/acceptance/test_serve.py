"""``pfcng serve``: its processes, its signals, its end (docs/serving.md)."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import psutil
import psycopg
import pytest

from pfcng.client import TransportError
from support.drivers import driver_environment
from support.serve import PATIENCE, Installation, Node, obtain, order, running_node
from support.workers import wait_until


def test_platform_serves_in_several_processes(node: Node) -> None:
    """One Web Service, one publication, as many processes as the settings say."""
    assert len(node.pids) == 2
    assert "BEGIN CERTIFICATE" in obtain(node)
    crl = httpx.get(f"{node.http}/CRL/ACI-EL-ORG.crl", trust_env=False)
    assert crl.headers["content-type"] == "application/pkix-crl"


def test_process_that_dies_is_replaced(node: Node) -> None:
    """The others serve meanwhile, and the parent says so."""
    before, lost, replaced = node.pids, node.heard("node.process_lost"), node.heard("node.process_replaced")
    os.kill(before[0], signal.SIGKILL)
    assert "BEGIN CERTIFICATE" in obtain(node)
    wait_until(lambda: node.heard("node.process_replaced") == replaced + 1)
    assert node.heard("node.process_lost") == lost + 1
    assert before[1] in node.pids
    assert len(node.pids) == 2


def test_process_that_is_killed_at_the_start_is_no_fault_of_the_settings(installation: Installation) -> None:
    """Status 3, which has the service manager start the node again; 2 would have it leave it (deploy/systemd)."""
    config = installation.write("tue.toml", processus=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "pfcng", "serve", "--config", config], stderr=subprocess.PIPE, text=True
    )
    node = Node(installation=installation, process=process)
    wait_until(lambda: bool(node.pids))
    process.send_signal(signal.SIGHUP)  # there is nothing to renew yet: it is not the end
    os.kill(node.pids[0], signal.SIGKILL)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, told
    assert "s’est arrêté avant d’être prêt (code -9)" in told


def test_process_that_stands_still_is_replaced(installation: Installation) -> None:
    """A loop that does not turn answers nobody, and dies of nothing: the parent ends it, the worker's too."""
    config = installation.write("fige.toml", processus=1)
    told = driver_environment()
    with running_node(installation, config, "--with-worker", program="support.impatient_driver", **told) as node:
        node.process.send_signal(signal.SIGSTOP)
        Event().wait(5)  # longer than it waits for a process: nobody else stood still
        node.process.send_signal(signal.SIGCONT)
        obtain(node)
        assert node.heard("node.process_silent") == 0
        before = node.pids
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: node.heard("node.process_replaced") >= 2)
        assert node.heard("node.process_silent") == node.heard("node.process_lost") == 2
        assert not set(before) & set(node.pids)
        obtain(node)
        metrics = httpx.get(f"{node.exploitation}/metrics", trust_env=False, timeout=PATIENCE).text
        assert 'pfcng_processes_replaced_total{reason="silent"} 2.0' in metrics


def test_processes_of_a_parent_that_was_killed_end(installation: Installation) -> None:
    """Nobody would stop or renew them: a parent started again finds its addresses free. The worker beside ends too."""
    config = installation.write("avec-worker.toml", processus=1)
    with running_node(installation, config, "--with-worker") as node:
        processes = [psutil.Process(pid) for pid in node.pids]
        assert len(processes) == 2
        obtain(node)
        wait_until(lambda: any((installation.directory / "courrier" / "new").glob("*")))
        node.process.kill()
        _, alive = psutil.wait_procs(processes, PATIENCE)
        assert not alive


@contextmanager
def held(installation: Installation) -> Iterator[psycopg.Connection]:
    """Nobody changes a demande meanwhile."""
    with psycopg.connect(installation.dsn) as connection:
        connection.execute("LOCK TABLE produit IN SHARE MODE")
        yield connection


@contextmanager
def manager(path: Path) -> Iterator[socket.socket]:
    """What listens to a service of systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(path))
        opened.settimeout(PATIENCE)
        yield opened


def is_waiting(installation: Installation) -> bool:
    """Whether a request waits for the lock."""
    with psycopg.connect(installation.dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    return row is not None and row[0] > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_ends_the_requests_under_way(installation: Installation, number: signal.Signals) -> None:
    """A retrait is delivered and confirmed; nobody new gets in; Ctrl-C reaches the whole group and does the same.

    systemd is told when the node serves and when it stops (sd_notify(3)).
    """
    with (
        manager(installation.directory / f"{number.name}.sock") as told,
        running_node(
            installation, installation.write("arret.toml", processus=1), NOTIFY_SOCKET=told.getsockname()
        ) as node,
        ThreadPoolExecutor(1) as pool,
    ):
        assert told.recv(100) == b"READY=1"
        with node.client() as client:
            numero = order(client)
            with held(installation):
                delivery = pool.submit(client.retirer_certificat, numero, "un code")
                wait_until(lambda: is_waiting(installation))
                os.killpg(node.process.pid, number) if number is signal.SIGINT else node.process.terminate()
                wait_until(lambda: not listens(node.port))
                assert told.recv(100) == b"STOPPING=1"
                assert not delivery.done()
            assert "BEGIN CERTIFICATE" in delivery.result(PATIENCE).pem
        assert node.process.wait(PATIENCE) == 0
    assert produit(installation, numero) == "Produit actif"


def test_second_signal_waits_for_nothing(installation: Installation) -> None:
    """The request under way is lost to its client; its demande is where docs/life-of-a-demande.md says."""
    with (
        running_node(installation, installation.write("presse.toml", processus=1)) as node,
        ThreadPoolExecutor(1) as pool,
        node.client() as client,
    ):
        numero = order(client)
        with held(installation):
            delivery = pool.submit(client.retirer_certificat, numero, "un code")
            wait_until(lambda: is_waiting(installation))
            node.process.terminate()
            wait_until(lambda: not listens(node.port))
            node.process.terminate()
            node.process.wait(PATIENCE)
        with pytest.raises(TransportError):
            delivery.result(PATIENCE)
    assert produit(installation, numero) != "Produit actif"


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def produit(installation: Installation, numero: str) -> str:
    """The state of a produit."""
    with psycopg.connect(installation.dsn) as connection:
        row = connection.execute("SELECT etat FROM produit WHERE demande = %s", [int(numero)]).fetchone()
    assert row is not None
    return str(row[0])
