"""The ceremony: whole in each place of keys, cut anywhere, and never twice.

Source: docs/cles.md; docs/igc.md, "Keys".
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from typer.testing import CliRunner, Result

from pfcng.cli.igc import igc as app
from pfcng.contract.catalogue import Environment
from pfcng.igc import ceremony as module, ceremony_notes, hierarchy
from pfcng.igc.ceremony import Ceremony, Made
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, EMULATEUR, ROOTS, AuthorityName
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.sources import FileKey, TokenKey
from pfcng.pki.trust import TrustStore
from support.openbao import OpenBao, open_bao
from support.softhsm import SoftToken, soft_token

PASSWORD = "PFCNG_ESSAI_MDP"  # noqa: S105 - the name of a variable
NAMES = tuple(name for name in (*ROOTS, *AUTHORITIES) if name.environment is Environment.TEST)
URLS = PublicationUrls(http="http://igc.example", ldap="ldap://igc.example", ocsp="http://igc.example/ocsp")


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    with soft_token(tmp_path_factory.mktemp("jeton")) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with open_bao(tmp_path_factory.mktemp("transit")) as opened:
        yield opened


def hold(folder: Path, *options: object, answers: str | None = None, yes: bool = True, bits: int = 2048) -> Result:
    """The command, as it is typed."""
    arguments = [
        "ceremonie",
        "--dossier",
        folder,
        "--environnement",
        "TEST",
        "--url-http",
        URLS.http,
        "--taille",
        bits,
        *options,
        *(["--oui"] if yes else []),
    ]
    result = CliRunner().invoke(app, [str(one) for one in arguments], input=answers, env={PASSWORD: "un mot de passe"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


FILES = ("--mot-de-passe-env", PASSWORD)


def in_token(token: SoftToken) -> tuple[object, ...]:
    pin = token.source.pin
    return ("--cles", "jeton", "--module", token.source.module, "--jeton", "igc", "--pin-fichier", pin.path)  # type: ignore[union-attr]


def in_engine(server: OpenBao) -> tuple[object, ...]:
    access = server.token_file
    return ("--cles", "transit", "--transit", server.address, "--transit-ac", server.ca, "--acces-fichier", access)


def certificates(folder: Path) -> dict[str, x509.Certificate]:
    """By stem."""
    found = {path.stem: path for path in (folder / "certificats").glob("*.pem")}
    return {stem: x509.load_pem_x509_certificate(path.read_bytes()) for stem, path in found.items()}


def check(folder: Path) -> None:
    """Everything that a ceremony leaves, read by others."""
    found = certificates(folder)
    assert set(found) == {name.file_stem for name in NAMES}
    record = (folder / "proces-verbal.txt").read_text()
    for stem, certificate in found.items():
        assert x509.load_der_x509_certificate((folder / "certificats" / f"{stem}.cer").read_bytes()) == certificate
        assert certificate.fingerprint(hashes.SHA256()).hex(":").upper() in record
        assert f"{certificate.serial_number:X}" in record
    roots = [found[name.file_stem] for name in NAMES if name.is_root]
    others = [found[name.file_stem] for name in NAMES if not name.is_root]
    crls = [x509.load_der_x509_crl(path.read_bytes()) for path in (folder / "crl").iterdir()]
    assert len(crls) == len(roots) == 3
    TrustStore.load(roots, others, crls, now=datetime.now(UTC), crl_grace=timedelta())
    verify_record(folder)
    verify_with_openssl(folder)


def verify_record(folder: Path) -> None:
    """As the command itself tells people to."""
    files = ("-in", "proces-verbal.p7s", "-content", "proces-verbal.txt", "-CAfile", "racines.pem")
    subprocess.run(
        ["openssl", "cms", "-verify", "-binary", "-inform", "DER", *files, "-purpose", "any", "-out", "/dev/null"],
        check=True,
        capture_output=True,
        cwd=folder,
    )


def verify_with_openssl(folder: Path) -> None:
    """Each authority under its root, with the root's CRL."""
    for name in NAMES:
        root = folder / "certificats" / f"{name.root.file_stem}.pem"
        crl = folder / "crl" / f"{name.root.file_stem}.crl"
        certificate = folder / "certificats" / f"{name.file_stem}.pem"
        files: list[str | Path] = ["-CRLfile", crl, "-CAfile", root, certificate]
        subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check_all", *files], check=True, capture_output=True)


def test_ceremony_in_files(tmp_path: Path) -> None:
    """Encrypted keys that only their owner reads; the record is signed by the three roots."""
    result = hold(tmp_path, *FILES, "--participant", "Zoé D’Été")
    assert result.exit_code == 0, result.output
    check(tmp_path)
    assert "Zoé D’Été" in (tmp_path / "proces-verbal.txt").read_text()
    keys = list((tmp_path / "cles").iterdir())
    assert len(keys) == len(NAMES)
    assert all(path.stat().st_mode & 0o777 == 0o600 and b"ENCRYPTED" in path.read_bytes() for path in keys)
    assert "un mot de passe" not in result.output + (tmp_path / "ceremonie.json").read_text()


def test_ceremony_in_a_token(token: SoftToken, tmp_path: Path) -> None:
    """Keys made inside; a second ceremony with the same token does not take them."""
    assert hold(tmp_path / "a", *in_token(token)).exit_code == 0
    check(tmp_path / "a")
    again = hold(tmp_path / "b", *in_token(token))
    assert again.exit_code == 2
    assert "La clé « ACR-EL-TEST » du jeton « igc » existe déjà" in again.stderr
    assert "--cles-existantes" in again.stderr
    assert not (tmp_path / "b" / "certificats").exists()
    assert hold(tmp_path / "b", *in_token(token), "--cles-existantes").exit_code == 0
    check(tmp_path / "b")
    assert "qui existait avant la cérémonie" in (tmp_path / "b" / "proces-verbal.txt").read_text()


def test_ceremony_in_an_engine_with_roots_in_files(server: OpenBao, tmp_path: Path) -> None:
    """Roots in one place, to be put away, and authorities in another."""
    result = hold(tmp_path, *in_engine(server), "--cles-racines", "fichiers", *FILES)
    assert result.exit_code == 0, result.output
    check(tmp_path)
    assert {path.stem for path in (tmp_path / "cles").iterdir()} == {"ACR-EL-TEST", "ACR-ST-TEST", "ACR-FO-TEST"}
    assert set(server.admin("GET", "transit/keys?list=true")["data"]["keys"]) == {
        name.file_stem for name in NAMES if not name.is_root
    }


def test_certificates_are_shaped_like_the_real_ones(tmp_path: Path) -> None:
    """Names with OU=EMULATEUR, twenty years, an authority one day less than its root."""
    hold(tmp_path, *FILES)
    found = certificates(tmp_path)
    for name in NAMES:
        certificate, root = found[name.file_stem], found[name.root.file_stem]
        assert certificate.subject == name.distinguished_name(EMULATEUR)
        assert certificate.issuer == name.root.distinguished_name(EMULATEUR)
        assert f"{certificate.serial_number:X}".startswith("1120")
        assert certificate.serial_number.bit_length() == 141
        life = root.not_valid_after_utc - certificate.not_valid_after_utc
        assert life.days == (0 if name.is_root else 1)
    assert len({certificate.serial_number for certificate in found.values()}) == len(NAMES)


def test_strict_names_are_those_of_the_real_authorities(tmp_path: Path) -> None:
    """Without OU=EMULATEUR, for closed networks."""
    hold(tmp_path, *FILES, "--dn-strict")
    found = certificates(tmp_path)
    assert all(found[name.file_stem].subject == name.distinguished_name() for name in NAMES)


def test_finished_ceremony_is_not_held_again(tmp_path: Path) -> None:
    """Nothing is written, nothing is asked, no key is needed."""
    hold(tmp_path, *FILES)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = hold(tmp_path, *FILES, yes=False)
    assert again.exit_code == 0
    assert "Cette cérémonie est finie" in again.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_each_step_is_confirmed(tmp_path: Path) -> None:
    """« non » stops with what was done; the same command goes on."""
    stopped = hold(tmp_path, *FILES, yes=False, answers="oui\no\nnon\n")
    assert stopped.exit_code == 1
    assert set(certificates(tmp_path)) == {"ACR-EL-TEST", "ACR-ST-TEST"}
    before = certificates(tmp_path)
    went_on = hold(tmp_path, *FILES, yes=False, answers="oui\n" * 6)
    assert went_on.exit_code == 0, went_on.output
    assert went_on.output.count("Déjà faite, et vérifiée.") == 2
    assert before.items() <= certificates(tmp_path).items()
    check(tmp_path)


def test_other_choices_do_not_go_on(tmp_path: Path) -> None:
    """A hierarchy is of one piece."""
    hold(tmp_path, *FILES, yes=False, answers="oui\nnon\n")
    other = hold(tmp_path, *FILES, "--dn-strict", bits=3072)
    assert other.exit_code == 2
    assert "d’autres choix (OU, taille)" in other.stderr


def test_password_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    """Twice, and again when the two differ."""
    result = hold(tmp_path, answers="secret-1\nsecret-2\nsecret-1\nsecret-1\n")
    assert result.exit_code == 0, result.output
    assert "Les deux saisies diffèrent" in result.output
    assert "secret-" not in result.output
    assert hold(tmp_path / "cles", *FILES).exit_code == 0  # another ceremony is its own


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--validite", 2), "--validite"),
        (("--url-ldap", "http://igc.example"), "--url-ldap"),
        (("--url-http", "igc.example"), "--url-http"),
        (("--cles", "jeton"), "--module"),
        (("--cles-racines", "transit"), "--transit"),
        (("--mot-de-passe-fichier", "x", "--mot-de-passe-env", "X"), "soit --mot-de-passe-fichier"),
        (("--mot-de-passe-env", "PFCNG_ESSAI_ABSENTE"), "PFCNG_ESSAI_ABSENTE"),
    ],
)
def test_bad_options_are_told(tmp_path: Path, options: tuple[object, ...], told: str) -> None:
    """Before anything is made."""
    result = hold(tmp_path, *options)
    assert result.exit_code == 2
    assert (told in result.stderr, result.stderr.count("Erreur :")) == (True, 1)
    assert not (tmp_path / "certificats").exists()


def test_size_that_is_none_is_told(tmp_path: Path) -> None:
    assert "--taille" in hold(tmp_path, *FILES, bits=1024).stderr


def test_key_that_is_away_is_status_3(token: SoftToken, server: OpenBao, tmp_path: Path) -> None:
    """What was done stays, and the command says that it can be taken up again."""
    server.seal()
    try:
        result = hold(tmp_path, *in_engine(server))
        assert result.exit_code == 3
        assert "scellé" in result.stderr
        assert "relancez la même commande" in result.stderr
    finally:
        server.unseal()
    token.lose()
    try:
        assert hold(tmp_path / "jeton", *in_token(token)).exit_code == 3
    finally:
        token.restore()


class Cut:
    """A ceremony that dies at its n-th write or act, and is taken up again until it is whole."""

    def __init__(self, folder: Path, key_of: Any, keyring: Keyring) -> None:
        self.ceremony = Ceremony(
            environment=Environment.TEST,
            folder=folder,
            markers=(EMULATEUR,),
            urls=URLS,
            bits=2048,
            years=20,
            key_of=key_of,
            keyring=keyring,
            clock=lambda: datetime.now(UTC),
        )

    def run(self) -> dict[AuthorityName, Made]:
        made: dict[AuthorityName, Made] = {}
        notes = self.ceremony.notes()
        for name in self.ceremony.names[:1]:
            made[name] = self.ceremony.make(name, notes, made)
        return made


ACTS = ("reserve", "key made", "der written", "pem written")


@pytest.mark.parametrize("place", ["fichiers", "jeton"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("act", ACTS)
def test_cut_anywhere_makes_one_certificate_of_one_key(
    tmp_path: Path, token: SoftToken, monkeypatch: pytest.MonkeyPatch, act: str, when: str, place: str
) -> None:
    """Serial, key and bytes of what was begun are those of what is finished."""
    stem = f"{act}-{when}"

    def key_of(name: AuthorityName) -> FileKey | TokenKey:
        if place == "jeton":
            return TokenKey(token=token.source, label=f"{stem}-{name.file_stem}")
        return FileKey(path=tmp_path / "cles" / f"{name.file_stem}.key")

    signed: list[x509.Certificate] = []
    certify = hierarchy.certify

    def watched(*arguments: Any) -> x509.Certificate:
        signed.append(certify(*arguments))
        return signed[-1]

    monkeypatch.setattr(module, "certify", watched)
    with Keyring() as keyring:
        cut = Cut(tmp_path, key_of, keyring)
        with monkeypatch.context() as patch:
            _kill(patch, act, when, keyring)
            with pytest.raises(Killed):
                cut.run()
        begun = (
            json.loads((tmp_path / "ceremonie.json").read_text())["autorites"]
            if act != "reserve" or when == "after"
            else {}
        )
        key_before = keyring.at(key_of(NAMES[0])).find()
        made = cut.run()[NAMES[0]]
        if begun:
            assert f"{made.certificate.serial_number:X}" == begun["ACR-EL-TEST"]["serial"]
        if key_before is not None:
            assert made.certificate.public_key() == key_before.public_key()
        assert {one.fingerprint(hashes.SHA256()) for one in signed} == {made.certificate.fingerprint(hashes.SHA256())}
        assert cut.run()[NAMES[0]] == replace(made, new=False)


def _kill(patch: pytest.MonkeyPatch, act: str, when: str, keyring: Keyring) -> None:
    """Die before or after one act."""

    def die_around(original: Any, matches: Any) -> Any:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if matches(*arguments) and when == "before":
                _die()
            result = original(*arguments, **named)
            if matches(*arguments):
                _die()
            return result

        return wrapped

    match act:
        case "reserve":
            patch.setattr(ceremony_notes, "write_whole", die_around(ceremony_notes.write_whole, lambda *_: True))
        case "key made":
            at = keyring.at

            def place(source: Any) -> Any:
                found = at(source)

                class Dying:
                    find = staticmethod(found.find)
                    make = staticmethod(die_around(found.make, lambda *_: True))

                return Dying()

            patch.setattr(keyring, "at", place)
        case _:
            suffix = ".cer" if act == "der written" else ".pem"
            patch.setattr(
                module, "write_whole", die_around(ceremony_notes.write_whole, lambda path, _: path.suffix == suffix)
            )


def _die() -> NoReturn:
    raise Killed


def test_certificate_that_the_notes_do_not_know_stops_the_ceremony(tmp_path: Path) -> None:
    """Notes that were lost are not guessed."""
    hold(tmp_path, *FILES, yes=False, answers="oui\nnon\n")
    (tmp_path / "ceremonie.json").unlink()
    result = hold(tmp_path, *FILES)
    assert result.exit_code == 2
    assert "les notes de cette cérémonie n’en disent rien" in result.stderr


def test_certificate_that_was_replaced_stops_the_ceremony(tmp_path: Path) -> None:
    """Whatever took its place."""
    hold(tmp_path, *FILES, yes=False, answers="oui\noui\nnon\n")
    place = tmp_path / "certificats"
    (place / "ACR-EL-TEST.pem").write_bytes((place / "ACR-ST-TEST.pem").read_bytes())
    result = hold(tmp_path, *FILES)
    assert result.exit_code == 2
    assert "n’est pas le certificat que les notes annoncent" in result.stderr


def test_key_that_was_replaced_stops_the_ceremony(tmp_path: Path) -> None:
    """The certificate is no longer its key's."""
    hold(tmp_path, *FILES, yes=False, answers="oui\noui\nnon\n")
    place = tmp_path / "cles"
    (place / "ACR-ST-TEST.key").replace(place / "ACR-EL-TEST.key")
    result = hold(tmp_path, *FILES)
    assert result.exit_code == 2
    assert "n’est pas le certificat de sa clé" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"choix": {}, "autorites": {"x": 1}}'])
def test_notes_that_are_damaged_stop_the_ceremony(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ceremonie.json").write_bytes(content)
    result = hold(tmp_path, *FILES)
    assert result.exit_code == 2
    assert "endommagées" in result.stderr


def test_record_that_was_changed_does_not_verify(tmp_path: Path) -> None:
    """One byte."""
    hold(tmp_path, *FILES)
    record = tmp_path / "proces-verbal.txt"
    record.write_bytes(record.read_bytes().replace(b"TEST", b"TESS", 1))
    with pytest.raises(subprocess.CalledProcessError):
        verify_record(tmp_path)
