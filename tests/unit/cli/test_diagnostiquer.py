"""``pfcng diagnostiquer``: what people read, what programs read, exit statuses."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner, Result

from pfcng.cli import app
from support.minimal_pki import MinimalPki, crl_of
from support.raw_signature import Shape


def diagnostiquer(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diagnostiquer", *map(str, arguments)], prog_name="pfcng")


@pytest.fixture
def files(minimal_pki: MinimalPki, tmp_path: Path) -> Path:
    """A message, what is believed, a CRL; the day is that of the hierarchy."""
    (tmp_path / "message.xml").write_bytes(Shape().signed(minimal_pki.signer))
    (tmp_path / "ac.pem").write_bytes(
        b"".join(one.certificate.public_bytes(Encoding.PEM) for one in (minimal_pki.root, minimal_pki.authority))
    )
    (tmp_path / "ac.crl").write_bytes(crl_of(minimal_pki.authority, []))
    return tmp_path


def trusted(folder: Path) -> tuple[object, ...]:
    return ("--confiance", folder / "ac.pem", "--crl", folder / "ac.crl", "--date", "2026-03-02T10:00:00")


def test_good_message_exits_0_and_shows_its_octets(files: Path) -> None:
    """Every step, the canonical octets, and their files."""
    result = diagnostiquer(files / "message.xml", *trusted(files), "--canonique", files / "octets")
    assert result.exit_code == 0, result.output
    assert "La signature est bonne à toutes les étapes." in result.stdout
    assert "<indiceRetrait>59</indiceRetrait>" in result.stdout
    assert (files / "octets" / "corps.c14n").read_bytes().startswith(b"<soap:Body")
    assert (files / "octets" / "signedinfo.c14n").read_bytes().startswith(b"<ds:SignedInfo")


def test_changed_message_exits_1_with_the_step(files: Path) -> None:
    """The digest expected and the one there."""
    message = files / "message.xml"
    message.write_bytes(message.read_bytes().replace(b">59<", b">60<"))
    result = diagnostiquer(message, *trusted(files))
    assert (result.exit_code, "Condensé du Body : " in result.stderr) == (1, True)
    document = json.loads(diagnostiquer(message, *trusted(files), "--json").stdout)
    states = {one["etape"]: one["etat"] for one in document["etapes"]}
    assert (document["etat"], states["signature"], states["condense"]) == ("refus", "bon", "faute")
    assert "<indiceRetrait>60</indiceRetrait>" in document["corps"]["octets"]


def test_unknown_chain_is_no_fault(files: Path) -> None:
    """Nobody was asked, and it is said."""
    result = diagnostiquer(files / "message.xml", "--date", "2026-03-02")
    assert (result.exit_code, "ce qui a pu être vérifié" in result.stdout) == (0, True)


def test_terminal_is_not_steered_by_a_message(files: Path) -> None:
    """Control characters of a stranger are shown, not obeyed."""
    message = files / "message.xml"
    message.write_bytes(message.read_bytes().replace(b">59<", ">\u009b2J\u202e<".encode()))
    output = diagnostiquer(message, *trusted(files)).output
    assert ("\u009b" in output, "\u202e" in output, "\\u009b2J" in output) == (False, False, True)


@pytest.mark.parametrize("content", ["", "<a/>", "bonjour"])
def test_what_is_no_message_exits_1(tmp_path: Path, content: str) -> None:
    """The first step fails."""
    (tmp_path / "m.xml").write_text(content)
    assert diagnostiquer(tmp_path / "m.xml").exit_code == 1


def test_files_that_cannot_be_read_exit_2(tmp_path: Path) -> None:
    """The message, the trusted, the CRL."""
    (tmp_path / "m.xml").write_text("<a/>")
    absent = tmp_path / "absent"
    assert diagnostiquer(absent).exit_code == 2
    assert diagnostiquer(tmp_path / "m.xml", "--confiance", absent).exit_code == 2
    assert diagnostiquer(tmp_path / "m.xml", "--crl", absent).exit_code == 2
    assert diagnostiquer(tmp_path / "m.xml", "--confiance", tmp_path / "m.xml").exit_code == 2
