"""Health and metrics, as Prometheus and a load balancer ask a running program for them."""

from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from support.serve import Node, obtain


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
    """Issue of a load balancer: part by part, in French."""
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
