"""Copies and hooks: all of them, or what was there before."""

import os
import stat
import sys
from pathlib import Path

import pytest

from pfcng.client.deployment import Deployment, DeploymentError
from pfcng.client.dossier import Acte, Etape, Nature

ACTE = Acte(
    identifiant="a",
    nature=Nature.DEMANDE,
    radical="EL-TEST-ORG-SIGN-20261123-101010",
    etape=Etape.BASCULE,
    numero_serie="1F",
    fin_validite="2029-11-23T10:00:00+00:00",
)
PYTHON = sys.executable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "certificat.pem").write_text("neuf")
    (tmp_path / "cle.pem").write_text("clé neuve")
    return tmp_path


def deploy(folder: Path, text: str) -> Deployment:
    (folder / "deploiement.toml").write_text(text, "utf-8")
    return Deployment.load(folder)


def hook(code: str, delai: float = 60) -> str:
    return f"[[crochet]]\ncommande = ['{PYTHON}', '-c', '{code}']\ndelai = {delai}\n"


def copy(name: str, mode: str = "") -> str:
    extra = f'mode = "{mode}"\n' if mode else ""
    return f'[[copie]]\nsource = "certificat.pem"\nvers = "{name}"\n{extra}'


def test_without_a_file_nothing_is_done(folder: Path) -> None:
    """Most folders are used where they are."""
    Deployment.load(folder).run(ACTE)


def test_copies_then_hooks(folder: Path) -> None:
    """The hook finds the new file in place, with its mode, and is told what it is about."""
    code = 'import os, pathlib; pathlib.Path("vu").write_text(os.environ["PFCNG_ETAPE"] + open("nginx.pem").read())'
    text = f'lieu = "serveur 1"\n{copy("nginx.pem", "0640")}{hook(code)}'
    deployment = deploy(folder, text)
    deployment.run(ACTE)
    assert deployment.lieu == "serveur 1"
    assert (folder / "vu").read_text() == "deployerneuf"
    assert stat.S_IMODE((folder / "nginx.pem").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('import sys; print("nginx: configuration incorrecte"); sys.exit(3)', "code 3.*configuration incorrecte"),
        ("import signal; signal.pause()", "n’a pas fini en 0.2 s"),
    ],
)
def test_a_failing_hook_puts_the_files_back(folder: Path, code: str, told: str) -> None:
    """What was there is there again; what was not is gone."""
    (folder / "ancien.pem").write_text("ancien")
    (folder / "ancien.pem").chmod(0o644)
    deployment = deploy(
        folder, f"{copy('ancien.pem')}{copy('nouveau.pem')}{hook(code, 0.2 if 'pause' in code else 60)}"
    )
    with pytest.raises(DeploymentError, match=told):
        deployment.run(ACTE)
    assert (folder / "ancien.pem").read_text() == "ancien"
    assert stat.S_IMODE((folder / "ancien.pem").stat().st_mode) == 0o644
    assert not (folder / "nouveau.pem").exists()


def test_a_copy_that_cannot_be_made_puts_the_others_back(folder: Path) -> None:
    """No hook runs on half of the files."""
    deployment = deploy(folder, f"{copy('un.pem')}{copy('absent/deux.pem')}{hook('open(chr(120), chr(119))')}")
    with pytest.raises(DeploymentError, match="copie n’a pas pu être faite"):
        deployment.run(ACTE)
    assert not (folder / "un.pem").exists()
    assert not (folder / "x").exists()


def test_a_hook_that_does_not_exist_is_told(folder: Path) -> None:
    """By its name."""
    deployment = deploy(folder, '[[crochet]]\ncommande = ["/absent/recharger"]\n')
    with pytest.raises(DeploymentError, match="/absent/recharger"):
        deployment.run(ACTE)


def test_destination_is_told_without_detours(folder: Path) -> None:
    """As « parc lister » and Prometheus show it."""
    [copy] = deploy(folder, "[[copie]]\nsource = 'cle.pem'\nvers = '../nginx.pem'\n").copies
    assert copy.target == folder.parent.resolve() / "nginx.pem"


def test_no_shell_reads_a_hook(folder: Path) -> None:
    """A name with a semicolon is a name."""
    text = f"[[crochet]]\ncommande = ['{PYTHON}', '-c', 'import sys; sys.exit(len(sys.argv) != 2)', '; rm x']\n"
    deploy(folder, text).run(ACTE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[copie]]\nsource = 'autre.pem'\nvers = 'x'", "« source » est l’un de"),
        ("[[copie]]\nsource = 'cle.pem'", "« vers » est le fichier"),
        ("[[copie]]\nsource = 'cle.pem'\nvers = 'x'\nmode = '999'", "« mode » est un texte en octal"),
        ("[[copie]]\nsource = 'cle.pem'\nvers = 'x'\nmode = 640", "« mode » est un texte en octal"),
        ("[[crochet]]\ncommande = 'systemctl reload nginx'", "« commande » est une liste"),
        ("[[crochet]]\ncommande = ['x']\ndelai = 0", "« delai » est un nombre"),
        ("[[crochet]]\ncommande = ['x']\ndelai = '10'", "« delai » est un nombre"),
        ("copie = 3", r"table \[\[copie\]\]"),
        ("= =", r"TOML en UTF-8 \(ligne 1, colonne 1\)"),
        ("lieu = 'x", r"TOML en UTF-8 \(la fin manque\)"),
    ],
)
def test_a_fault_of_the_file_is_told_before_anything_is_done(folder: Path, text: str, told: str) -> None:
    """The file and what is wrong in it; no traceback, no word of Python."""
    with pytest.raises(DeploymentError, match=rf"deploiement\.toml n’est pas correct : .*{told}"):
        deploy(folder, text)
    assert not (folder / "x").exists()


def test_the_environment_of_a_hook_has_no_secret_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The passphrase of the vault stays here."""
    monkeypatch.setenv("PFCNG_COFFRE_PHRASE", "secret")
    code = 'import os, sys; sys.exit("PFCNG_COFFRE_PHRASE" in os.environ)'
    deploy(folder, hook(code)).run(ACTE)
    assert os.environ["PFCNG_COFFRE_PHRASE"] == "secret"
