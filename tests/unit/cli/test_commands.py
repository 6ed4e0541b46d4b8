"""The commands: exit statuses, what people read, what programs read."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from typer.testing import CliRunner

from pfcng.cli import app
from pfcng.cli.retirer import ask_code
from pfcng.contract.messages import ReponseDemande, ReponseDemandeCertificats, ReponseRetraitCertificat
from pfcng.contract.paris import PARIS
from pfcng.xml import soap
from unit.client.local_platform import Answer, Identity, LocalPlatform, TestPki, reply

ACCEPTED = ReponseDemandeCertificats(
    indice_lot="12",
    statut_lot="OK",
    message="",
    demandes=(ReponseDemande(indice_demande="59", statut_demande="OK", message="", indice_retrait="59"),),
)
NOT_ALLOWED = "L’acteur n’est pas habilité sur le périmètre de la structure."
REFUSED = ReponseDemandeCertificats(
    indice_lot="13",
    statut_lot="KO",
    message=NOT_ALLOWED,
    demandes=(ReponseDemande(statut_demande="WSMG-00000010", message=NOT_ALLOWED),),
)
BAD_SIGNATURE = ReponseDemandeCertificats(indice_lot="", statut_lot="WSMG-00000002", message="Signature invalide.")
DEMANDE_KEYS = {
    *("etat", "operation", "code", "message", "diagnostic", "incident", "conseil"),
    *("indice_lot", "indice_demande", "indice_retrait", "cle"),
}
RETRAIT_KEYS = {
    *("etat", "operation", "code", "message", "diagnostic", "incident", "conseil"),
    *("certificat", "numero_serie", "aki", "sujet", "emetteur", "debut_validite", "fin_validite"),
}
ORDER = (
    *("--offre", "ORG", "--usage", "AUTH_CLI", "--struct", "1010000000", "--nom-applicatif", "dossier"),
    *("--mail-demandeur", "demandeur@hopital.example", "--mail-informer", "informer@hopital.example"),
)


class Result:
    def __init__(self, *arguments: object, env: dict[str, str] | None = None) -> None:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="pfcng", env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        self.status, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stdout)
        return document


def demander(profile: Path, *options: object) -> Result:
    return Result("demander", "--profil", profile, *ORDER, *options)


def retirer(profile: Path, *options: object, code: str = "un code") -> Result:
    env = {"PFCNG_CODE_REVOCATION": code} if code else {}
    return Result("retirer", "--profil", profile, "--indice", "59", *options, env=env)


def delivered(identity: Identity) -> Answer:
    return reply(ReponseRetraitCertificat(statut="OK", message="", certificat=identity.pem))


def test_demander_makes_a_private_key_that_only_its_owner_reads(
    profile: Path, platform: LocalPlatform, tmp_path: Path
) -> None:
    """Guide §12: a new RSA-2048 key, and its CSR in the message."""
    platform.will_answer(reply(ACCEPTED))
    key_file = tmp_path / "serveur.key"
    result = demander(profile, "--generer-cle", key_file)
    assert result.status == 0
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    key = load_pem_private_key(key_file.read_bytes(), None)
    [sent] = re.findall(rb"<CSR>(.*)</CSR>", platform.received[0].body, re.DOTALL)
    csr = x509.load_pem_x509_csr(sent)
    assert csr.public_key() == key.public_key()
    assert result.stdout == (
        "La demande est acceptée.\n"
        "  Produit            ORG_AUTH_CLI\n"
        "  Lot                12\n"
        "  Demande            59\n"
        "  Indice de retrait  59\n"
        f"  Clé privée         {key_file}\n"
        f"Pour retirer le certificat : pfcng retirer --profil {profile} --indice 59 --sortie FICHIER\n"
    )


def test_demander_never_replaces_a_key(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """A key that is overwritten may be that of a certificate in service; a link to nowhere counts as a file."""
    existing = tmp_path / "existante.key"
    existing.write_text("précieuse")
    link = tmp_path / "lien.key"
    link.symlink_to(tmp_path / "nulle-part.key")
    for file in (existing, link):
        result = demander(profile, "--generer-cle", file)
        assert result.status == 2
        assert f"{file} ne convient pas : il existe déjà" in result.stderr
    assert existing.read_text() == "précieuse"
    assert not link.exists()
    assert platform.received == []


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_demander_reads_a_csr(
    profile: Path, platform: LocalPlatform, pki: TestPki, tmp_path: Path, encoding: Encoding
) -> None:
    """PEM or DER, sent as PEM."""
    platform.will_answer(reply(ACCEPTED))
    builder = x509.CertificateSigningRequestBuilder().subject_name(pki.client.certificate.subject)
    csr = builder.sign(pki.client.key, hashes.SHA256())
    file = tmp_path / "exemple.csr"
    file.write_bytes(csr.public_bytes(encoding))
    assert demander(profile, "--csr", file).status == 0
    assert csr.public_bytes(Encoding.PEM).strip() in platform.received[0].body


@pytest.mark.parametrize(
    "content", [b"rien", b"-----BEGIN CERTIFICATE REQUEST-----\nMII\n-----END CERTIFICATE REQUEST-----\n"]
)
def test_a_file_without_a_csr_is_a_usage_error(
    profile: Path, platform: LocalPlatform, tmp_path: Path, content: bytes
) -> None:
    """Nothing is sent that cannot be accepted."""
    file = tmp_path / "exemple.csr"
    file.write_bytes(content)
    result = demander(profile, "--csr", file)
    assert (result.status, platform.received) == (2, [])
    assert "ne contient pas de CSR" in result.stderr


def test_demander_takes_a_csr_or_makes_a_key_and_not_both(profile: Path, tmp_path: Path) -> None:
    """Both say which key is certified."""
    key_file = tmp_path / "nouvelle.key"
    for options in ((), ("--csr", tmp_path / "exemple.csr", "--generer-cle", key_file)):
        result = demander(profile, *options)
        assert result.status == 2
        assert result.stderr == "Erreur : Donnez soit --csr, soit --generer-cle.\n"
    assert not key_file.exists()


def test_every_option_of_demander_reaches_its_element(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """Table 11; the rules between elements are the platform's."""
    platform.will_answer(reply(ACCEPTED))
    options = (
        *("--fqdn", "a.hopital.example", "--fqdn", "b.hopital.example", "--upn", "upn@hopital.example"),
        *("--mail-sujet", "sujet@hopital.example", "--beneficiaire", "899900000002", "--tiers", "899900000003"),
    )
    assert demander(profile, "--generer-cle", tmp_path / "k.key", *options).status == 0
    body = platform.received[0].body.decode()
    for element, value in (
        ("offre", "ORG"),
        ("gamme", "EL"),
        ("usage", "AUTH_CLI"),
        ("idNatStruct", "1010000000"),
        ("idNatBeneficiaire", "899900000002"),
        ("idNatTiers", "899900000003"),
        ("nomApplicatif", "dossier"),
        ("FQDN", "a.hopital.example"),
        ("FQDN", "b.hopital.example"),
        ("UPN", "upn@hopital.example"),
        ("mailSujet", "sujet@hopital.example"),
        ("mailPersonneAInformer", "informer@hopital.example"),
        ("mailDemandeur", "demandeur@hopital.example"),
    ):
        assert f"<{element}>{value}</{element}>" in body


def test_a_refused_demande_exits_1_with_code_and_message(
    profile: Path, platform: LocalPlatform, tmp_path: Path
) -> None:
    """The key that was made stays, and the message says so."""
    platform.will_answer(reply(REFUSED))
    key_file = tmp_path / "k.key"
    result = demander(profile, "--generer-cle", key_file)
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith(f"La demande est refusée.\n  Code     WSMG-00000010\n  Message  {NOT_ALLOWED}\n")
    assert f"La clé privée créée reste dans {key_file}" in result.stderr
    assert key_file.exists()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(ACCEPTED), (0, "fait", "OK")),
        (reply(REFUSED), (1, "refus", "WSMG-00000010")),
        (reply(BAD_SIGNATURE), (1, "refus", "WSMG-00000002")),
        (Answer(body=b"", status=403), (3, "transport", None)),
        (Answer(body=soap.server_fault("42"), status=500), (3, "transport", None)),
        (Answer(body=b"rien"), (3, "transport", None)),
    ],
)
def test_demander_json_has_the_same_keys_whatever_happens(
    profile: Path, platform: LocalPlatform, tmp_path: Path, answer: Answer, expected: tuple[int, str, str | None]
) -> None:
    """A program reads one object and needs no text for people."""
    platform.will_answer(answer)
    key_file = tmp_path / "k.key"
    result = demander(profile, "--generer-cle", key_file, "--json")
    document = result.document
    done = result.status == 0
    assert (result.status, document["etat"], document["code"]) == expected
    assert result.stderr == ""
    assert document.keys() == DEMANDE_KEYS
    never_sent = answer.status == 403
    assert document["cle"] == (None if never_sent else str(key_file))
    assert key_file.exists() is not never_sent
    assert bool(document["message"]) is not done
    assert document["indice_retrait"] == ("59" if done else None)


def test_a_server_fault_gives_its_incident_number(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """It is what the support asks for (docs/choices.md §9), and the demande may have been registered."""
    platform.will_answer(Answer(body=soap.server_fault("4d2"), status=500))
    assert demander(profile, "--generer-cle", tmp_path / "a.key", "--json").document["incident"] == "4d2"
    assert "peut-être été enregistrée" in demander(profile, "--generer-cle", tmp_path / "b.key").stderr


def test_a_diagnostic_of_the_platform_is_shown(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """The sandbox's header (docs/bac-a-sable.md): in French for people, as it came for programs."""
    cause = "signature: 6 content: digest mismatch"
    platform.will_answer(reply(BAD_SIGNATURE, **{"X-Pfcng-Diagnostic": cause}))
    told = demander(profile, "--generer-cle", tmp_path / "a.key").stderr
    assert "\n  Diagnostic  Le condensé n’est pas celui du Body : il a changé après la signature.\n" in told
    assert demander(profile, "--generer-cle", tmp_path / "b.key", "--json").document["diagnostic"] == cause


def test_a_diagnostic_that_nobody_knows_is_shown_as_it_is(
    profile: Path, platform: LocalPlatform, tmp_path: Path
) -> None:
    """Another platform may have others."""
    platform.will_answer(reply(BAD_SIGNATURE, **{"X-Pfcng-Diagnostic": "4 key"}))
    assert "\n  Diagnostic  4 key\n" in demander(profile, "--generer-cle", tmp_path / "a.key").stderr


def test_a_faulty_profile_is_a_usage_error_and_makes_no_key(tmp_path: Path) -> None:
    """All its faults are listed, for people and for programs."""
    profile, key_file = tmp_path / "profil.toml", tmp_path / "k.key"
    profile.write_text("couleur = 1")
    result = demander(profile, "--generer-cle", key_file)
    assert result.status == 2
    assert "- « couleur » n’est pas une clé connue.\n- « url » manque.\n" in result.stderr
    document = demander(profile, "--generer-cle", key_file, "--json").document
    assert (document["etat"], document["cle"]) == ("usage", None)
    assert not key_file.exists()


def test_a_value_outside_the_schema_is_a_usage_error(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """The element is named; nothing was sent."""
    result = demander(profile, "--generer-cle", tmp_path / "k.key", "--upn", "x" * 151)
    assert (result.status, platform.received) == (2, [])
    assert "« UPN »" in result.stderr


def test_retirer_writes_the_certificate(profile: Path, platform: LocalPlatform, pki: TestPki, tmp_path: Path) -> None:
    """The numbers that a révocation asks for are shown (guide §16.1)."""
    platform.will_answer(delivered(pki.server))
    sortie = tmp_path / "serveur.pem"
    result = retirer(profile, "--sortie", sortie)
    assert result.status == 0
    assert sortie.read_text() == pki.server.pem
    assert stat.S_IMODE(sortie.stat().st_mode) & 0o133 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["serveur.pem"]
    lines = result.stdout.splitlines()
    assert lines[0] == "Le certificat est retiré."
    assert f"  Numéro de série    {pki.server.certificate.serial_number:X}" in lines
    assert "  Sujet              CN=localhost" in lines
    end = pki.server.certificate.not_valid_after_utc.astimezone(PARIS)
    assert f"  Fin de validité    {end:%d/%m/%Y %H:%M} (heure de Paris)" in lines
    assert b"<codeRevocation>un code</codeRevocation>" in platform.received[0].body
    assert "un code" not in result.stdout + result.stderr


def test_retirer_json_describes_the_certificate(
    profile: Path, platform: LocalPlatform, pki: TestPki, tmp_path: Path
) -> None:
    """Stable keys, dates with their offset."""
    platform.will_answer(delivered(pki.server))
    document = retirer(profile, "--sortie", tmp_path / "serveur.pem", "--json").document
    assert document.keys() == RETRAIT_KEYS
    assert document["fin_validite"] == pki.server.certificate.not_valid_after_utc.isoformat()
    assert re.fullmatch("[0-9A-F]{40}", document["aki"])


def test_retirer_may_be_run_again(profile: Path, platform: LocalPlatform, pki: TestPki, tmp_path: Path) -> None:
    """The platform gives the same certificate again (docs/choices.md §15): the file is right already."""
    platform.will_answer(delivered(pki.server))
    for _ in range(2):
        assert retirer(profile, "--sortie", tmp_path / "serveur.pem").status == 0


def test_retirer_never_replaces_another_certificate(
    profile: Path, platform: LocalPlatform, pki: TestPki, tmp_path: Path
) -> None:
    """The certificate is not lost: the message says how to get it."""
    platform.will_answer(delivered(pki.server))
    sortie = tmp_path / "autre.pem"
    sortie.write_text(pki.authority.pem)
    result = retirer(profile, "--sortie", sortie)
    assert result.status == 2
    assert "contient un autre certificat ; il n’a pas été remplacé" in result.stderr
    assert "Relancez avec un autre --sortie" in result.stderr
    assert sortie.read_text() == pki.authority.pem


def test_retirer_asks_nothing_when_it_could_not_write(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """A file that is no certificate, a folder, a link to nowhere, a folder that does not exist."""
    note, link = tmp_path / "note.txt", tmp_path / "lien.pem"
    note.write_text("à garder")
    link.symlink_to(tmp_path / "nulle-part")
    for sortie in (note, tmp_path, link, tmp_path / "absent" / "c.pem"):
        assert retirer(profile, "--sortie", sortie).status == 2
    assert note.read_text() == "à garder"
    assert platform.received == []


def test_a_refused_retrait_exits_1_and_writes_nothing(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """Guide §15.4."""
    message = "Indice de retrait inconnu. Veuillez renouveler votre demande."
    platform.will_answer(reply(ReponseRetraitCertificat(statut="WSMG-00000027", message=message)))
    result = retirer(profile, "--sortie", tmp_path / "c.pem")
    assert result.status == 1
    assert result.stderr.startswith(f"Le retrait est refusé.\n  Code     WSMG-00000027\n  Message  {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_the_code_of_the_command_line_wins_over_the_environment(
    profile: Path, platform: LocalPlatform, pki: TestPki, tmp_path: Path
) -> None:
    """As every option does."""
    platform.will_answer(delivered(pki.server))
    assert retirer(profile, "--sortie", tmp_path / "c.pem", "--code", "le mien").status == 0
    assert b"<codeRevocation>le mien</codeRevocation>" in platform.received[0].body


@pytest.mark.parametrize("code", ["", "x" * 65])
def test_a_code_is_1_to_64_characters(profile: Path, platform: LocalPlatform, tmp_path: Path, code: str) -> None:
    """Guide §15.1 table 13; without a terminal nobody can be asked."""
    result = retirer(profile, "--sortie", tmp_path / "c.pem", code=code)
    assert (result.status, platform.received) == (2, [])
    assert "un code de révocation de 1 à 64 caractères" in result.stderr


def test_the_code_is_asked_twice_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that was mistyped could never be told again."""
    answers = iter(["un code", "un cod", "un code", "un code"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    assert ask_code() == "un code"
    assert next(answers, None) is None


ENGLISH = (
    "Usage",
    "Show",
    "required",
    "Error",
    "Missing",
    "Invalid",
    "No such",
    "Try",
    "Commands",
    "default",
    "env var",
    "<path>",
    "<text>",
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["demander", "--help"],
        ["retirer", "--help"],
        ["verifier", "--help"],
        ["diagnostiquer", "--help"],
        ["diagnostiquer"],
        ["certificat", "--help"],
        ["certificat", "montrer", "--help"],
        ["certificat", "montrer"],
        [],
        ["inconnue"],
        ["--inconnue"],
        ["demander"],
        ["demander", "--inconnue"],
        ["demander", "--offre"],
        ["demander", "--offre", "XXX"],
        ["demander", "--profil", "p", *ORDER, "de-trop"],
    ],
)
def test_the_command_line_speaks_french(arguments: list[str]) -> None:
    """Help goes to the standard output with status 0, a usage error to the standard error with 2."""
    result = Result(*arguments)
    text = result.stdout + result.stderr
    assert result.status == (0 if "--help" in arguments else 2)
    assert "Utilisation : pfcng" in text if "--help" in arguments or not arguments else "Erreur : " in text
    assert [word for word in ENGLISH if word in text] == []


COMMANDS = [
    (),
    *((name,) for name in ("demander", "retirer", "sandbox", "annuaire", "habilitation", "liste-blanche", "journal")),
    ("annuaire", "importer"),
    *((group, name) for group in ("habilitation", "liste-blanche") for name in ("ajouter", "lister", "retirer")),
    ("journal", "verifier"),
    ("journal", "sceller"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_is_french_to_the_last_word(command: tuple[str, ...]) -> None:
    """Nothing that the library below writes by itself is left, and no sentence is cut."""
    text = Result(*command, "--help").stdout
    assert text.startswith("Utilisation : pfcng")
    for left in ("Usage", "required", "default", "Show", "Arguments:", "Options:", "list[", "<=", "...", "{", "Path"):
        assert left not in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sandbox", "--port", "99999"), "La valeur de --port n’est pas acceptée ; donnez un nombre de 0 à 65535."),
        (("courrier", "lister", "--limite", "0"), "--limite n’est pas acceptée ; donnez un nombre d’au moins 1."),
        (("courrier", "lister", "--etat", "refusé"), "choisissez parmi a-envoyer, envoye, refuse, abandonne."),
        (("sandbox", "--port", "x"), "La valeur de --port n’est pas acceptée ; donnez un nombre de 0 à 65535."),
        (
            ("habilitation", "ajouter", "--acteur", "a", "--offre", "ORG", "--struct", "1", "--fin", "31/12/2027"),
            "La valeur de --fin n’est pas acceptée ; écrivez-la AAAA-MM-JJ.",
        ),
        (
            ("annuaire", "importer", "x", "--environnement", "test"),
            "La valeur de --environnement n’est pas acceptée ; choisissez parmi TEST, PRODUCTION.",
        ),
    ],
)
def test_value_that_is_not_accepted_is_told_with_what_is(arguments: tuple[str, ...], sentence: str) -> None:
    """In French, with status 2."""
    result = Result(*arguments)
    assert (result.status, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_help_lists_every_option() -> None:
    """Nothing to read beside it."""
    text = Result("demander", "--help").stdout
    for option in (
        *("profil", "offre", "usage", "struct", "beneficiaire", "nom-applicatif", "fqdn", "upn", "mail-sujet"),
        *("mail-demandeur", "mail-informer", "csr", "generer-cle", "tiers", "json"),
    ):
        assert f"  --{option} " in text
    text = Result("retirer", "--help").stdout
    for option in ("profil", "indice", "code", "sortie", "tiers", "json"):
        assert f"  --{option} " in text


def test_wrong_choice_names_the_choices() -> None:
    """The way out is in the message."""
    assert (
        "--offre n’est pas acceptée ; choisissez parmi PS, PRO, ORG, SERV."
        in Result("demander", "--offre", "XXX").stderr
    )


def test_version_is_the_distribution_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """One fact in one place: pyproject.toml."""
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.2.3")
    result = Result("--version")
    assert (result.status, result.stdout) == (0, "pfcng 1.2.3\n")


def test_the_help_imports_nothing_heavy() -> None:
    """``pfcng --help`` comes at once; ``python -m pfcng`` is the same program."""
    script = (
        "import sys, runpy\nsys.argv = ['pfcng', '--help']\ntry:\n    runpy.run_module('pfcng', run_name='__main__')\n"
    )
    script += (
        "finally:\n    print([m for m in ('httpx', 'lxml', 'cryptography', 'rich', 'xmlsec') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True, encoding="utf-8"
    )
    assert "Utilisation : pfcng" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_interruption_of_the_loading_leaves_no_trace() -> None:
    """Ctrl-C before the program is whole: status 130, and nothing on the terminal."""
    program = (
        "import runpy, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "sys.argv = ['pfcng', 'sandbox']\n"
        "runpy.run_module('pfcng', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demander", "--json"), "L’option --profil est obligatoire."),
        (("retirer", "--couleur", "--json"), "L’option --couleur n’existe pas."),
        (("demander", "--json", "--offre", "X"), "La valeur de --offre n’est pas acceptée"),
        (("rien", "--json"), "Commande inconnue."),
    ],
)
def test_option_errors_are_json_where_json_was_asked_for(arguments: tuple[str, ...], message: str) -> None:
    """A program that reads the standard output finds the same keys there whatever was wrong."""
    result = Result(*arguments)
    assert (result.status, result.stderr) == (2, "")
    assert result.document["etat"] == "usage"
    assert result.document["message"].startswith(message)
    assert result.document.keys() == {"etat", "operation", "code", "message", "diagnostic", "incident", "conseil"}


def test_a_schema_fault_names_the_option_and_its_limit(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """What to mend, and how long it may be (table 11)."""
    result = demander(profile, "--generer-cle", tmp_path / "k.key", "--upn", "x" * 151)
    assert "La valeur de --upn ne convient pas (élément « UPN »). Il est attendu : " in result.stderr
    assert "150 caractères au plus." in result.stderr
    assert platform.received == []


def test_a_csr_signed_with_sha1_is_told_as_such(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """It is a CSR: « ne contient pas de CSR » sends people looking for another fault."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl (Debian package openssl)")
    file = tmp_path / "vieille.csr"
    options = ("-sha1", "-subj", "/CN=x", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k.key", "-out", file)
    subprocess.run([openssl, "req", "-new", *options], check=True, capture_output=True)
    result = demander(profile, "--csr", file)
    assert (result.status, platform.received) == (2, [])
    assert "est signée avec SHA-1, qui n’est plus accepté : refaites-la avec SHA-256" in result.stderr


def test_a_refusal_says_what_to_do(profile: Path, platform: LocalPlatform, tmp_path: Path) -> None:
    """The advice of the code, for people and for programs."""
    platform.will_answer(reply(BAD_SIGNATURE))
    document = demander(profile, "--generer-cle", tmp_path / "k.key", "--json").document
    assert "nonRepudiation" in document["conseil"]
