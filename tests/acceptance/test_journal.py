"""The journal of a live platform: what requests leave in it, and the command that verifies it (docs/journal.md)."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from pfcng.client import RefusedError
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import Request, RequeteDemandeCertificats, RequeteRetraitCertificat
from pfcng.pki.keys import load_pem
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.xml import codec, dsig
from support.csrs import break_signature, make_csr
from support.demandes import demande_for
from support.folders import shared_folder
from support.journal import owner
from support.live import Sandbox, start, stop

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
CODE = "jeton-que-nul-ne-doit-lire"


def journal(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``pfcng journal …``, as it is typed."""
    return subprocess.run(
        [sys.executable, "-c", "from pfcng.cli.journal import app; app(prog_name='pfcng journal')", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def platform() -> Iterator[Sandbox]:
    """A sandbox whose journal this module may spoil; its head is anchored in a file at each seal."""
    with shared_folder() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PFCNG_JOURNAL_ANCRE", str(folder / "ancre.txt"))
        environment.setenv("PFCNG_JOURNAL_ANCRE_TOUTES_LES", "1")
        running = start(folder / "bac")
        try:
            yield running
        finally:
            stop(running)


def entries(platform: Sandbox) -> list[dict[str, object]]:
    """The journal, and the waiting digests and seals with it."""
    dsn = EmbeddedPostgres(platform.directory / "postgres").dsn
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return [
            row
            for table in ("journal", "journal_attente", "journal_sceau")
            for row in connection.execute(f"TABLE {table}".encode()).fetchall()
        ]


def send_wrong(platform: Sandbox, request: Request, element: str, value: str) -> None:
    """A signed message that the schema refuses for the value of one element, which no client of ours would send."""
    payload = codec.encode(request)
    [wrong] = payload.iter(element)
    wrong.text = value
    card, server = platform.description["cartes"]["cpa-editeur"]["sign"], platform.description["serveurs"]["editeur"]
    signer = load_pem(platform.path(card["certificat"]), platform.path(card["cle"]))
    context = ssl.create_default_context(cafile=platform.anchors)
    context.load_cert_chain(platform.path(server["certificat"]), platform.path(server["cle"]))
    message = dsig.sign(payload, certificate=signer.certificate, key=signer.key)
    with httpx.Client(verify=context, trust_env=False) as client:
        reply = client.post(
            platform.description["urls"]["ws_srv"], content=message, headers={"Content-Type": "text/xml; charset=utf-8"}
        )
    assert "WSMG-00000005" in reply.text


def test_no_secret_and_no_csr_enters_the_journal(platform: Sandbox) -> None:
    """Accepted and refused requests, through TLS and signatures: nothing of their contents."""
    csrs = [make_csr() for _ in range(4)]
    mail = "nul-ne-doit-lire@hopital.example"
    with platform.client() as client:
        [demande] = client.demander_certificats(
            [demande_for(ORG, csrs[0], mail_demandeur=mail, mail_personne_a_informer=mail)]
        ).demandes
        retrait = client.retirer_certificat(demande.indice_retrait or "", CODE)
        for refused in (
            demande_for(ORG, csrs[0]),
            demande_for(ORG, break_signature(csrs[1])),
            demande_for(ORG, csrs[2][: len(csrs[2]) // 2]),
            demande_for(ORG, "bWFsIGNvZMOp" * 4),
            demande_for(ORG, csrs[3] + csrs[3] * 2),
        ):
            with suppress(RefusedError):  # a lot refused whole raises
                assert client.demander_certificats([refused]).statut_lot == "KO"
        for indice in (demande.indice_retrait, "999999"):
            with pytest.raises(RefusedError):
                client.retirer_certificat(indice or "", CODE)
    lot = RequeteDemandeCertificats(demandes=(demande_for(ORG, csrs[3], mail_demandeur=mail),))
    retraits = RequeteRetraitCertificat(indice_retrait="1", code_revocation=CODE)
    send_wrong(platform, lot, "mailDemandeur", f"{mail} {CODE}")
    send_wrong(platform, retraits, "codeRevocation", CODE * 9)
    told = str(entries(platform))
    bodies = ["".join(csr.splitlines()[1:-1]) for csr in csrs]
    pieces = [body[place : place + 24] for body in bodies for place in range(0, len(body) - 24, 24)]
    for secret in (*pieces, CODE, mail, "BEGIN", "argon2", retrait.pem.splitlines()[4]):
        assert secret not in told
    refusals = [row for row in entries(platform) if row.get("resultat") == "refusé"]
    assert len(refusals) == 9
    assert {row["code"] for row in refusals} >= {"WSMG-00000005", "WSMG-00000009", "WSMG-00000011", "WSMG-00000027"}


def test_verification_of_a_live_platform_finds_it_whole(platform: Sandbox, tmp_path: Path) -> None:
    """Beside its requests, by folder or by connection string; the tail is sealed by the platform itself."""
    dsn = EmbeddedPostgres(platform.directory / "postgres").dsn
    by_folder = journal("verifier", "--data", platform.directory)
    assert (by_folder.returncode, by_folder.stderr) == (0, "")
    assert "Le journal est entier." in by_folder.stdout
    report = json.loads(journal("verifier", "--base", dsn, "--json").stdout)
    assert (report["etat"], report["faute"], report["role"]) == ("fait", None, True)
    sealed = json.loads(journal("sceller", "--base", dsn, "--json").stdout)
    assert sealed["etat"] == "fait"
    anchored = json.loads(
        journal("verifier", "--base", dsn, "--ancre", platform.directory.parent / "ancre.txt", "--json").stdout
    )
    assert (anchored["etat"], anchored["faute"], anchored["ancres"] > 0) == ("fait", None, True)
    anchor = tmp_path / "ancre"
    anchor.write_text(f"1 2026-01-01T00:00:00+00:00 {'0' * 64}\n")
    other = journal("verifier", "--base", dsn, "--ancre", anchor)
    assert (other.returncode, other.stdout) == (1, "")
    assert "entrée 1 (rang 1) : autre que dans l’ancre." in other.stderr


def test_tampering_is_told_with_status_1(platform: Sandbox) -> None:
    """The first entry in fault and what was done to it, for people and for programs."""
    dsn = EmbeddedPostgres(platform.directory / "postgres").dsn
    assert journal("sceller", "--base", dsn).returncode == 0
    with owner(dsn) as connection:
        connection.execute(
            "UPDATE journal SET detail = 'autre' WHERE id = (SELECT entree FROM journal_sceau WHERE rang = 2)"
        )
    told = journal("verifier", "--base", dsn)
    assert (told.returncode, told.stdout) == (1, "")
    assert "Le journal est en faute : entrée" in told.stderr
    assert "(rang 2) : changée." in told.stderr
    report = json.loads(journal("verifier", "--base", dsn, "--json").stdout)
    assert (report["etat"], report["faute"], report["rang"], report["scellees"]) == ("refus", "changée", 2, 1)


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ((), 2, "Donnez soit --base, soit --data, ou la variable PFCNG_DSN."),
        (("--base", "x", "--data", "y"), 2, "Donnez soit --base, soit --data"),
        (("--data", "/nulle-part"), 2, "n’est pas le dossier d’un bac à sable"),
        (("--base", "mot de passe"), 2, "La chaîne de connexion ne se lit pas."),
        (("--base", "host=/nulle-part dbname=x"), 3, "La base ne répond pas : aucun serveur n’écoute à cette adresse."),
        (
            ("--base", "x", "--ancre", "/nulle-part"),
            2,
            "Le fichier d’ancre /nulle-part ne se lit pas : il n’existe pas",
        ),
    ],
)
def test_command_that_names_no_database_says_what_to_do(
    arguments: tuple[str, ...], status: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trace, no part of a connection string, and nothing is made on the disk."""
    monkeypatch.delenv("PFCNG_DSN", raising=False)
    told = journal("verifier", *arguments)
    assert (told.returncode, told.stdout) == (status, "")
    assert sentence in told.stderr
    assert "Traceback" not in told.stderr
    assert "mot de passe" not in told.stderr
