"""The life of a certificate by the commands, on a running sandbox."""

import json
import shutil
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from pfcng.client.dossier import Dossier, Etape
from pfcng.contract.catalogue import TypeDemande
from support.live import Sandbox
from support.parc import Run, demandes_named, obtain

ALL = "1200j"
"""Every certificate of three years is due."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "parc"


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path, home: Path) -> Path:
    """A certificate just obtained."""
    obtained = obtain(sandbox, tmp_path / "insi", home, "--p12-ancien", "--json", name=f"parc-{uuid.uuid4().hex[:12]}")
    assert obtained.status == 0, obtained.stdout
    return tmp_path / "insi"


def serial(folder: Path) -> int:
    return x509.load_pem_x509_certificate((folder / "certificat.pem").read_bytes()).serial_number


def password(folder: Path, home: Path) -> str:
    return Run("coffre", "montrer", folder, "--champ", "mot-de-passe", "--parc", home).stdout.strip()


def renew(home: Path, *options: object) -> Run:
    return Run("parc", "renouveler", "--avant", ALL, "--parc", home, "--json", *options)


def test_every_form_is_there_private_and_named_as_the_platform_does(folder: Path, home: Path, sandbox: Sandbox) -> None:
    """Domain facts on the PKCS#12 of the IHM; nobody else reads a key."""
    names = {path.name for path in folder.iterdir() if path.is_symlink()}
    assert names == {
        *("cle.pem", "certificat.pem", "chaine.pem", "chaine-complete.pem", "certificat.p12", "certificat-ancien.p12")
    }
    [modern] = folder.glob("asip-p12-EL-TEST-ORG-AUTH_CLI-????????-??????.p12")
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    chain = x509.load_pem_x509_certificates((folder / "chaine.pem").read_bytes())
    assert [one.subject.rfc4514_string().partition(",")[0] for one in chain] == [
        "CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
        "CN=TEST AC RACINE IGC-SANTE ELEMENTAIRE",
    ]
    secret = password(folder, home).encode()
    for file in (modern, folder / "certificat-ancien.p12"):
        key, certificate, authorities = pkcs12.load_key_and_certificates(file.read_bytes(), secret)
        assert certificate is not None
        assert key is not None
        assert certificate.public_key() == key.public_key()
        assert len(authorities) == 2
    assert sandbox.anchors.exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)")
def test_openssl_reads_the_forms(folder: Path, home: Path, sandbox: Sandbox) -> None:
    """The chain verifies; the modern PKCS#12 needs no old algorithm, the other one is 3DES."""
    command = ["openssl", "verify", "-CAfile", str(sandbox.anchors), "-untrusted", str(folder / "chaine.pem")]
    verified = subprocess.run([*command, str(folder / "certificat.pem")], capture_output=True, text=True, check=False)
    assert verified.stdout.endswith(": OK\n")
    secret = f"pass:{password(folder, home)}"
    read = ["openssl", "pkcs12", "-info", "-noout", "-passin", secret, "-in"]
    modern = subprocess.run([*read, folder / "certificat.p12"], capture_output=True, text=True, check=False)
    assert modern.returncode == 0, modern.stderr
    assert "AES-256-CBC" in modern.stderr
    old = subprocess.run(
        [*read, folder / "certificat-ancien.p12", "-legacy"], capture_output=True, text=True, check=False
    )
    assert "pbeWithSHA1And3-KeyTripleDES-CBC" in old.stderr


def test_obtenir_never_mixes_two_products(folder: Path, home: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    """A folder that holds something is told with what to do about it; nothing is sent."""
    again = obtain(sandbox, folder, home, "--json")
    assert (again.status, "pfcng renouveler" in again.document["conseil"]) == (2, True)
    (tmp_path / "plein").mkdir()
    (tmp_path / "plein" / "note.txt").write_text("à garder")
    full = obtain(sandbox, tmp_path / "plein", home, "--json")
    assert (full.status, full.document["message"].endswith("donnez un nouveau dossier à --sortie.")) == (2, True)


def test_refused_order_leaves_no_key_and_can_be_given_again(sandbox: Sandbox, tmp_path: Path, home: Path) -> None:
    """The same folder takes the mended order."""
    refused = obtain(sandbox, tmp_path / "x", home, "--upn", "a@hopital.example", "--json")
    assert (refused.status, refused.document["code"]) == (1, "WSMG-00000036")
    assert refused.document["conseil"] == "Retirez --upn."
    assert not list((tmp_path / "x").glob("*.pem"))
    assert Run("coffre", "lister", "--parc", home, "--json").document["entrees"] == []
    assert Run("parc", "lister", "--parc", home, "--json").document["certificats"][0]["etat"] == "refusé"
    assert obtain(sandbox, tmp_path / "x", home, "--json").status == 0


def test_wrong_passphrase_stops_before_anything_is_made(folder: Path, home: Path, tmp_path: Path) -> None:
    """No key, no demande without a vault that takes the code."""
    env = {"PFCNG_COFFRE_PHRASE": "une autre phrase"}
    refused = Run("renouveler", folder, "--parc", home, "--json", env=env)
    assert (refused.status, Dossier.load(folder).dernier.etape) == (2, Etape.TERMINEE)
    none = Run("renouveler", folder, "--parc", home, "--json", env={"PFCNG_COFFRE_PHRASE": ""})
    assert (none.status, "--phrase-fichier" in none.document["message"]) == (2, True)
    (tmp_path / "phrase").touch(mode=0o600)
    (tmp_path / "phrase").write_text("une phrase secrète\n")
    shown = Run("coffre", "montrer", folder, "--parc", home, "--phrase-fichier", tmp_path / "phrase")
    assert shown.status == 0


def test_what_is_due_is_renewed_under_the_same_names(folder: Path, home: Path) -> None:
    """New key, same layout, same password of the PKCS#12, another revocation code; nothing more the next time."""
    before, secret, key = serial(folder), password(folder, home), (folder / "cle.pem").read_bytes()
    early = Run("parc", "renouveler", "--parc", home, "--json")
    assert (early.status, early.document["certificats"]) == (0, [])
    announced = renew(home, "--simuler")
    assert (announced.status, serial(folder)) == (0, before)
    renewed = renew(home)
    assert renewed.status == 0, renewed.stdout
    assert serial(folder) != before
    assert (folder / "cle.pem").read_bytes() != key
    assert password(folder, home) == secret
    codes = [acte.identifiant for acte in Dossier.load(folder).actes]
    shown = {Run("coffre", "montrer", code, "--champ", "code", "--parc", home).stdout for code in codes}
    assert len(shown) == 2
    assert len(list(folder.glob("asip-p12-EL-*.p12"))) == 2


def test_failing_hook_keeps_the_old_certificate_and_orders_no_third(folder: Path, home: Path, tmp_path: Path) -> None:
    """Exit status 4, old names back, hooks told; the next run deploys what was obtained."""
    log = tmp_path / "journal"
    code = (
        "import os,sys; step=os.environ['PFCNG_ETAPE'];"
        "open(sys.argv[1],'a').write(step+' '+os.environ['PFCNG_NUMERO_SERIE']+'\\n');"
        "sys.exit(os.path.exists(sys.argv[2]) and step=='deployer')"
    )
    broken = tmp_path / "en-panne"
    broken.touch()
    command = json.dumps([sys.executable, "-c", code, str(log), str(broken)])
    copy = f'[[copie]]\nsource = "certificat.pem"\nvers = "{tmp_path}/nginx.pem"\n'
    (folder / "deploiement.toml").write_text(f'lieu = "serveur 1"\n{copy}[[crochet]]\ncommande = {command}\n')
    before = serial(folder)
    failed = renew(home)
    assert (failed.status, failed.document["etat"]) == (4, "deploiement")
    assert serial(folder) == before
    assert not (tmp_path / "nginx.pem").exists()
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["deployer", "retablir"]
    listed = Run("parc", "lister", "--parc", home, "--json").document["certificats"][0]
    assert "Le crochet" in listed["detail"]
    assert listed["lieux"] == ["serveur 1", f"{tmp_path}/nginx.pem"]
    broken.unlink()
    assert Run("parc", "renouveler", "--parc", home, "--json").status == 0
    assert serial(folder) != before
    assert x509.load_pem_x509_certificate((tmp_path / "nginx.pem").read_bytes()).serial_number == serial(folder)
    assert len(Dossier.load(folder).actes) == 2
    assert Run("parc", "deployer", folder, "--json").status == 0


def test_one_failure_does_not_keep_the_others_from_being_renewed(folder: Path, home: Path, tmp_path: Path) -> None:
    """Each is told; the exit status is that of the worst."""
    Run("parc", "ajouter", folder, "--parc", home)
    inventory = json.loads((home / "parc.json").read_text())
    inventory["dossiers"].insert(0, str(tmp_path / "disparu"))
    (home / "parc.json").write_text(json.dumps(inventory))
    before = serial(folder)
    renewed = renew(home)
    assert renewed.status == 2
    assert [one["etat"] for one in renewed.document["certificats"]] == ["usage", "fait"]
    assert serial(folder) != before
    assert Run("parc", "oublier", tmp_path / "disparu", "--parc", home, "--json").status == 0
    assert Run("parc", "renouveler", "--parc", home, "--json").status == 0


def test_revoked_certificate_is_not_renewed(folder: Path, home: Path) -> None:
    """By the command, which asks first, or as the platform shows it."""
    unconfirmed = Run("revoquer", folder, "--motif", "FIN_DACTIVITE", "--json")
    assert (unconfirmed.status, "--oui" in unconfirmed.document["message"]) == (2, True)
    revoked = Run("revoquer", folder, "--motif", "AUTRE", "--description", "Essai.", "--oui", "--json")
    assert revoked.status == 0, revoked.stdout
    assert Run("renouveler", folder, "--parc", home, "--json").status == 1
    [line] = Run("parc", "lister", "--parc", home, "--json").document["certificats"]
    assert (line["etat"], line["detail"]) == ("révoqué", "")  # there is nothing left to do
    assert renew(home).document["certificats"] == []
    again = Run("revoquer", folder, "--motif", "PERTE", "--oui", "--json")
    assert (again.status, again.document["code"]) == (1, "WSMG-00000012")
    assert "rien à révoquer" in again.document["conseil"]


@pytest.mark.usefixtures("folder")
def test_inventory_shows_what_the_platform_has_and_no_folder_holds(
    home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    """What was obtained otherwise is due to expire as well."""
    other = f"ailleurs-{uuid.uuid4().hex[:12]}"
    assert obtain(sandbox, tmp_path / "ailleurs", tmp_path / "autre-parc", "--json", name=other).status == 0
    assert Run("parc", "actualiser", "--parc", home, "--json").status == 0
    lines = Run("parc", "lister", "--parc", home, "--json").document["certificats"]
    assert [line["etat"] for line in lines if line["nom"] == "insi"] == ["actif"]
    assert [line["etat"] for line in lines if line["application"] == other] == ["inconnu du parc"]
    exported = Run("parc", "exporter", "--format", "csv", "--parc", home)
    assert other in exported.stdout
    file = tmp_path / "pfcng.prom"
    assert Run("parc", "exporter", "--format", "prometheus", "--sortie", file, "--parc", home).status == 0
    assert "pfcng_certificat_fin_validite_timestamp_seconds{" in file.read_text()
    assert Run("parc", "exporter", "--format", "xls", "--parc", home).status == 2


def test_certificate_without_a_folder_is_renewed_and_revoked_by_its_file(
    folder: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    """What another tool obtained is not left alone."""
    profile = sandbox.path(sandbox.description["profils"]["cpa-editeur"])
    mails = ("--mail-demandeur", "a@hopital.example", "--mail-informer", "b@hopital.example")
    target = ("--profil", profile, "--certificat", folder / "certificat.pem", *mails)
    renewed = Run("renouveler", *target, "--generer-cle", tmp_path / "neuf.key", "--json")
    assert renewed.status == 0, renewed.stdout
    withdrawn = Run(
        *("retirer", "--profil", profile, "--indice", renewed.document["indice_retrait"]),
        *("--sortie", tmp_path / "neuf.pem", "--code", "un code", "--json"),
    )
    assert withdrawn.status == 0, withdrawn.stdout
    assert Run("revoquer", *target, "--motif", "FIN_DACTIVITE", "--oui", "--json").status == 0
    numbers = withdrawn.document
    by_numbers = ("--profil", profile, "--aki", numbers["aki"], "--serie", numbers["numero_serie"], *mails)
    assert Run("revoquer", *by_numbers, "--motif", "FIN_DACTIVITE", "--oui", "--json").status == 0
    ambiguous = Run(
        "revoquer", folder, "--certificat", folder / "certificat.pem", "--motif", "PERTE", "--oui", "--json"
    )
    assert ambiguous.status == 2


def test_suivre_lists_what_was_done(folder: Path, sandbox: Sandbox) -> None:
    """For people and for programs."""
    name = Dossier.load(folder).demande.nom_applicatif or ""
    assert len(demandes_named(sandbox, name, TypeDemande.PRODUITS)) == 1
    profile = sandbox.path(sandbox.description["profils"]["cpa-editeur"])
    options = ("--profil", profile, "--offre", "ORG", "--struct", "1750099012", "--type", "PRODUITS")
    document = Run("suivre", *options, "--json").document
    assert document["complet"] is True
    assert [line["etat"] for line in document["resultats"] if line["nom_applicatif"] == name] == ["Produit actif"]
    assert name in Run("suivre", *options).stdout
    assert Run("suivre", *options, "--date", "2020-01-01").stdout == "Aucune ligne.\n"
    refused = Run("suivre", "--profil", profile, "--offre", "ORG", "--json")
    assert (refused.status, refused.document["code"]) == (1, "WSMG-00000005")


def test_units_name_this_program(tmp_path: Path) -> None:
    """Ready for systemctl enable."""
    assert Run("parc", "systemd", "--sortie", tmp_path, "--json").status == 0
    service = (tmp_path / "pfcng-parc.service").read_text()
    assert "@PFCNG@" not in service
    assert " parc renouveler --avant 60j\n" in service
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", tmp_path / "pfcng-parc.timer"], capture_output=True, text=True, check=False
        )
        assert "pfcng-parc" not in checked.stderr


def test_expired_tls_card_is_told_as_such(sandbox: Sandbox, tmp_path: Path, home: Path) -> None:
    """The date of the card rather than an alert of TLS."""
    profile = sandbox.path(sandbox.description["profils"]["cps-expiree"])
    refused = Run("suivre", "--profil", profile, "--offre", "PS", "--json")
    assert refused.status == 3
    assert "Le certificat de [tls] a expiré le " in refused.document["message"]
    assert not (tmp_path / "x").exists()
    assert not home.exists()
