"""Where an authority's key is, as the settings say it (docs/cles.md)."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pfcng.pki.signers.sources import Engine, FileKey, SecretFile, SecretVariable, Token, TokenKey, TransitKey
from pfcng.settings import Emettrice

TOKEN = {"pkcs11": "/lib/softhsm.so", "jeton": "igc", "pin_env": "PIN"}
ENGINE = {"transit": "https://bao.example:8200", "nom": "ACI-EL-ORG", "acces_fichier": "/run/acces"}


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ({"cle": "ac.key"}, FileKey(path=Path("ac.key"))),
        (
            {"cle": "ac.key", "mot_de_passe_env": "MDP"},
            FileKey(path=Path("ac.key"), password=SecretVariable(name="MDP")),
        ),
        (
            {**TOKEN, "etiquette": "ACI-EL-ORG", "identifiant": "0A0B"},
            TokenKey(
                token=Token(module=Path("/lib/softhsm.so"), label="igc", pin=SecretVariable(name="PIN")),
                label="ACI-EL-ORG",
                id=b"\x0a\x0b",
            ),
        ),
        (
            {**ENGINE, "version": 2, "autorite": "bao.pem", "montage": "igc", "espace": "sante"},
            TransitKey(
                engine=Engine(
                    address="https://bao.example:8200",
                    token=SecretFile(path=Path("/run/acces")),
                    mount="igc",
                    ca=Path("bao.pem"),
                    namespace="sante",
                ),
                name="ACI-EL-ORG",
                version=2,
            ),
        ),
    ],
    ids=["clear file", "file", "token", "engine"],
)
def test_key_is_described(told: dict[str, Any], source: object) -> None:
    """The very values that the ceremony makes keys from."""
    assert Emettrice(certificat=Path("ac.pem"), **told).source() == source


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({}, "« cle », ou « pkcs11 », ou « transit »"),
        ({"cle": "ac.key", **ENGINE}, "« cle », ou « pkcs11 », ou « transit »"),
        (TOKEN, "« etiquette »"),
        ({**TOKEN, "etiquette": "x", "jeton": None}, "« jeton »"),
        ({**TOKEN, "identifiant": "zz"}, "hexadécimal"),
        ({**TOKEN, "etiquette": "x", "pin_fichier": "pin"}, "soit « pin_fichier », soit « pin_env »"),
        ({**ENGINE, "acces_fichier": None}, "« acces_env »"),
        ({**ENGINE, "nom": None}, "« nom »"),
        ({"cle": "ac.key", "pin": "246810"}, "pin"),
    ],
)
def test_description_that_does_not_hold_is_refused(told: dict[str, Any], fault: str) -> None:
    """In French; a secret in the settings themselves is no setting."""
    with pytest.raises(ValidationError, match=fault):
        Emettrice(certificat=Path("ac.pem"), **told)
