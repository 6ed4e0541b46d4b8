"""The life of a sandbox: start, description, stop, kill, start again, and what it refuses."""

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import Offre, Product, Usage
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox, start, stop

ORG = Product(Offre.ORG, Usage.AUTH_CLI)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder of this module's own sandbox, started again and again."""
    with shared_folder() as shared:
        yield shared / "bac"


def run_sandbox(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    return subprocess.run(
        [sys.executable, "-m", "pfcng", "sandbox", "--data", directory, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def paths_of(description: Any) -> Iterator[str]:
    """Every path that a description holds."""
    if isinstance(description, dict):
        for key, value in description.items():
            if key in {"certificat", "cle", "confiance"}:
                yield value
            elif key == "profils":
                yield from value.values()
            else:
                yield from paths_of(value)


def test_first_line_that_is_read_is_the_welcome(sandbox: Sandbox) -> None:
    """What the start does by itself is not told before it."""
    lines = sandbox.directory.with_suffix(".log").read_text("utf-8").splitlines()
    assert lines[0].startswith("Le bac à sable est prêt (")


def test_description_names_files_that_exist_beside_it(sandbox: Sandbox) -> None:
    """``sandbox.json`` version 1: relative paths, every card, server, authority, structure and profile."""
    description = sandbox.description
    assert description["version"] == 1
    paths = list(paths_of(description))
    assert all(not Path(path).is_absolute() and sandbox.path(path).is_file() for path in paths)
    assert set(description["cartes"]) == {
        "cps-medecin", "cpf-interne", "cde-directeur", "cpe-agent", "cpa-editeur", "admin-ans", "cpa-production",
        "cps-revoquee", "cps-expiree", "cpa-inconnue",
    }  # fmt: skip
    assert set(description["serveurs"]) == {"editeur", "intrus"}
    assert set(description["cartes"]) <= set(description["profils"])
    assert description["structures"]["hopital"] == {
        "id_nat": "1750099012",
        "raison_sociale": "HOPITAL FICTIF DES LILAS",
    }
    environments = {authority["environnement"] for authority in description["autorites"].values()}
    assert environments == {"TEST", "PRODUCTION"}


def test_keys_are_for_their_owner_alone(sandbox: Sandbox) -> None:
    """Private keys are not readable by group or others."""
    keys = list(sandbox.directory.rglob("*.key"))
    assert keys
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)


def test_authorities_name_themselves_an_emulator(sandbox: Sandbox) -> None:
    """Nobody can take them for the real ones: ``OU=EMULATEUR``."""
    for authority in sandbox.description["autorites"].values():
        certificate = x509.load_pem_x509_certificate(sandbox.path(authority["certificat"]).read_bytes())
        assert "OU=EMULATEUR" in certificate.subject.rfc4514_string()


def test_stopped_sandbox_goes_on_where_it_was(folder: Path) -> None:
    """Ctrl-C ends it with status 0 and takes ``sandbox.json`` away; the next start has the demandes and the keys."""
    first = start(folder)
    anchors = first.anchors.read_bytes()
    with first.client() as client:
        reply = client.demander_certificats([demande_for(ORG, make_csr())])
    assert stop(first) == 0
    assert not (folder / "sandbox.json").exists()
    second = start(folder)
    try:
        assert second.anchors.read_bytes() == anchors
        with second.client() as client:
            assert client.retirer_certificat(str(reply.demandes[0].indice_retrait), "code").certificate
    finally:
        stop(second)


def test_killed_sandbox_goes_on_where_it_was(folder: Path) -> None:
    """After SIGKILL a new start takes over the database that still runs, and what was committed is there."""
    key = make_key()
    first = start(folder)
    with first.client() as client:
        reply = client.demander_certificats([demande_for(ORG, make_csr(key))])
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    (folder / "sandbox.json").unlink()
    second = start(folder)
    try:
        with second.client() as client:
            retrait = client.retirer_certificat(str(reply.demandes[0].indice_retrait), "code")
        assert retrait.certificate.public_key() == key.public_key()
    finally:
        assert stop(second) == 0


def test_second_sandbox_over_a_folder_is_refused(sandbox: Sandbox) -> None:
    """One sentence, status 1, and the first one goes on."""
    done = run_sandbox(sandbox.directory, "--port", "0", "--http-port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Erreur : Un bac à sable est déjà ouvert dans ")
    assert sandbox.process.poll() is None


def test_taken_port_is_told_before_anything_is_made(tmp_path: Path) -> None:
    """One sentence that names the option to use, status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_sandbox(tmp_path / "bac", "--port", port, "--http-port", "0")
    assert done.returncode == 1
    assert f"Impossible d’écouter sur 127.0.0.1:{port}" in done.stderr
    assert "Choisissez un autre port avec --port." in done.stderr
    assert not (tmp_path / "bac" / "pki").exists()


def test_wrong_demonstration_file_is_refused_with_every_fault(tmp_path: Path) -> None:
    """All faults at once, in French, and nothing is loaded."""
    directory = tmp_path / "bac"
    directory.mkdir()
    (directory / "annuaire.toml").write_text(
        '[structures.a]\nid_nat = "1"\ndepartement = "999"\n[cartes.b]\ntype = "CPX"\n', "utf-8"
    )
    done = run_sandbox(directory, "--port", "0", "--http-port", "0")
    assert done.returncode == 1
    for fault in ("structures.a.raison_sociale : valeur obligatoire", "cartes.b.type : valeur hors de la liste"):
        assert fault in done.stderr


def test_proxy_that_is_configured_tells_the_peer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a configured proxy the peer is the one of Client-Cert (RFC 9440); a card's certificate opens ws-apt."""
    monkeypatch.setenv("PFCNG_PROXIES", '["127.0.0.0/8"]')
    proxied = start(folder)
    try:
        assert _through_proxy(proxied, "cpa-editeur") == 500
        assert _through_proxy(proxied, "cps-expiree") == 403
        assert _through_proxy(proxied, None) == 403
    finally:
        stop(proxied)


def test_proxy_header_of_anybody_else_counts_for_nothing(sandbox: Sandbox) -> None:
    """Without configured proxies the header is not looked at: the peer has shown no certificate."""
    assert _through_proxy(sandbox, "cpa-editeur") == 403


def _through_proxy(sandbox: Sandbox, card: str | None) -> int:
    """The status that a proxy gets for a malformed message of this card: 500 when it is admitted."""
    headers = {}
    if card is not None:
        pem = sandbox.path(sandbox.description["cartes"][card]["auth"]["certificat"]).read_bytes()
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        headers["Client-Cert"] = f":{base64.b64encode(der).decode()}:"
    context = ssl.create_default_context(cafile=sandbox.anchors)
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.post(sandbox.description["urls"]["ws_apt"], headers=headers, content=b"<").status_code


def test_description_is_json_that_any_language_reads(sandbox: Sandbox) -> None:
    """UTF-8 JSON, one object."""
    content = json.loads((sandbox.directory / "sandbox.json").read_bytes())
    assert content == sandbox.description


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("JOURNAL_ANCRE", "/nulle-part/ancre", "/nulle-part/ancre : le fichier n’existe pas."),
        ("JOURNAL_ANCRE_TOUTES_LES", "0", "PFCNG_JOURNAL_ANCRE_TOUTES_LES : nombre d’au moins 1 attendu"),
        ("PRODUIT_FERMES", '["PS_SIGN"]', "PFCNG_PRODUIT_FERMES : nom inconnu"),
        ("PROXIES", '["10.0.0.0/99"]', "PFCNG_PROXIES : réseau attendu, comme 10.0.0.0/8"),
        ("DSN", "host=127.0.0.1 port=1 password=secret", "La base de PFCNG_DSN ne peut pas servir : aucun serveur"),
        ("DSN", "postgresql://u:secret@h:secret/x", "un réglage de la chaîne de connexion n’est pas valable."),
        ("DSN", "secret", "PFCNG_DSN n’est pas une chaîne de connexion de PostgreSQL"),
    ],
)
def test_setting_that_cannot_be_followed_is_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    """One sentence with the setting or the file, never with what a connection string holds."""
    monkeypatch.setenv(f"PFCNG_{variable}", value)
    with shared_folder() as folder:
        done = run_sandbox(folder / "bac", "--port", "0", "--http-port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert not any(word in done.stderr for word in ("Traceback", "secret"))


@pytest.mark.skipif(os.name != "posix" or shutil.which("pgrep") is None, reason="looks for the server's processes")
def test_stopped_sandbox_leaves_no_server_behind(folder: Path) -> None:
    """The embedded PostgreSQL ends with the sandbox."""
    running = start(folder)
    assert stop(running) == 0
    assert subprocess.run(["pgrep", "-f", str(folder / "postgres")], capture_output=True, check=False).returncode == 1


def test_folder_may_have_spaces_accents_and_an_apostrophe(folder: Path) -> None:
    """As users name folders: the sandbox serves there, and its profiles and commands work."""
    running = start(folder.parent / "l'hôpital des Lilas")
    try:
        with running.client() as client:
            assert client.demander_certificats([demande_for(ORG, make_csr())]).statut_lot == "OK"
    finally:
        assert stop(running) == 0


def test_folder_that_the_database_refuses_is_told_in_one_sentence(tmp_path: Path) -> None:
    """The embedded server cannot live there; nothing but a sentence is left."""
    done = run_sandbox(tmp_path / "a$b", "--port", "0", "--http-port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ce chemin a un caractère « $ ». Choisissez un autre dossier." in done.stderr
    assert "Traceback" not in done.stderr
