"""What keeps ``pfcng serve`` from starting, and ``pfcng config verifier``, which finds it before."""

import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pfcng.settings.kinds import SANDBOX_KEY
from support.igc_service import to_toml
from support.serve import Installation, run


def write(folder: Path, told: dict[str, Any], *, mode: int = 0o600) -> Path:
    """A file of settings."""
    file = folder / "pfcng.toml"
    file.write_text(to_toml(told), "utf-8")
    file.chmod(mode)
    return file


def faults(text: str) -> list[str]:
    """The lines below the first."""
    return [line.strip() for line in text.splitlines()[1:]]


@pytest.fixture
def imprudent(installation: Installation, tmp_path: Path) -> Path:
    """Settings with one fault of each kind that a look at the files themselves finds."""
    told = installation.told(dsn="postgresql://pfcng:tres-secret@base/pfcng", inconnu=1, ecoute="partout")
    open_key, sandbox_key = tmp_path / "ouverte.key", tmp_path / "sable.key"
    shutil.copy(told["serveur"]["cle"], open_key)
    open_key.chmod(0o644)
    sandbox_key.write_bytes(SANDBOX_KEY + Path(told["emettrices"][0]["cle"]).read_bytes())
    sandbox_key.chmod(0o600)
    told["serveur"]["cle"] = str(open_key)
    told["emettrices"][0]["cle"] = str(sandbox_key)
    told["emettrices"][1]["certificat"] = "absent.pem"
    told["publication"]["http"] = "http://igc.exemple.fr/"
    told["courrier"] = {
        "expediteur": "a@b.example",
        "serveur": "relais.example",
        "utilisateur": "u",
        "mot_de_passe": "tres-secret",
    }
    return write(tmp_path, told, mode=0o644)


def test_every_imprudence_is_told_at_once_and_no_secret(imprudent: Path) -> None:
    """Names, addresses, files that are not there or open to all, keys of a sandbox, secrets in clear: all refused."""
    folder = imprudent.parent
    opened = "ouvert à tous les comptes de la machine : chmod o="
    expected = {
        "dsn": f"un mot de passe dans un fichier {opened}, ou passfile=…, ou la variable PFCNG_DSN",
        "ecoute": "adresse et port attendus, comme 127.0.0.1:9443",
        "serveur.cle": f"le fichier {folder / 'ouverte.key'} est {opened} {folder / 'ouverte.key'}",
        "emettrices.0.cle": f"{folder / 'sable.key'} est la clé d’une autorité de bac à sable",
        "emettrices.1.certificat": f"le fichier {folder / 'absent.pem'} n’existe pas",
        "publication.http": "adresse attendue, comme http://igc.example, sans « / » final",
        "courrier.mot_de_passe": "un secret en clair n’a pas sa place dans ce fichier : donnez la forme …_fichier "
        "ou …_env",
        "inconnu": "nom inconnu",
    }
    for command in (["config", "verifier"], ["serve", "--config"]):
        refused = run(*command, imprudent)
        assert refused.returncode == 2
        assert dict(line.split(" : ", 1) for line in faults(refused.stderr)) == expected
        assert "tres-secret" not in refused.stderr


def test_variable_that_is_no_setting_is_refused(installation: Installation, tmp_path: Path) -> None:
    """A typing mistake would leave a default in force, in silence; the value is not told."""
    config = write(tmp_path, installation.told())
    for command in (("config", "verifier"), ("serve", "--config"), ("migrer", "--config")):
        refused = run(*command, config, PFCNG_BASE__DNS="tres-secret")
        assert refused.returncode == 2
        assert faults(refused.stderr) == ["PFCNG_BASE__DNS : nom inconnu"]


def test_verification_opens_keys_and_certificates(installation: Installation, tmp_path: Path) -> None:
    """A key of another certificate, a file that is none, a holder that is no authority, beside a name that is wrong."""
    told = installation.told(inconnu=1)
    (tmp_path / "rien.pem").write_text("rien")
    told["serveur"]["cle"] = told["emettrices"][0]["cle"]
    told["emettrices"][0]["cle"] = told["emettrices"][1]["cle"]
    told["emettrices"][1] = {
        "certificat": str(installation.pki.clients["editeur"].certificate),
        "cle": str(installation.pki.clients["editeur"].key),
    }
    told["confiance"]["racines"] = ["rien.pem"]
    told["courrier"] |= {"autorites": "rien.pem"}
    refused = run("config", "verifier", write(tmp_path, told))
    assert refused.returncode == 2
    assert faults(refused.stderr) == [
        "inconnu : nom inconnu",
        "serveur : OpenSSL refuse le certificat ou la clé (KEY_VALUES_MISMATCH)",
        f"confiance : Le fichier {tmp_path / 'rien.pem'} n’a pas de certificat au format PEM.",
        f"courrier : Le fichier {tmp_path / 'rien.pem'} n’a pas de certificat au format PEM.",
        "emettrices.0 : La clé privée ne correspond pas au certificat.",
        "emettrices.1 : « editeur.example » n’est pas une autorité de l’IGC-Santé.",
    ]


def test_verification_tries_the_templates_of_the_mails(installation: Installation, tmp_path: Path) -> None:
    """Each fault with its file and its line; a start works on, for a wrong template stops its own mails alone."""
    (tmp_path / "rappel.txt.j2").write_text("Bonjour,\n{{ inconnu }}", "utf-8")
    (tmp_path / "nmg_5.txt.j2").write_text("Bonjour", "utf-8")
    courrier = {"expediteur": "a@b.example", "dossier": str(tmp_path / "courrier"), "modeles": str(tmp_path)}
    refused = run("config", "verifier", write(tmp_path, installation.told(courrier=courrier)))
    assert refused.returncode == 2
    assert faults(refused.stderr) == [
        "courrier.modeles : nmg_5.txt.j2 : ne remplace aucun modèle",
        "courrier.modeles : rappel.txt.j2, ligne 2 : ce courriel n’a pas de « inconnu »",
    ]


def test_settings_that_serve_are_found_good(installation: Installation, tmp_path: Path) -> None:
    """What `config verifier` accepts, `serve` starts with: the other tests do."""
    good = run("config", "verifier", write(tmp_path, installation.told()))
    assert (good.returncode, good.stderr) == (0, "")


def test_database_of_another_revision_is_refused(installation: Installation, postgres: str, tmp_path: Path) -> None:
    """Older: « pfcng migrer », which alone makes tables; newer: a newer program. Exit status 2."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE revisions")
    dsn = make_conninfo(installation.dsn, dbname="revisions")
    config = write(tmp_path, installation.told(dsn=dsn))
    for command in ("serve", "worker"):
        refused = run(command, "--config", config)
        assert (refused.returncode, "lancez « pfcng migrer »" in refused.stderr) == (2, True)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    refused = run("serve", "--config", config)
    assert (refused.returncode, "version plus récente de pfcng (révision 9999)" in refused.stderr) == (2, True)


def test_reason_a_process_cannot_start_is_told_once(installation: Installation, tmp_path: Path) -> None:
    """Two processes find it; the node ends, and none is left."""
    told = installation.told()
    told["emettrices"][0]["cle"] = told["emettrices"][1]["cle"]
    refused = run("serve", "--config", write(tmp_path, told))
    assert refused.returncode == 2
    assert refused.stderr.count("La clé privée ne correspond pas au certificat.") == 1


def test_address_that_is_taken_is_refused(installation: Installation, tmp_path: Path) -> None:
    """Before anything is loaded; exit status 3."""
    refused = run("serve", "--config", write(tmp_path, installation.told(ecoute="192.0.2.1:443")))
    assert refused.returncode == 3
    assert "ecoute : impossible d’écouter sur 192.0.2.1:443 (ce n’est pas une adresse de ce poste)" in refused.stderr
