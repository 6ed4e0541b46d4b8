"""How a file of settings is read: its paths, the environment, its secrets (docs/exploitation/reglages.md)."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pfcng.settings import PlatformSettings

DSN = "host=base.interne dbname=pfcng"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has what the settings name."""
    for name in ("a.pem", "a.key", "autre.key"):
        (tmp_path / name).touch(mode=0o600)
    return tmp_path


def parse(folder: Path, more: str = "", top: str = "", **options: Any) -> PlatformSettings:
    """The least that is read, and more of it."""
    text = f"""
        dsn = "{DSN}"
        {top}
        serveur = {{ certificat = "a.pem", cle = "a.key" }}
        emettrices = [{{ certificat = "a.pem", cle = "a.key" }}]
        publication = {{ http = "http://a", ldap = "ldap://a", ocsp = "http://a" }}
        [confiance]
        racines = ["a.pem"]
        autorites = ["a.pem"]
        {more}
    """
    return PlatformSettings.parse(text, folder, **options)


def test_paths_are_relative_to_the_file(folder: Path) -> None:
    """In tables, in lists of tables and in lists; URLs and words are no paths."""
    told = parse(folder, 'crls = ["a.crl", "http://a/b.crl"]\ncache = "/var/cache"', 'journal_ancre = "ancre"')
    assert told.serveur.cle == told.emettrices[0].cle == folder / "a.key"
    assert told.confiance.racines == (folder / "a.pem",)
    assert [str(one) for one in told.confiance.crls] == [str(folder / "a.crl"), "http://a/b.crl"]
    assert (told.confiance.cache, told.journal_ancre) == (Path("/var/cache"), folder / "ancre")
    assert parse(folder, top='journal_ancre = "syslog"').journal_ancre == "syslog"


def test_environment_counts_more_than_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One setting of a table by ``__``, a table or a list as JSON."""
    monkeypatch.setenv("PFCNG_DSN", "host=ailleurs")
    monkeypatch.setenv("PFCNG_SERVEUR__CLE", str(folder / "autre.key"))
    monkeypatch.setenv("PFCNG_LIMITES", '{"connexions": 7}')
    told = parse(folder)
    assert (told.dsn, told.serveur.cle, told.limites.connexions) == ("host=ailleurs", folder / "autre.key", 7)
    assert told.serveur.certificat == folder / "a.pem"


def test_password_of_the_relay_is_refused_in_the_file_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from a file of its own, or from the environment."""
    relay = '[courrier]\nexpediteur = "a@b.example"\nserveur = "relais.example"\nutilisateur = "u"\n'
    with pytest.raises(ValidationError, match="un secret en clair"):
        parse(folder, f'{relay}mot_de_passe = "secret"')
    (folder / "secret").write_text("du fichier\n")
    (folder / "secret").chmod(0o600)
    told = parse(folder, f'{relay}mot_de_passe_fichier = "secret"').courrier
    assert told is not None
    assert told.password() == "du fichier"
    monkeypatch.setenv("PFCNG_COURRIER__MOT_DE_PASSE", "de l’environnement")
    told = parse(folder, relay).courrier
    assert told is not None
    assert told.password() == "de l’environnement"


def test_password_of_the_database_is_refused_in_a_file_that_others_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one that only its owner and group can read it may be."""
    monkeypatch.delenv("PFCNG_DSN", raising=False)
    secret = f'dsn = "{DSN} password=secret"'
    text = f"{secret}\n" + 'serveur = { certificat = "a.pem", cle = "a.key" }'
    assert "password" in str(PlatformSettings.valid_parts(text, folder)["dsn"])
    with pytest.raises(ValidationError, match="ouvert à tous les comptes"):
        PlatformSettings.parse(text, folder, is_open=True)


def test_one_authority_issues_here_or_elsewhere(folder: Path) -> None:
    """Neither both nor none."""
    text = f'dsn = "{DSN}"\nserveur = {{ certificat = "a.pem", cle = "a.key" }}\n'
    text += 'publication = { http = "http://a", ldap = "ldap://a", ocsp = "http://a" }\n'
    text += 'confiance = { racines = ["a.pem"], autorites = ["a.pem"] }\n'
    with pytest.raises(ValidationError, match="donnez soit « emettrices », soit « igc »"):
        PlatformSettings.parse(text, folder)
