"""The exploitant's commands on a sandbox, open or closed: what they change outlives it (docs/annuaire.md)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.store.embedded import EmbeddedPostgres, is_running, stop_server
from support.csrs import make_csr
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox, start, stop
from support.registers import ET_RHONE, FINESS_FIRST, write_register

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
EDITEUR = "599900034200017/CPAT0001"
NEW = "1690099030"
"""A structure that annuaire.toml has not."""
GRANT = ("--acteur", EDITEUR, "--offre", "ORG", "--struct", NEW)
DN = "CN=nouveau.example,OU=399900034200017,O=EDITEUR FICTIF,ST=Paris (75),C=FR"


def program(group: str) -> list[str]:
    """What starts ``pfcng <group>``."""
    name = group.replace("-", "_")
    return [sys.executable, "-c", f"from pfcng.cli.{name} import {name} as app; app(prog_name='pfcng {group}')"]


def pfcng(group: str, *arguments: str | Path) -> dict[str, Any]:
    """A command as it is typed, with its JSON."""
    done = subprocess.run([*program(group), *arguments, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def import_structure(folder: Path, directory: Path) -> dict[str, Any]:
    file = write_register(folder / "et.csv", FINESS_FIRST, ET_RHONE.replace("690099023", NEW[1:]))
    return pfcng("annuaire", "importer", file, "--data", directory)


def is_granted(sandbox: Sandbox) -> bool:
    """Whether the éditeur may order for the new structure."""
    with sandbox.client() as client:
        return client.demander_certificats([demande_for(ORG, make_csr(), id_nat_struct=NEW)]).statut_lot == "OK"


def rights(directory: Path) -> list[str]:
    found = pfcng("habilitation", "lister", "--acteur", EDITEUR, "--data", directory)["habilitations"]
    return [right["id_nat_struct"] for right in found]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one sandbox, whose server is stopped whatever happens."""
    with shared_folder() as shared:
        yield shared
        stop_server(shared / "bac" / "postgres")


def test_commands_change_an_open_sandbox_and_outlive_it(folder: Path) -> None:
    """annuaire.toml is loaded again at each start: it adds, it takes nothing away."""
    directory = folder / "bac"
    sandbox = start(directory)
    try:
        assert not is_granted(sandbox)
        assert import_structure(folder, directory)["changements"]["structures_ajoutees"] == 1
        pfcng("habilitation", "ajouter", *GRANT, "--data", directory)
        pfcng("liste-blanche", "ajouter", "--dn", DN, "--data", directory)
        assert is_granted(sandbox)
    finally:
        assert stop(sandbox) == 0
    again = start(directory)
    try:
        assert is_granted(again)
        assert NEW in rights(directory)
        assert DN in pfcng("liste-blanche", "lister", "--data", directory)["dn"]
    finally:
        assert stop(again) == 0


def test_commands_work_on_a_closed_sandbox_and_leave_no_server(folder: Path) -> None:
    """The server is started for the command alone; one that runs is used and left."""
    directory = folder / "bac"
    assert stop(start(directory)) == 0
    import_structure(folder, directory)
    pfcng("habilitation", "ajouter", *GRANT, "--data", directory)
    assert not is_running(directory / "postgres")
    EmbeddedPostgres(directory / "postgres")
    assert NEW in rights(directory)
    assert is_running(directory / "postgres")


def test_commands_at_once_on_a_closed_sandbox_all_succeed(folder: Path) -> None:
    """None stops the server under another."""
    directory = folder / "bac"
    assert stop(start(directory)) == 0
    command = [*program("habilitation"), "lister", "--data", str(directory)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    assert not is_running(directory / "postgres")
