"""A rolling upgrade keeps answering: the database first, then node by node (docs/exploitation/mettre-a-jour.md)."""

import io
import os
import subprocess
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg
import pytest

from pfcng.store.migrations import migrate
from support.csrs import make_keys
from support.databases import next_version
from support.load import load
from support.serve import Installation, Node, install, running_node
from support.workers import wait_until

ROOT: Final = Path(__file__).parents[2]
FORMER: Final = "FORMER"
"""The variable that names the commit of a former version: ``make upgrade FROM=v0.1.0``."""
KEYS: Final = 1500
SOME: Final = 5
"""Certificates that are delivered between two steps."""
ADDED: Final = """
ALTER TABLE demande ADD COLUMN de_la_suite text;
ALTER TABLE produit ADD COLUMN de_la_suite jsonb;
CREATE TABLE suite (demande bigint REFERENCES demande, quand timestamptz);
CREATE INDEX ON revocation (acteur);
"""
"""What a revision may bring (CONTRIBUTING.md)."""


@pytest.fixture
def upgraded(postgres: str, tmp_path: Path, request: pytest.FixtureRequest) -> Installation:
    return install(tmp_path, postgres, f"montee_{len(request.node.name)}")


def delivered(installation: Installation) -> int:
    """How many certificates the platform has given."""
    with psycopg.connect(installation.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM produit WHERE etat = 'Produit actif'").fetchone()
    assert row is not None
    return int(row[0])


def go_on(installation: Installation) -> None:
    """Wait until more was delivered."""
    before = delivered(installation)
    wait_until(lambda: delivered(installation) >= before + SOME)


def start(stack: ExitStack, installation: Installation, name: str, **env: str) -> Node:
    return stack.enter_context(running_node(installation, installation.write(f"{name}.toml", processus=1), **env))


def test_nodes_go_on_and_start_over_the_tables_of_the_next_version(upgraded: Installation, tmp_path: Path) -> None:
    """What runs is not stopped by what a revision adds, nor is a node that starts before it is upgraded itself."""
    with ExitStack() as stack:
        nodes = {node.port: node for node in (start(stack, upgraded, name) for name in "ab")}
        first, _ = nodes.values()
        with load(lambda port: nodes[port].client(), list(nodes), iter(make_keys(KEYS)), 2) as promises:
            go_on(upgraded)
            migrate(upgraded.dsn, next_version(tmp_path / "suivante", ADDED))
            go_on(upgraded)
            assert first.stop() == 0
            again = start(stack, upgraded, "c")
            assert again.heard("database.newer") > 0
            go_on(upgraded)
        assert promises.odd == []
        assert promises.answers["incident"] == 0, promises.answers
        with load(lambda _: again.client(), [again.port], iter(make_keys(KEYS)), 1) as promises:
            go_on(upgraded)
        assert promises.odd == []


@pytest.fixture
def former(tmp_path: Path) -> str:
    """The sources of a former version."""
    commit = os.environ.get(FORMER)
    if not commit:
        pytest.skip("a former version is named by hand: make upgrade FROM=v0.1.0")
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "avant", filter="data")
    return str(tmp_path / "avant" / "src")


def test_former_version_serves_beside_this_one(upgraded: Installation, former: str) -> None:
    """On tables of this version: what one orders the other delivers, revokes and tells of."""
    with ExitStack() as stack:
        before = start(stack, upgraded, "avant", PYTHONPATH=former)
        nodes = {node.port: node for node in (before, start(stack, upgraded, "apres"))}
        with load(lambda port: nodes[port].client(), list(nodes), iter(make_keys(KEYS)), 2) as promises:
            for _ in range(5):
                go_on(upgraded)
        assert promises.odd == []
        assert promises.answers["incident"] == 0, promises.answers
