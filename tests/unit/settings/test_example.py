"""``pfcng config exemple`` and docs/exploitation/reglages.md: made from the settings themselves."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pfcng.settings import PlatformSettings
from pfcng.settings.example import example_file, settings

_PATH = re.compile(r'"([\w/.-]+\.(?:pem|key|crl))"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where every file that the example names is."""
    for name in _PATH.findall(example_file()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(mode=0o600)
    return tmp_path


def test_example_is_read_as_it_is(folder: Path) -> None:
    """Nothing in it is wrong, and what it leaves commented has a default."""
    told = PlatformSettings.parse(example_file(), folder)
    assert told.ecoute == "127.0.0.1:8443"
    assert told.emettrices[0].cle == folder / "ac/ACI-EL-ORG.key"


def test_every_commented_line_is_a_setting(folder: Path) -> None:
    """Without its « # » each one is read too: what contradicts it is taken away first."""
    text = re.sub(r"^#(\[|\w+ = )", r"\1", example_file(), flags=re.MULTILINE)
    document = tomllib.loads(text)
    del document["igc"]
    [emettrice] = document["emettrices"]
    document["emettrices"] = [{key: emettrice[key] for key in ("certificat", "cle")}]
    for name in ("modeles", "dossier", "mot_de_passe_env"):
        del document["courrier"][name]
    assert PlatformSettings(**_beside(document, folder))


def _beside(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {name: _beside(each, folder) for name, each in value.items()}
    if isinstance(value, list):
        return [_beside(each, folder) for each in value]
    return str(folder / value) if isinstance(value, str) and (folder / value).is_file() else value


def test_every_setting_says_what_it_is_for() -> None:
    """In a French sentence: the example and the page have nothing else."""
    told = {one.path: one.text for one in settings()}
    assert {path for path, text in told.items() if not text.endswith(".")} == set()
    assert len(told) > 60
