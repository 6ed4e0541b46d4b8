"""The vault of revocation codes."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pfcng.client import vault as module
from pfcng.client.vault import Entry, Vault, VaultError

PHRASE = "une phrase secrète"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is not what these tests are about."""
    monkeypatch.setattr(module, "_COST", {"n": 2**10, "r": 8, "p": 1})


def entry(identifier: str, code: str = "CODE-SECRET") -> Entry:
    return Entry(
        identifiant=identifier,
        nom="insi",
        dossier="/srv/insi",
        creee_le="2026-11-23T10:00:00+00:00",
        code_revocation=code,
        mot_de_passe_p12="MOT-DE-PASSE",
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "parc" / "coffre.json"


def test_what_is_put_in_is_found_again_with_the_passphrase(file: Path) -> None:
    """And with nothing else: no secret is in the file, nor in what Python shows of an entry."""
    Vault(file, PHRASE).put(entry("a"))
    assert Vault(file, PHRASE).find("a") == entry("a")
    content = file.read_text()
    assert "SECRET" not in content
    assert "insi" not in content
    assert "SECRET" not in repr(entry("a"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(VaultError, match="La phrase secrète n’est pas celle du coffre"):
        Vault(file, "une autre phrase")


@pytest.mark.parametrize("name", ["n", "sel", "version"])
def test_the_header_is_authenticated(file: Path, name: str) -> None:
    """Whoever lowers the cost or changes the salt is told from the owner."""
    Vault(file, PHRASE).put(entry("a"))
    document = json.loads(file.read_text())
    document["entete"][name] = {"n": 2**9, "sel": "AAAA", "version": 2}[name]
    file.write_text(json.dumps(document))
    with pytest.raises(VaultError):
        Vault(file, PHRASE)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"entete": {"version": 1, "n": 99999999999}}', '{"entete": 3}'])
def test_what_is_no_vault_is_told(file: Path, content: str) -> None:
    """No traceback, no memory eaten by a cost that nobody chose."""
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(VaultError):
        Vault(file, PHRASE)


def test_the_same_content_is_never_encrypted_alike(file: Path) -> None:
    """A nonce serves once (NIST SP 800-38D)."""
    vault = Vault(file, PHRASE)
    nonces = set()
    for _ in range(5):
        vault.put(entry("a"))
        nonces.add(json.loads(file.read_text())["nonce"])
    assert len(nonces) == 5


def test_two_commands_at_once_lose_nothing(file: Path) -> None:
    """Each reads the file anew under its lock."""
    Vault(file, PHRASE).put(entry("0"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: Vault(file, PHRASE).put(entry(str(n))), range(8)))
    assert {one.identifiant for one in Vault(file, PHRASE).entries()} == set("01234567")


def test_an_entry_is_replaced_or_removed(file: Path) -> None:
    """By its identifier."""
    vault = Vault(file, PHRASE)
    for code in ("premier", "second"):
        vault.put(entry("a", code))
    assert [one.code_revocation for one in vault.entries()] == ["second"]
    vault.remove("a")
    vault.remove("absente")
    assert vault.entries() == []


def test_the_passphrase_can_be_changed(file: Path) -> None:
    """The old one opens nothing any more."""
    vault = Vault(file, PHRASE)
    vault.put(entry("a"))
    vault.change_passphrase("une nouvelle phrase")
    assert vault.find("a") == entry("a")
    assert Vault(file, "une nouvelle phrase").find("a") == entry("a")
    with pytest.raises(VaultError):
        Vault(file, PHRASE)
