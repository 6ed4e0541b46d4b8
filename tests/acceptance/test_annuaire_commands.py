"""The exploitant's commands on a sandbox, open or closed: what they change outlives it (docs/annuaire.md)."""

import json
import os
import signal
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
PROGRAM = (sys.executable, "-m", "pfcng")
GRANT = ("--acteur", EDITEUR, "--offre", "ORG", "--struct", NEW)
DN = "CN=nouveau.example,OU=399900034200017,O=EDITEUR FICTIF,ST=Paris (75),C=FR"


def pfcng(group: str, *arguments: str | Path) -> dict[str, Any]:
    """A command as it is typed, with its JSON."""
    done = subprocess.run([*PROGRAM, group, *arguments, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def import_structure(folder: Path, directory: Path) -> dict[str, Any]:
    file = write_register(folder / "structures.csv", FINESS_FIRST, ET_RHONE.replace("690099023", NEW[1:]))
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
    assert pfcng("journal", "verifier", "--data", directory)["faute"] is None
    assert is_running(directory / "postgres")


def test_commands_at_once_on_a_closed_sandbox_all_succeed(folder: Path) -> None:
    """None stops the server under another."""
    directory = folder / "bac"
    assert stop(start(directory)) == 0
    commands = [
        ("habilitation", "lister"),
        ("journal", "verifier"),
        ("journal", "sceller"),
        ("liste-blanche", "lister"),
    ]
    running = [
        subprocess.Popen([*PROGRAM, *command, "--data", directory], stdout=subprocess.DEVNULL) for command in commands
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert not is_running(directory / "postgres")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_import_that_is_stopped_changes_nothing_and_leaves_no_server(folder: Path, number: signal.Signals) -> None:
    """Ctrl-C or kill in the middle of a file: the old annuaire is whole, and the server of the command is gone."""
    directory = folder / "bac"
    assert stop(start(directory)) == 0
    pipe = folder / "et.csv"
    os.mkfifo(pipe)
    command: list[str | Path] = [*PROGRAM, "annuaire", "importer", pipe, "--data", directory]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with pipe.open("w", encoding="utf-8") as file:  # opens when the command reads
        file.write(f"{FINESS_FIRST}\n" + f"{ET_RHONE.replace('690099023', NEW[1:])}\n" * 5000)
        file.flush()
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
    assert (running.returncode, told) == (130, "")
    assert not is_running(directory / "postgres")
    assert import_structure(folder, directory)["changements"]["structures_ajoutees"] == 1


def test_folder_whose_lock_cannot_be_taken_is_told(folder: Path) -> None:
    """One sentence, status 2."""
    directory = folder / "bac"
    (directory / "postgres").mkdir(parents=True)
    (directory / "postgres" / "PG_VERSION").touch()
    (directory / ".verrou-commande").mkdir()
    command: list[str | Path] = [*PROGRAM, "habilitation", "lister", "--data", directory]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Erreur : Le dossier {directory} ne peut pas servir : c’est un dossier.\n"
