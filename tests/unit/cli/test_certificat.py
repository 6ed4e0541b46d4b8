"""``pfcng certificat montrer``: what people read, what programs read, exit statuses."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from typer.testing import CliRunner, Result

from pfcng.cli import app
from support.loopback import loopback
from support.published_pki import PublishedPki, crl_path, issuer_path, make_published_pki
from unit.client.local_platform import LocalPlatform

Answers = dict[str, Callable[[bytes], bytes]]


def montrer(*arguments: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["certificat", "montrer", *map(str, arguments)], prog_name="pfcng", env=env)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[PublishedPki, Answers]]:
    answers: Answers = {}
    with loopback(answers) as url:
        pki = make_published_pki(url)
        answers[issuer_path()] = lambda _: pki.authority.public_bytes(Encoding.DER)
        yield pki, answers


@pytest.fixture
def folder(served: tuple[PublishedPki, Answers], tmp_path: Path) -> Path:
    pki, _ = served
    (tmp_path / "a.pem").write_bytes(pki.holder.public_bytes(Encoding.PEM))
    (tmp_path / "racine.pem").write_bytes(pki.root.public_bytes(Encoding.PEM))
    return tmp_path


def test_good_certificate_is_shown_whole(served: tuple[PublishedPki, Answers], folder: Path) -> None:
    """Product, structure, policy, dates, chain, state by both sources, and a DN for each tool."""
    pki, answers = served
    answers |= {crl_path(): lambda _: pki.crl(), "/ocsp": lambda _: pki.ocsp()}
    result = montrer(folder / "a.pem", "--confiance", folder / "racine.pem")
    assert result.exit_code == 0, result.output
    for expected in (
        "ORG_AUTH_CLI, test",
        "10B0221636 (FINESS)",
        "1.2.250.1.213.1.7.2.1.1.1.1 (test)",
        "de confiance",
        "OCSP : bon",
        "CRL : bon",
        "CN=INSI-MANU, OU=10B0221636, O=CENTRE DE SANTE FICTIF, S=Rhône (69), C=FR",
        f"{pki.holder.serial_number:X}",
    ):
        assert expected in result.stdout
    document: dict[str, Any] = json.loads(
        montrer(folder / "a.pem", "--confiance", folder / "racine.pem", "--json").stdout
    )
    [shown] = document["certificats"]
    assert (document["etat"], shown["produits"], shown["racine"]) == ("fait", ["ORG_AUTH_CLI"], "donnee")
    assert shown["dn_sujet"]["rfc4514"] == "CN=INSI-MANU,OU=10B0221636,O=CENTRE DE SANTE FICTIF,ST=Rhône (69),C=FR"
    assert (shown["sujet"]["cn"], shown["sujet"]["id_nat_struct"]) == ("INSI-MANU", "10B0221636")
    assert [one["etat"] for one in shown["revocation"]] == ["bon", "bon"]


def test_revoked_certificate_exits_1(served: tuple[PublishedPki, Answers], folder: Path) -> None:
    """One source is enough."""
    pki, answers = served
    answers |= {crl_path(): lambda _: pki.crl(revoked=True), "/ocsp": lambda _: pki.ocsp()}
    result = montrer(folder / "a.pem")
    assert (result.exit_code, "Le certificat est révoqué." in result.stderr) == (1, True)


def test_nobody_is_asked_when_off_line(folder: Path) -> None:
    """And it is said."""
    result = montrer(folder / "a.pem", "--hors-ligne")
    assert (result.exit_code, "non demandée" in result.stdout) == (0, True)


def test_expired_certificate_exits_1(tmp_path: Path) -> None:
    """It cannot be renewed any more (guide §17)."""
    old = make_published_pki("http://127.0.0.1:1", not_before=datetime(2020, 1, 1, tzinfo=UTC))
    (tmp_path / "a.pem").write_bytes(old.holder.public_bytes(Encoding.PEM))
    result = montrer(tmp_path / "a.pem", "--hors-ligne")
    assert (result.exit_code, "ne peut plus être renouvelé" in result.stderr) == (1, True)


def test_serial_number_that_is_not_positive_is_told_without_a_word_of_english(
    served: tuple[PublishedPki, Answers], tmp_path: Path
) -> None:
    """RFC 5280 §4.1.2.2; cryptography warns programmers of it."""
    holder = served[0].holder
    der, serial = bytearray(holder.public_bytes(Encoding.DER)), holder.serial_number
    der[der.index(serial.to_bytes(serial.bit_length() // 8 + 1, "big"))] = 0x80  # never a byte too many, as 0xFF may be
    file = tmp_path / "negatif.der"
    file.write_bytes(der)
    command = [sys.executable, "-m", "pfcng", "certificat", "montrer", str(file), "--hors-ligne"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("Le numéro de série n’est pas positif"), done.stderr


def test_pkcs12_takes_its_password_from_the_environment(served: tuple[PublishedPki, Answers], tmp_path: Path) -> None:
    """Never from the command line."""
    pki, _ = served
    content = pkcs12.serialize_key_and_certificates(
        None, pki.holder_key, pki.holder, None, BestAvailableEncryption(b"secret")
    )
    (tmp_path / "a.p12").write_bytes(content)
    arguments = (tmp_path / "a.p12", "--hors-ligne", "--mot-de-passe-env", "MDP")
    assert montrer(*arguments, env={"MDP": "secret"}).exit_code == 0
    assert montrer(*arguments, env={"MDP": "faux"}).exit_code == 2
    assert montrer(*arguments).exit_code == 2
    assert montrer(tmp_path / "a.p12", "--hors-ligne").exit_code == 2


def test_file_at_an_address_and_server_are_shown(
    served: tuple[PublishedPki, Answers], platform: LocalPlatform, folder: Path
) -> None:
    """An authority where it is published; the certificate of a TLS server, which is none of the IGC-Santé's."""
    pki, _ = served
    url = f"http://{folder.name}"
    assert montrer(url).exit_code == 3
    host = platform.url.rpartition("/")[0]
    result = montrer(host, "--hors-ligne")
    assert (result.exit_code, "aucun : l’émetteur" in result.stdout) == (0, True)
    assert montrer("https://localhost:1").exit_code == 3
    assert montrer("https://").exit_code == 2
    assert pki.root


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\n"])
def test_what_is_no_certificate_exits_2(tmp_path: Path, content: str) -> None:
    """Also a file that does not exist."""
    (tmp_path / "a").write_text(content)
    assert montrer(tmp_path / "a").exit_code == 2
    assert montrer(tmp_path / "absent").exit_code == 2
    assert montrer(tmp_path / "absent", "--confiance", tmp_path / "absent").exit_code == 2


def test_server_that_does_not_answer_is_told_in_french() -> None:
    """What the network says is no name of a Python class."""
    done = montrer("https://127.0.0.1:1")
    assert done.exit_code == 3
    assert "Pas de certificat TLS à 127.0.0.1:1 : connexion refusée." in done.output
    done = montrer("http://127.0.0.1:1/ac.cer")
    assert done.exit_code == 3
    assert "http://127.0.0.1:1/ac.cer : pas de réponse." in done.output
