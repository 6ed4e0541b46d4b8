"""Dashboard and alert rules of ``deploy/`` say what the register of metrics has, and every alert has its runbook."""

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pfcng.watch.metrics import DECLARED
from support.deploy import DEPLOY, need

ROOT: Final = Path(__file__).parents[2]
RULES: Final = DEPLOY / "prometheus" / "alertes.yml"
DASHBOARD: Final = DEPLOY / "grafana" / "pfcng.json"
RUNBOOK: Final = ROOT / "docs" / "exploitation" / "depannage.md"
SOURCES: Final = ROOT / "src" / "pfcng"
PROMETHEUS: Final = {"up": {"job", "instance"}}
"""What Prometheus itself has of every target."""
TARGET: Final = {"job", "instance"}


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def expressions() -> Iterator[str]:
    for alert in alerts():
        yield alert["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def series() -> dict[str, set[str]]:
    """Labels by the name of every series that a scrape may have."""
    known = dict(PROMETHEUS)
    for metric in DECLARED:
        labels = {*metric.labels, *TARGET}
        if metric.kind == "histogram":
            known |= {f"{metric.name}_bucket": {*labels, "le"}, f"{metric.name}_sum": labels}
            known[f"{metric.name}_count"] = labels
        else:
            known[metric.name] = labels
    return known


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Every series that an expression names, with the labels that it is chosen by."""
    found = re.findall(r"\b(pfcng_\w+|up)\b(?:\{([^}]*)\})?", expression)
    return [(name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen))) for name, chosen in found]


def grouped(expression: str) -> set[str]:
    return {label.strip() for listed in re.findall(r"\bby \(([^)]*)\)", expression) for label in listed.split(",")}


@pytest.mark.parametrize("expression", list(dict.fromkeys(expressions())))
def test_expression_names_series_and_labels_that_exist(expression: str) -> None:
    """A metric that is renamed leaves no dashboard behind it."""
    named = selectors(expression)
    assert named, expression
    for name, labels in named:
        assert name in series(), name
        assert labels <= series()[name], (name, labels)
    assert grouped(expression) <= {label for name, _ in named for label in series()[name]}, expression
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_alert_leads_to_its_paragraph(alert: dict[str, Any]) -> None:
    """What to do, in docs/exploitation/depannage.md; and a summary whose labels the expression keeps."""
    installed, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert installed == "file:///usr/share/doc/pfcng/docs/exploitation/depannage.md"
    assert anchor == alert["alert"].lower()
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    kept = grouped(alert["expr"]) or {label for name, _ in selectors(alert["expr"]) for label in series()[name]}
    assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= kept


def test_runbook_has_the_alerts_that_there_are() -> None:
    """Each has its paragraph, and none goes and leaves it."""
    told = re.findall(r"^### (Pfcng\w+)$", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(told) == sorted(alert["alert"] for alert in alerts())


def logged() -> set[str]:
    """Every event that a program of an exploitant logs as a warning or worse."""
    files = (path for path in SOURCES.rglob("*.py") if path.relative_to(SOURCES).parts[0] not in {"sandbox", "client"})
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="warning" | "error" | "critical" | "exception"),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    found.add(event)
    return found


def test_runbook_has_every_event_that_is_logged_as_a_warning_or_worse() -> None:
    """What it says, and what to do; and none that is logged no more."""
    table = RUNBOOK.read_text("utf-8").partition("\n## Le journal technique\n")[2]
    rows = re.findall(r"^\| (`[a-z_]+\.[a-z_]+`.*?) \|", table, flags=re.MULTILINE)
    assert sorted(event for row in rows for event in re.findall(r"`([^`]+)`", row)) == sorted(logged())


def need_promtool() -> None:
    """Skip the test on a machine without Prometheus; fail where every program has to be there (CI)."""
    if shutil.which("promtool") is None:
        if os.environ.get("PFCNG_EXEMPLES"):
            pytest.fail("promtool is not installed")
        pytest.skip("promtool is not installed (Debian package prometheus)")


def promtool(*arguments: object) -> None:
    told = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_prometheus_reads_the_rules() -> None:
    """Expressions, durations and templates, by its own tool."""
    need_promtool()
    promtool("check", "rules", RULES)


SCENES: Final[dict[str, tuple[str, str, str]]] = {
    "PfcngNoeudMuet": ('up{job="pfcng-worker", instance="a"}', "0x30", "1x30"),
    "PfcngPartieEnPanne": ('pfcng_part_state{part="base"}', "0x30", "0 1x29"),
    "PfcngPartieDegradee": ('pfcng_part_state{part="igc"}', "0.5x30", "1x5 0.5x5 1x20"),
    "PfcngErreursInternes": ('pfcng_requests_total{operation="suivreActivite", code="Server"}', "0+1x30", "7x30"),
    "PfcngRequetesLentes": ('pfcng_request_duration_seconds_bucket{le="+Inf"}', "0+9x30", "9x30"),
    "PfcngIgcInjoignable": ('pfcng_authority_calls_total{result="unavailable"}', "0+1x30", "3x30"),
    "PfcngCrlBientotFinie": ('pfcng_crl_next_update_timestamp_seconds{authority="A"}', "0x30", "90000x30"),
    "PfcngAutoriteBientotFinie": ('pfcng_authority_expiry_timestamp_seconds{authority="A"}', "7e6x30", "8e6x30"),
    "PfcngCertificatTlsBientotFini": ("pfcng_tls_certificate_expiry_timestamp_seconds", "1.8e6x30", "1.9e6x30"),
    "PfcngBaseSaturee": ("pfcng_database_waiting", "2x30", "2x3 0x27"),
    "PfcngBaseSansConnexion": ("pfcng_database_connection_errors_total", "0+1x30", "5x30"),
    "PfcngAucunWorker": ("pfcng_counts_timestamp_seconds", "0x30", "0+60x30"),
    "PfcngProcessusRemplaces": ('pfcng_processes_replaced_total{reason="silent"}', "0+1x30", "5x30"),
    "PfcngActeEnEchec": ('pfcng_acts_total{act="rappels", result="failed"}', "0+1x30", "2x30"),
    "PfcngTachesEnEchec": ('pfcng_jobs{state="failed"}', "1x30", "0x30"),
    "PfcngCourriersEnRetard": ("pfcng_mail_oldest_seconds", "3700x30", "3500x30"),
    "PfcngCourriersAbandonnes": ('pfcng_mail_attempts_total{result="given_up"}', "0x10 1x20", "1x30"),
    "PfcngRevocationsEnRetard": ("pfcng_revocations_due", "1x30", "1x10 0x20"),
    "PfcngTlsRefuse": ('pfcng_tls_refused_total{reason="protocol"}', "0+90x30", "0+30x30"),
    "PfcngLimitesAtteintes": ('pfcng_limits_reached_total{limit="client"}', "0+90x30", "0+30x30"),
}
"""A series of each alert, with half an hour of its values that rings it and half an hour that does not."""
BESIDE: Final = {
    "PfcngRequetesLentes": [{"series": 'pfcng_request_duration_seconds_bucket{le="10"}', "values": "0x30"}]
}
"""What else there is in a scene: here, that none of the requests took less than ten seconds."""


def test_each_alert_rings_when_it_should_and_only_then(tmp_path: Path) -> None:
    """By Prometheus's own evaluation of the rules, minute by minute; what rings is that alert alone."""
    need_promtool()
    assert set(SCENES) == {alert["alert"] for alert in alerts()}
    scenes = [
        {
            "interval": "1m",
            "input_series": [{"series": series, "values": values}, *BESIDE.get(name, [])],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "29m",
                    "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}] if rings else [],
                }
            ],
        }
        for name, (series, ringing, quiet) in SCENES.items()
        for values, rings in ((ringing, True), (quiet, False))
    ]
    file = tmp_path / "scenes.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": scenes}), "utf-8")
    promtool("test", "rules", file)


def as_grafana_keeps(document: dict[str, Any]) -> dict[str, Any]:
    """A dashboard read into Grafana's own types, and written again: what they do not know is gone."""
    need("grafana_foundation_sdk.cog.plugins").register_default_plugins()
    model = need("grafana_foundation_sdk.models.dashboard").Dashboard.from_json(document)
    kept: dict[str, Any] = json.loads(need("grafana_foundation_sdk.cog.encoder").JSONEncoder().encode(model))
    return kept


def lost(told: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Where what was told is not what was kept; what is kept besides are defaults."""
    if isinstance(told, dict) and isinstance(kept, dict):
        for name, value in told.items():
            yield from lost(value, kept.get(name), f"{path}/{name}")
    elif isinstance(told, list) and isinstance(kept, list) and len(told) == len(kept):
        for number, (one, other) in enumerate(zip(told, kept, strict=True)):
            yield from lost(one, other, f"{path}/{number}")
    elif told != kept:
        yield path


def test_grafana_knows_everything_that_the_dashboard_says() -> None:
    """No word of it is lost on the types of Grafana and of its panels."""
    document = json.loads(DASHBOARD.read_text("utf-8"))
    assert list(lost(document, as_grafana_keeps(document))) == []
    document["panels"][0]["titel"] = "?"
    assert list(lost(document, as_grafana_keeps(document))) == ["/panels/0/titel"]


def test_metrics_have_no_label_that_a_client_fills() -> None:
    """Labels come from closed lists: no person, no address, no series made from outside."""
    labels = {label for metric in DECLARED for label in metric.labels}
    assert labels <= {
        *("operation", "code", "step", "endpoint", "reason", "limit", "call", "result", "method", "status", "act"),
        *("use", "part", "authority", "state"),
    }


def test_metrics_are_named_as_prometheus_asks() -> None:
    """One prefix; counters end with _total; base units."""
    for metric in DECLARED:
        assert re.fullmatch(r"pfcng_[a-z_]+", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.help.endswith(".")
    assert len({metric.name for metric in DECLARED}) == len(DECLARED)
