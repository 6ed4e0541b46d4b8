"""Health and metrics, as Prometheus and a load balancer ask a running program for them; the log that goes with them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pfcng.client import RefusedError
from pfcng.contract.catalogue import Motif
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.watch.metrics import DECLARED
from support.collector import running_collector
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox
from support.serve import ORG, Installation, Node, install, obtain, order, running_node
from support.workers import wait_until


def scrape(url: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """What is scraped: value by labels by name."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(get(f"{url}/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=30)


def test_node_says_that_it_lives_and_is_ready(node: Node) -> None:
    """Part by part, in French: for whoever restarts what is stuck, and for the load balancer."""
    assert get(f"{node.exploitation}/sante/vivant").json() == {"etat": "vivant"}
    ready = get(f"{node.exploitation}/sante/pret")
    told: dict[str, Any] = ready.json()
    assert (ready.status_code, told["etat"]) == (200, "prêt"), told
    assert set(told["parties"]) == {"base", "schema", "restauration", "confiance", "igc", "autorites", "tls"}


def test_requests_of_all_processes_are_counted_together(node: Node) -> None:
    """Whichever process answers the scrape, and whichever served."""
    name = "pfcng_requests_total"
    labels = (("code", "OK"), ("operation", "retirerCertificat"))
    before = scrape(node.exploitation).get(name, {}).get(labels, 0)
    for _ in range(4):
        obtain(node)
    assert {scrape(node.exploitation)[name][labels] for _ in range(4)} == {before + 4}
    steps = {labels[0][1] for labels in scrape(node.exploitation)["pfcng_step_duration_seconds_count"]}
    assert {"admission", "reception", "enveloppe", "signature", "schema", "operation", "reponse", "livraison"} <= steps


def test_scrape_has_what_is_declared_and_no_more(installation: Installation) -> None:
    """One register; what a worker counts is there once it has counted, and the worker's own figures with the node's."""
    config = installation.write("compte.toml", processus=1)
    with running_node(installation, config, "--with-worker") as node:
        obtain(node)
        wait_until(lambda: "pfcng_certificates" in scrape(node.exploitation), seconds=90)
        wait_until(lambda: (("result", "sent"),) in scrape(node.exploitation).get("pfcng_mail_attempts_total", {}))
        found = scrape(node.exploitation)
    suffixes = ("_bucket", "_sum", "_count", "_created", "")
    declared = {f"{metric.name}{suffix}" for metric in DECLARED for suffix in suffixes}
    assert set(found) <= declared
    assert found["pfcng_certificates"][(("state", "Produit actif"),)] >= 1
    assert found["pfcng_workers"][()] == 1
    assert min(found["pfcng_crl_next_update_timestamp_seconds"].values()) > time.time()
    assert all(value == 1 for value in found["pfcng_part_state"].values())
    assert (("part", "taches"),) in found["pfcng_part_state"]
    for samples in found.values():
        assert all("example" not in value and "/" not in value for labels in samples for _, value in labels)


def test_gauges_of_a_process_that_died_are_forgotten(installation: Installation) -> None:
    """What it counted stays: a counter never goes back."""
    with running_node(installation, installation.write("mort.toml", processus=1)) as node:
        obtain(node)
        before = scrape(node.exploitation)["pfcng_requests_total"]
        os.kill(node.pids[0], signal.SIGKILL)
        wait_until(lambda: node.heard("node.process_replaced") == 1)
        after = scrape(node.exploitation)
        assert after["pfcng_requests_total"] == before
        assert after["pfcng_requests_in_progress"][()] == 0


def test_node_without_its_database_says_which_part_is_missing(tmp_path: Path) -> None:
    """503 and the reason; it lives all the same, and is ready again by itself."""
    with shared_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data")
        try:
            own = install(tmp_path, postgres.dsn)
            with running_node(own, own.write(processus=1)) as node:
                postgres.stop()
                refused = get(f"{node.exploitation}/sante/pret")
                assert refused.status_code == 503
                assert refused.json()["parties"]["base"] == {
                    "etat": "non",
                    "raison": "la base de données ne répond pas",
                }
                assert get(f"{node.exploitation}/sante/vivant").status_code == 200
                assert scrape(node.exploitation)["pfcng_part_state"][(("part", "base"),)] == 0
                postgres = EmbeddedPostgres(folder / "data")
                wait_until(lambda: get(f"{node.exploitation}/sante/pret").status_code == 200)
        finally:
            postgres.stop()


def test_worker_has_an_address_of_its_own(installation: Installation) -> None:
    """``ecoute_worker``; the service manager hears that it is ready, and again and again that it is alive."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = installation.write("worker-seul.toml", ecoute_worker=f"127.0.0.1:{port}")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(b"")  # any free name
    manager.settimeout(60)
    watched = {"NOTIFY_SOCKET": "@" + manager.getsockname()[1:].decode(), "WATCHDOG_USEC": "500000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pfcng", "worker", "--config", config],
        stderr=subprocess.DEVNULL,
        env={**os.environ, **watched},
    )
    try:
        assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/sante/pret"), seconds=60)
        told = get(f"http://127.0.0.1:{port}/sante/pret").json()
        assert told["parties"]["taches"] == {"etat": "prêt"}
        assert "pfcng_part_state" in scrape(f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGHUP)  # a terminal that is closed ends it as SIGTERM does
        assert process.wait(60) == 0
        manager.close()


def answers(url: str) -> bool:
    try:
        return get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_sandbox_shows_its_metrics_beside_its_crls(sandbox: Sandbox) -> None:
    """On its plain port."""
    with sandbox.client() as client:
        order(client)
    plain = sandbox.description["urls"]["http"]
    assert scrape(plain)["pfcng_requests_total"][(("code", "OK"), ("operation", "demanderCertificats"))] >= 1
    assert get(f"{plain}/sante/vivant").json() == {"etat": "vivant"}


def test_log_joins_a_request_to_its_mail_and_has_no_secret(installation: Installation) -> None:
    """One incident number from request to journal to job; codes de révocation, keys, CSRs and mails stay out."""
    config = installation.write("bavard.toml", processus=1)
    csr = make_csr(make_key())
    addresses = {
        "mail_demandeur": "demandeur@hopital.example",
        "mail_personne_a_informer": "informer@hopital.example",
    }
    code = "un code que nul ne doit lire"
    with running_node(installation, config, "--with-worker") as node:
        with node.client() as client:
            reply = client.demander_certificats([demande_for(ORG, csr)])
            indice = reply.demandes[0].indice_retrait or ""
            certificate = client.retirer_certificat(indice, code).certificate
            with pytest.raises(RefusedError):
                client.retirer_certificat(indice, code)
            renewal = make_csr(make_key())
            client.renouveler_certificat(certificate, renewal, **addresses)
            client.revoquer_certificat(
                certificate,
                Motif.VOL,
                mail_demandeur=addresses["mail_demandeur"],
                mail_personne_a_informer=addresses["mail_personne_a_informer"],
            )
        with psycopg.connect(installation.dsn) as connection:
            rows = connection.execute(
                "SELECT incident FROM journal WHERE acte = 'retirerCertificat' AND demande = %s ORDER BY id", (indice,)
            ).fetchall()
        incident = rows[0][0]
        wait_until(lambda: any('"mail.sent"' in line and incident in line for line in node.log))
        assert node.stop() == 0
        lines = "".join(node.log)
    # An indice de retrait is the demande's number, which a log may have.
    csrs = [one.strip().splitlines()[1] for one in (csr, renewal)]
    secrets = [code, *csrs, *addresses.values(), "Bonjour", "PRIVATE KEY", "BEGIN CERTIFICATE REQUEST"]
    assert [secret for secret in secrets if secret in lines] == []
    for line in node.log:
        assert json.loads(line)["event"]


def test_requests_are_traced_where_it_is_asked_for(installation: Installation) -> None:
    """``traces``: a span a request, one a step, one a call of PFCNG-IGC."""
    with running_collector() as collector:
        config = installation.write("traces.toml", processus=1, traces=collector.url)
        with running_node(installation, config) as node:
            obtain(node)
            assert node.stop() == 0
    assert {"requete", "signature", "operation", "livraison", "igc.issue"} <= collector.names
