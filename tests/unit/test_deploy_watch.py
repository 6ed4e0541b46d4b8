"""Dashboard and alert rules of ``deploy/`` say what the register of metrics has, and every alert has its runbook."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pfcng.watch.metrics import DECLARED

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "alertes.yml"
DASHBOARD: Final = ROOT / "deploy" / "grafana" / "pfcng.json"
RUNBOOK: Final = ROOT / "docs" / "exploitation" / "surveillance.md"
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
def test_alert_has_its_runbook(alert: dict[str, Any]) -> None:
    """What to do, in docs/exploitation/surveillance.md; and a summary whose labels the expression keeps."""
    assert f"| `{alert['alert']}` |" in RUNBOOK.read_text("utf-8")
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    kept = grouped(alert["expr"]) or {label for name, _ in selectors(alert["expr"]) for label in series()[name]}
    assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= kept


def test_runbook_has_no_alert_that_is_gone() -> None:
    """Nor does an alert go and leave its line."""
    told = re.findall(r"^\| `(Pfcng\w+)` \|", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(told) == sorted(alert["alert"] for alert in alerts())


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
