"""A platform whose authority's key is in a token: the PIN is told to nobody (docs/cles.md). Source: PKCS #11 v3.0."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pfcng.client import RefusedError
from pfcng.contract import codes
from pfcng.pki.authorities import AUTHORITIES
from support.serve import Installation, Node, obtain, order, run, running_node
from support.softhsm import SoftToken, import_key, soft_token

PIN: Final = "le bon code du jeton"
WRONG: Final = "un mauvais code de jeton"
AUTHORITY: Final = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"


@pytest.fixture
def token(tmp_path: Path, installation: Installation) -> Iterator[SoftToken]:
    """A token with the key that signs what ``obtain`` orders."""
    with soft_token(tmp_path, PIN) as opened:
        import_key(opened, installation.pki.authorities[AUTHORITY].pair.key, "aci", PIN)
        yield opened


def settings(installation: Installation, token: SoftToken, **secret: str) -> dict[str, Any]:
    """Those of a node, with the key of that authority in the token."""
    files = {name.common_name: installation.pki.authorities[name.common_name].pair for name in AUTHORITIES}
    kept = {
        "certificat": str(files[AUTHORITY].certificate),
        "pkcs11": str(token.source.module),
        "jeton": token.source.label,
        "etiquette": "aci",
        **secret,
    }
    others = [one for one in installation.told()["emettrices"] if one["certificat"] != kept["certificat"]]
    return {"processus": 1, "emettrices": [kept, *others]}


def test_pin_is_told_to_nobody(installation: Installation, token: SoftToken, tmp_path: Path) -> None:
    """Right or wrong, from a file or the environment: not in the log, nor in what commands say, nor in the journal."""
    told: list[str] = []
    good = installation.write("jeton.toml", **settings(installation, token, pin_env="CODE_DU_JETON"))
    with running_node(installation, good, "--with-worker", CODE_DU_JETON=PIN) as node:
        assert "BEGIN CERTIFICATE" in obtain(node)
        told += stopped(node)
    wrong = tmp_path / "mauvais"
    wrong.touch(mode=0o600)
    wrong.write_text(WRONG)
    bad = installation.write("jeton-refuse.toml", **settings(installation, token, pin_fichier=str(wrong)))
    with running_node(installation, bad, "--with-worker") as node:
        with node.client() as client, pytest.raises(RefusedError) as refused:
            client.retirer_certificat(order(client), "un code")
        assert refused.value.code == codes.WSMG_15.value
        told += stopped(node)
    assert any('"jeton.pin_refuse"' in line for line in told)
    checked = run("config", "verifier", bad)
    told += [checked.stdout, checked.stderr, *journal(installation)]
    assert [line for line in told if PIN in line or WRONG in line] == []


def stopped(node: Node) -> list[str]:
    """The whole log of a node, which is stopped for that."""
    assert node.stop() == 0
    return list(node.log)


def journal(installation: Installation) -> list[str]:
    """The entries of the journal, as text."""
    with psycopg.connect(installation.dsn) as connection:
        return [row[0] for row in connection.execute("SELECT j::text FROM journal j")]
