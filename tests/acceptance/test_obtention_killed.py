"""An obtention killed at each of its steps is taken up again, without a second demande (docs/client.md)."""

import signal
import subprocess
import uuid
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pfcng.client.dossier import Dossier, Etape
from pfcng.contract.catalogue import TypeDemande
from support.drivers import driver, driver_environment
from support.live import Sandbox
from support.parc import ENVIRONMENT, Run, demandes_named

STEPS = (
    *(Etape.PREPAREE, Etape.SECRETS, Etape.CLE, Etape.DEMANDE, Etape.INDICE, Etape.RETRAIT, Etape.RETIRE),
    *(Etape.FICHIERS, Etape.BASCULE, Etape.TERMINEE),
)
POINTS = [f"{when}:{step}" for step in STEPS for when in ("avant", "apres") if f"{when}:{step}" != "avant:preparee"]


def kill(sandbox: Sandbox, point: str, folder: Path, home: Path, name: str) -> None:
    profile = sandbox.path(sandbox.description["profils"]["cpa-editeur"])
    arguments = (point, str(profile), str(folder), str(home), name)
    command = driver("obtention_driver", *arguments)
    environment = driver_environment(**ENVIRONMENT)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr + done.stdout


def check_pair(folder: Path) -> x509.Certificate:
    """The certificate in service, whose key is beside it."""
    certificate = x509.load_pem_x509_certificate((folder / "certificat.pem").read_bytes())
    key = load_pem_private_key((folder / "cle.pem").read_bytes(), None)
    assert certificate.public_key() == key.public_key()
    return certificate


@pytest.mark.parametrize("point", POINTS)
def test_obtention_killed_anywhere_ends_with_one_demande(sandbox: Sandbox, tmp_path: Path, point: str) -> None:
    """Before the writing of a step, its predecessor's act was done; after it, its own may have begun."""
    name, folder, home = f"arret-{uuid.uuid4().hex[:12]}", tmp_path / "produit", tmp_path / "parc"
    kill(sandbox, point, folder, home, name)
    resumed = Run("reprendre", folder, "--parc", home, "--json")
    assert resumed.status == 0, resumed.stdout
    check_pair(folder)
    assert len(demandes_named(sandbox, name)) == 1
    assert not [file for file in folder.iterdir() if file.name.endswith(".nouveau")]
    shown = Run("coffre", "montrer", folder, "--parc", home, "--json").document
    assert shown["code_revocation"]
    assert [entry["nom"] for entry in Run("coffre", "lister", "--parc", home, "--json").document["entrees"]] == [
        "produit"
    ]


def test_two_alike_are_told_apart_by_their_key(sandbox: Sandbox, tmp_path: Path) -> None:
    """Killed between the order and its answer, twice: the suivi shows two that may be ours, and the refusal of a second
    presentation of the key names the one that is (guide §17.4)."""  # noqa: D205, D209 - one requirement, two lines
    name = f"jumelles-{uuid.uuid4().hex[:12]}"
    folders = [tmp_path / "une", tmp_path / "deux"]
    for folder in folders:
        kill(sandbox, "avant:indice", folder, tmp_path / folder.name / "parc", name)
    for folder in folders:
        resumed = Run("reprendre", folder, "--parc", tmp_path / folder.name / "parc", "--json")
        assert resumed.status == 0, resumed.stdout
        check_pair(folder)
    accepted = [line for line in demandes_named(sandbox, name) if line.etat == "Demande close"]
    assert len(accepted) == 2


def test_certificate_lost_on_its_way_is_replaced_on_request(sandbox: Sandbox, tmp_path: Path) -> None:
    """The platform holds it for delivered: told, and renewed and revoked once somebody asked for it."""
    name, folder, home = f"perdu-{uuid.uuid4().hex[:12]}", tmp_path / "produit", tmp_path / "parc"
    kill(sandbox, "perdu", folder, home, name)
    refused = Run("reprendre", folder, "--parc", home, "--json")
    assert (refused.status, refused.document["etat"]) == (1, "refus")
    assert "--remplacer" in refused.document["conseil"]
    replaced = Run("reprendre", folder, "--remplacer", "--parc", home, "--json")
    assert replaced.status == 0, replaced.stdout
    serial = f"{check_pair(folder).serial_number:X}"
    lost, kept = Dossier.load(folder).actes
    assert (lost.etape, kept.numero_serie) == (Etape.PERDUE, serial)
    lines = {line.numero_serie: line.etat for line in demandes_named(sandbox, name, TypeDemande.PRODUITS)}
    assert lines == {lost.numero_serie: "Produit révoqué", serial: "Produit actif"}
