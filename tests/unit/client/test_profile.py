"""The profile file."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from pfcng.client import Profile, ProfileError
from unit.client.local_platform import TestPki

COMPLETE = """
url = "https://plateforme.example:8443/ws-srv"
confiance = "confiance.pem"
[tls]
certificat = "client.pem"
cle = "client.key"
[signature]
certificat = "client.pem"
cle = "client.key"
"""


@pytest.fixture
def folder(pki: TestPki, tmp_path: Path) -> Path:
    pki.client.write(tmp_path, "client")
    pki.authority.write(tmp_path, "confiance")
    pki.stranger.write(tmp_path, "autre")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "profil.toml"
    file.write_text(text, "utf-8")
    return file


def faults(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileError) as caught:
        Profile.load(write(folder, text))
    return caught.value.faults


def test_paths_are_relative_to_the_profile(folder: Path, pki: TestPki) -> None:
    """A profile can be moved with the files it names."""
    profile = Profile.load(write(folder, COMPLETE))
    assert profile.confiance == (pki.authority.certificate,)
    assert profile.tls.certificate == profile.signature.certificate == pki.client.certificate
    assert profile.url == "https://plateforme.example:8443/ws-srv"


def test_delai_is_30_seconds_unless_told(folder: Path) -> None:
    """The default is documented."""
    assert Profile.load(write(folder, COMPLETE)).delai == 30
    assert Profile.load(write(folder, f"delai = 2.5\n{COMPLETE}")).delai == 2.5


def test_a_pkcs12_opens_with_the_password_of_an_environment_variable(
    folder: Path, pki: TestPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile names the variable and never holds the password."""
    monkeypatch.setenv("MDP_CARTE", "é secret")
    encryption = BestAvailableEncryption("é secret".encode())
    content = pkcs12.serialize_key_and_certificates(b"c", pki.client.key, pki.client.certificate, None, encryption)
    folder.joinpath("carte.p12").write_bytes(content)
    text = COMPLETE.partition("[signature]")[0] + '[signature]\npkcs12 = "carte.p12"\nmot_de_passe_env = "MDP_CARTE"\n'
    profile = Profile.load(write(folder, text))
    assert profile.signature.certificate == pki.client.certificate
    assert "secret" not in repr(profile)


def test_an_encrypted_pem_key_opens_with_its_password(
    folder: Path, pki: TestPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guide §12.1 makes keys with a password."""
    monkeypatch.setenv("MDP_CLE", "secret")
    key = pki.client.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    folder.joinpath("client.key").write_bytes(key)
    text = COMPLETE.replace('cle = "client.key"', 'cle = "client.key"\nmot_de_passe_env = "MDP_CLE"')
    assert Profile.load(write(folder, text)).tls.key.private_numbers() == pki.client.key.private_numbers()


def test_every_fault_is_told_at_once(folder: Path) -> None:
    """One reading tells all there is to correct."""
    text = """
    url = "http://plateforme.example/ws-srv"
    confiance = "absent.pem"
    delai = 0
    couleur = "bleu"
    [tls]
    certificat = "client.pem"
    cle = "autre.key"
    mot_de_passe = "secret"
    [signature]
    pkcs12 = "client.pem"
    mot_de_passe_env = "VARIABLE_ABSENTE"
    """
    found = "\n".join(faults(folder, text))
    for expected in (
        "« couleur » n’est pas une clé connue",
        "« url » doit être une adresse https",
        "absent.pem ne peut pas être lu : il n’existe pas",
        "« delai » doit être un nombre",
        "[tls] « mot_de_passe » n’est pas une clé connue",
        "[tls] La clé privée ne correspond pas au certificat",
        "[signature] La variable d’environnement VARIABLE_ABSENTE",
    ):
        assert expected in found
    assert "secret" not in found


def test_an_empty_profile_lacks_everything(folder: Path) -> None:
    """What is mandatory is named."""
    assert faults(folder, "") == (
        "« url » manque.",
        "« confiance » manque.",
        "La table [tls] manque.",
        "La table [signature] manque.",
    )


@pytest.mark.parametrize(
    "keys",
    [
        'certificat = "client.pem"\ncle = "client.key"\npkcs12 = "carte.p12"',
        'mot_de_passe_env = "HOME"',
    ],
)
def test_a_credential_is_either_pem_or_pkcs12(folder: Path, keys: str) -> None:
    """Two sources, or none, would leave a doubt."""
    text = COMPLETE.replace('[tls]\ncertificat = "client.pem"\ncle = "client.key"', f"[tls]\n{keys}")
    assert faults(folder, text) == ("[tls] Donnez « certificat » et « cle », ou bien « pkcs12 ».",)


@pytest.mark.parametrize("url", ["https://", "https://user:pass@h/ws-srv", "https://h/ws?x=1", "https://h:99999/", "h"])
def test_url_is_a_plain_https_address(folder: Path, url: str) -> None:
    """Mutual TLS is the only way in (guide §10); a secret has no place in an address."""
    text = COMPLETE.replace("https://plateforme.example:8443/ws-srv", url)
    assert [fault for fault in faults(folder, text) if "« url »" in fault]


def test_confiance_without_a_certificate_is_a_fault(folder: Path) -> None:
    """An empty bundle would trust nobody, and a broken one is a mistake."""
    folder.joinpath("confiance.pem").write_text("rien")
    assert faults(folder, COMPLETE) == ("« confiance » doit contenir un ou plusieurs certificats PEM.",)


@pytest.mark.parametrize(
    ("content", "place"), [(b"url = ", "la fin manque"), (b'url = "\xff"', "ligne 1"), (b"# x\nurl", "la fin manque")]
)
def test_what_is_not_toml_is_a_profile_error(folder: Path, content: bytes, place: str) -> None:
    """A fault of the file is never a traceback, and is told in French."""
    file = folder / "profil.toml"
    file.write_bytes(content)
    with pytest.raises(ProfileError, match=rf"pas un fichier TOML en UTF-8 \({place}\)\.$"):
        Profile.load(file)


def test_a_profile_that_does_not_exist_is_a_profile_error(tmp_path: Path) -> None:
    """Idem."""
    with pytest.raises(ProfileError, match="il n’existe pas"):
        Profile.load(tmp_path / "absent.toml")
