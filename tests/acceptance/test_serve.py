"""``pfcng serve``: processes, signals, reload (docs/serving.md)."""

import os
import signal

import httpx
import psutil

from support.serve import Installation, Node, obtain, running_node
from support.workers import wait_until


def test_platform_serves_in_several_processes(node: Node) -> None:
    """One Web Service, one publication, as many processes as the settings say."""
    assert len(node.pids) == 2
    assert "BEGIN CERTIFICATE" in obtain(node)
    assert httpx.get(f"{node.http}/ca/ACI-EL-ORG.cer", trust_env=False).status_code in {200, 404}


def test_process_that_dies_is_replaced(node: Node) -> None:
    """The others serve meanwhile, and the parent says so."""
    before = node.pids
    os.kill(before[0], signal.SIGKILL)
    assert "BEGIN CERTIFICATE" in obtain(node)
    wait_until(lambda: any("node.process_replaced" in line for line in node.log))
    assert before[1] in node.pids
    assert len(node.pids) == 2


def test_processes_of_a_parent_that_was_killed_end(installation: Installation) -> None:
    """Nobody would stop or renew them: a parent started again finds its addresses free."""
    with running_node(installation, installation.write("tue.toml")) as running:
        processes = [psutil.Process(pid) for pid in running.pids]
        running.process.kill()
        _, alive = psutil.wait_procs(processes, 60)
        assert not alive
