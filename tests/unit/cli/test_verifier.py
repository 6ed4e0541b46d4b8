"""``pfcng verifier``: exit statuses, what people read, what programs read."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pfcng.cli import app
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import RequeteDemandeCertificats, RequeteRenouvellementCertificat
from pfcng.xml.codec import encode
from pfcng.xml.soap import wrap
from support.csrs import make_csr, make_key
from support.demandes import demande_for

ORDER = (
    *("--offre", "ORG", "--usage", "AUTH_CLI", "--struct", "1750099012", "--nom-applicatif", "INSI-AUTO"),
    *("--mail-demandeur", "a@hopital.example", "--mail-informer", "b@hopital.example"),
)
ORG = Product(Offre.ORG, Usage.AUTH_CLI)


def verifier(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["verifier", *map(str, arguments)], prog_name="pfcng")


def document(*arguments: object) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(verifier(*arguments, "--json").stdout)
    return read


def test_right_demande_exits_0(tmp_path: Path) -> None:
    """With its CSR, which was looked at."""
    (tmp_path / "a.csr").write_text(make_csr())
    result = verifier(*ORDER, "--csr", tmp_path / "a.csr")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Rien à corriger ; aucun doute.")


def test_faults_exit_1_with_the_platform_s_codes() -> None:
    """All of them at once."""
    result = verifier("--offre", "SERV", "--usage", "SIGN", "--upn", "x")
    assert result.exit_code == 1
    for code in ("05", "32", "35", "36", "37"):
        assert f"WSMG-000000{code}" in result.stderr
    read = document("--offre", "SERV", "--usage", "SIGN", "--upn", "x")
    assert read.keys() == {"etat", "operation", "code", "message", "diagnostic", "incident", "objets"}
    assert read["etat"] == "refus"
    assert {"gravite", "element", "code", "texte"} == set(read["objets"][0]["remarques"][0])


def test_csr_file_is_verified_alone(tmp_path: Path) -> None:
    """And compared with what is known."""
    key = make_key()
    (tmp_path / "a.csr").write_text(make_csr(key))
    (tmp_path / "b.csr").write_text(make_csr(key, subject="autre"))
    assert verifier(tmp_path / "a.csr").exit_code == 0
    assert verifier(tmp_path / "a.csr", "--connus", tmp_path / "b.csr").exit_code == 1


def test_lot_in_xml_is_verified_demande_by_demande(tmp_path: Path) -> None:
    """A key that is there twice is told at its second place."""
    pem = make_csr()
    lot = RequeteDemandeCertificats(demandes=(demande_for(ORG, pem), demande_for(ORG, pem)))
    (tmp_path / "lot.xml").write_bytes(wrap(encode(lot)))
    found = document(tmp_path / "lot.xml")["objets"]
    assert [one["objet"] for one in found] == [
        "Requête demanderCertificats",
        "Demande 1, ORG_AUTH_CLI",
        "Demande 2, ORG_AUTH_CLI",
    ]
    assert any("demande 1 de ce lot" in one["texte"] for one in found[2]["remarques"])


def test_other_requests_are_verified_too(tmp_path: Path) -> None:
    """A renewal: its addresses and its CSR."""
    request = RequeteRenouvellementCertificat(
        aki="AB" * 20, numero_serie="1F", mail_demandeur="a@b.fr", mail_personne_a_informer="a@b.fr", csr="faux"
    )
    (tmp_path / "r.xml").write_bytes(wrap(encode(request)).replace(b"a@b.fr", b"a@b", 1))
    codes = [one["code"] for one in document(tmp_path / "r.xml")["objets"][0]["remarques"]]
    assert codes == ["WSMG-00000005", "WSMG-00000009"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("--offre", "ORG"), ("absent.csr",), (*ORDER, "--csr", "absent.csr"), (*ORDER, "--domaine", "a@b")],
)
def test_what_cannot_be_verified_exits_2(arguments: tuple[str, ...]) -> None:
    """Nothing, half a demande, no file, no domain."""
    assert verifier(*arguments).exit_code == 2


def test_private_key_given_by_mistake_is_not_read(tmp_path: Path) -> None:
    """It is no thing to send."""
    (tmp_path / "a.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    assert "gardez-la" in verifier(tmp_path / "a.key").stderr
