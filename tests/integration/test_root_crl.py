"""The CRLs of roots after their ceremony: renewed, an authority revoked, cut, refused. Source: docs/cles.md."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner, Result

from pfcng.cli.igc import igc as app
from pfcng.cli.work import crl_racine
from pfcng.igc import root_crl
from pfcng.igc.root_crl import REASONS, UnfitCrl, Withdrawn
from pfcng.pki.trust import TrustStore, UntrustedCertificate
from support.igc import NOW, make_hierarchy

PASSWORD = "PFCNG_ESSAI_MDP"  # noqa: S105 - the name of a variable
AC, ROOT = "ACI-EL-ORG-TEST", "ACR-EL-TEST"


def command(name: str, folder: Path, *options: object, password: str = "un mot de passe") -> Result:  # noqa: S107 - a test's
    arguments = [name, "--dossier", folder, "--mot-de-passe-env", PASSWORD, *options, "--oui"]
    result = CliRunner().invoke(app, [str(one) for one in arguments], env={PASSWORD: password})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ceremonie")
    told = ("--environnement", "TEST", "--url-http", "http://igc.example", "--taille", 2048)
    assert command("ceremonie", folder, *told).exit_code == 0
    return folder


@pytest.fixture
def folder(held: Path, tmp_path: Path) -> Path:
    """The folder of a ceremony, for this test alone."""
    return shutil.copytree(held, tmp_path / "igc")


def crl_of(folder: Path, stem: str = ROOT) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl((folder / "crl" / f"{stem}.crl").read_bytes())


def certificate(folder: Path, stem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "certificats" / f"{stem}.pem").read_bytes())


def openssl_verify(folder: Path, stem: str) -> subprocess.CompletedProcess[str]:
    crl, root = folder / "crl" / f"{ROOT}.crl", folder / "certificats" / f"{ROOT}.pem"
    files: list[str | Path] = ["-CRLfile", crl, "-CAfile", root, folder / "certificats" / f"{stem}.pem"]
    return subprocess.run(["openssl", "verify", "-crl_check_all", *files], check=False, capture_output=True, text=True)


def verify_record(folder: Path) -> str:
    """The text of the one record of CRLs, whose signatures OpenSSL has verified."""
    [record] = folder.glob("proces-verbal-crl-*.txt")
    files: list[str | Path] = ["-in", record.with_suffix(".p7s"), "-content", record, "-CAfile", folder / "racines.pem"]
    subprocess.run(
        ["openssl", "cms", "-verify", "-binary", "-inform", "DER", *files, "-purpose", "any", "-out", "/dev/null"],
        check=True,
        capture_output=True,
    )
    return record.read_text("utf-8")


def test_crls_of_all_roots_are_renewed_under_greater_numbers(folder: Path) -> None:
    """A year from now on, and the record says so."""
    stems = sorted(path.stem for path in (folder / "crl").iterdir())
    before = {stem: root_crl.number_of(crl_of(folder, stem)) for stem in stems}
    done = command("crl", folder, "--participant", "Zoé D’Été")
    assert done.exit_code == 0, done.output
    assert len(stems) == 3
    for stem in stems:
        made = crl_of(folder, stem)
        assert root_crl.number_of(made) > before[stem]
        assert made.next_update_utc is not None
        assert made.next_update_utc > datetime.now(UTC) + timedelta(days=360)
    assert "Zoé D’Été" in verify_record(folder)


def test_authority_that_is_revoked_vouches_for_nobody(folder: Path) -> None:
    """OpenSSL says so, and so does the platform's own trust; the other authorities of the root stay."""
    assert openssl_verify(folder, AC).returncode == 0
    done = command("crl", folder, "--revoquer", AC, "--raison", "COMPROMISSION")
    assert done.exit_code == 0, done.output
    assert f"L’AC {AC} sera révoquée pour toujours (COMPROMISSION)" in done.output
    [entry] = crl_of(folder)
    assert entry.serial_number == certificate(folder, AC).serial_number
    assert [one.value for one in entry.extensions] == [x509.CRLReason(x509.ReasonFlags.ca_compromise)]
    assert "certificate revoked" in openssl_verify(folder, AC).stderr
    assert openssl_verify(folder, "ACI-EL-PP-TEST").returncode == 0
    text = verify_record(folder)
    assert f"{certificate(folder, AC).serial_number:X}" in text
    assert "AC révoquée (COMPROMISSION)" in text


def test_holders_of_a_revoked_authority_are_refused() -> None:
    """By the trust that judges requests (RFC 5280 §6.3)."""
    hierarchy = make_hierarchy()
    withdrawn = [Withdrawn(certificate=hierarchy.authority.certificate, reason=REASONS["COMPROMISSION"])]
    renewed = x509.load_der_x509_crl(root_crl.renew(hierarchy.root, None, withdrawn, now=NOW))
    authority = hierarchy.authority
    own = x509.load_der_x509_crl(root_crl.renew(authority, None, now=NOW))
    trust = TrustStore.load(
        [hierarchy.root.certificate], [authority.certificate], [own, renewed], now=NOW, crl_grace=timedelta()
    )
    holder = (
        x509.CertificateBuilder(
            authority.certificate.subject, authority.certificate.subject, authority.key.public_key(), 5, NOW, NOW
        )
        .add_extension(x509.AuthorityKeyIdentifier(hierarchy.issuer, None, None), critical=False)
        .sign(authority.key, renewed.signature_hash_algorithm)  # type: ignore[arg-type]  # SHA-256
    )
    with pytest.raises(UntrustedCertificate, match="revoked by its root"):
        trust.validate(holder, NOW)


def test_what_was_revoked_stays_as_it_was(folder: Path) -> None:
    """A renewal keeps the entry, date and reason; asked for again, it is not doubled."""
    command("crl", folder, "--revoquer", AC, "--raison", "REMPLACEMENT")
    [first] = crl_of(folder)
    done = command("crl", folder, "--revoquer", AC, "--raison", "COMPROMISSION")
    assert f"L’AC {AC} est déjà révoquée, et le reste." in done.output
    command("crl", folder, "--racine", ROOT)
    [last] = crl_of(folder)
    assert (last.serial_number, last.revocation_date_utc) == (first.serial_number, first.revocation_date_utc)
    assert [one.value for one in last.extensions] == [one.value for one in first.extensions]


def test_clock_that_was_set_back_makes_no_smaller_number() -> None:
    """RFC 5280 §5.2.3."""
    hierarchy = make_hierarchy()
    first = x509.load_der_x509_crl(root_crl.renew(hierarchy.root, None, now=NOW))
    back = x509.load_der_x509_crl(root_crl.renew(hierarchy.root, first, now=NOW - timedelta(days=40)))
    assert root_crl.number_of(back) == root_crl.number_of(first) + 1


def test_run_that_is_cut_after_the_crl_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record yet: the next run has it, with the authority revoked once."""

    class Killed(BaseException):
        pass

    def die(**_: object) -> str:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crl_racine, "write_crl_record", die)
        with pytest.raises(Killed):
            command("crl", folder, "--revoquer", AC, "--raison", "CESSATION")
    assert len(crl_of(folder)) == 1
    assert list(folder.glob("proces-verbal-crl-*")) == []
    assert command("crl", folder, "--revoquer", AC, "--raison", "CESSATION").exit_code == 0
    assert len(crl_of(folder)) == 1
    verify_record(folder)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--revoquer", AC), "--revoquer et --raison vont ensemble."),
        (("--raison", "CESSATION"), "--revoquer et --raison vont ensemble."),
        (("--revoquer", ROOT, "--raison", "CESSATION"), "ACR-EL-TEST n’est pas une AC"),
        (("--revoquer", "ACI-EL-ORG", "--raison", "CESSATION"), "n’a pas le certificat ACR-EL."),
        (("--racine", AC), "ACI-EL-ORG-TEST n’est pas une racine"),
        (("--racine", ROOT, "--revoquer", AC, "--raison", "CESSATION"), "--racine ne va pas avec --revoquer"),
        (("--cles", "jeton"), "Un jeton demande --module et --jeton."),
    ],
)
def test_order_that_does_not_hold_together_changes_nothing(folder: Path, options: tuple[str, ...], told: str) -> None:
    before = (folder / "crl" / f"{ROOT}.crl").read_bytes()
    done = command("crl", folder, *options)
    assert done.exit_code == 2
    assert told in done.stderr
    assert (folder / "crl" / f"{ROOT}.crl").read_bytes() == before


def test_wrong_password_changes_nothing(folder: Path) -> None:
    before = (folder / "crl" / f"{ROOT}.crl").read_bytes()
    done = command("crl", folder, password="un autre")  # noqa: S106 - a test's
    assert done.exit_code == 2
    assert "Erreur : " in done.stderr
    assert "un autre" not in done.output
    assert (folder / "crl" / f"{ROOT}.crl").read_bytes() == before


@pytest.mark.parametrize("content", [b"garbage", None])
def test_crl_before_that_is_not_this_roots_stops_the_run(folder: Path, content: bytes | None) -> None:
    """Its entries would be lost, or a stranger's taken over."""
    path = folder / "crl" / f"{ROOT}.crl"
    path.write_bytes((folder / "crl" / "ACR-ST-TEST.crl").read_bytes() if content is None else content)
    done = command("crl", folder, "--racine", ROOT)
    assert done.exit_code == 2
    assert ("n’est pas de cette racine" if content is None else "n’est pas une CRL") in done.stderr


def test_crl_before_that_is_missing_stops_the_run(folder: Path) -> None:
    """A CRL made without it would forget who was revoked, under a greater number."""
    (folder / "crl" / f"{ROOT}.crl").unlink()
    done = command("crl", folder, "--racine", ROOT)
    assert done.exit_code == 2
    assert "remettez-y la dernière CRL publiée de cette racine" in done.stderr
    assert not (folder / "crl" / f"{ROOT}.crl").exists()


def test_authority_of_another_root_is_not_revoked() -> None:
    hierarchy, stranger = make_hierarchy(), make_hierarchy()
    withdrawn = [Withdrawn(certificate=stranger.authority.certificate, reason=REASONS["CESSATION"])]
    with pytest.raises(UnfitCrl, match="n’est pas de cette racine"):
        root_crl.renew(hierarchy.root, None, withdrawn, now=NOW)
