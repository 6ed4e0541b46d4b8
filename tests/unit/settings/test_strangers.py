"""Variables of the environment that are no setting are told, by name (docs/exploitation/reglages.md)."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from pfcng.settings import IgcSettings, PlatformSettings
from pfcng.settings.loading import FileSettings
from pfcng.settings.strangers import OTHERS

SOURCES = Path(__file__).parents[3] / "src" / "pfcng"


def told(kind: type[FileSettings], text: str = "") -> list[str]:
    """The variables that are told, of settings that lack about everything."""
    with pytest.raises(ValidationError) as caught:
        kind.parse(text, Path("/"))
    faults = caught.value.errors()
    assert "secret" not in str(caught.value)
    return [str(fault["loc"][0]) for fault in faults if fault["type"] == "extra_forbidden" and len(fault["loc"]) == 1]


@pytest.mark.parametrize("name", ["PFCNG_BASE__DNS", "PFCNG_DSM", "pfcng_dsm", "PFCNG_IGC_URL", "PFCNG_SERVEUR_CLE"])
def test_variable_that_is_no_setting_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By its name; its value may be a secret."""
    monkeypatch.setenv(name, "secret")
    assert told(PlatformSettings) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("PFCNG_DSN", "pfcng_dsn", "PFCNG_SERVEUR__CLE", "PFCNG_IGC", "PFCNG_IGC__URL"),
        *("PFCNG_IGC_DSN", "PFCNG_IGC_SERVEUR__CLE"),
        *sorted(OTHERS),
        *("PFCNG_SERVICE_HOST", "PFCNG_PORT", "PFCNG_PORT_8443_TCP_ADDR", "PFCNG_IGC_SERVICE_PORT_HTTPS"),
        *("AUTRE", "XPFCNG_DSN"),
    ],
)
def test_variable_of_a_setting_or_of_something_else_is_not(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Settings of both programs, the client's, those of a Kubernetes Service that is called « pfcng »."""
    monkeypatch.setenv(name, "{}" if name == "PFCNG_IGC" else "x")
    assert told(PlatformSettings) == []
    assert told(IgcSettings) == []


def test_variable_that_a_setting_names_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """``pin_env``, ``mot_de_passe_env``: the exploitant calls them as he likes."""
    monkeypatch.setenv("PFCNG_MON_PIN", "secret")
    assert told(PlatformSettings, 'emettrices = [{ certificat = "a", pin_env = "PFCNG_MON_PIN" }]') == []
    assert told(PlatformSettings) == ["PFCNG_MON_PIN"]


def test_pfcng_igc_minds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not under its prefix may be anybody's."""
    monkeypatch.setenv("PFCNG_IGC_ECOUT", "secret")
    monkeypatch.setenv("PFCNG_ECOUT", "secret")
    assert told(IgcSettings) == ["PFCNG_IGC_ECOUT"]


def test_every_variable_of_the_sources_is_known() -> None:
    """One that is read somewhere and stands on no list would keep a node from starting."""
    written = {
        name
        for file in SOURCES.rglob("*.py")
        for name in re.findall(r'"(PFCNG_[A-Z_]*[A-Z])"', file.read_text("utf-8"))
    }
    settings = {f"PFCNG_{name.upper()}" for name in PlatformSettings.model_fields}
    assert {"PFCNG_DSN", "PFCNG_PARC"} <= written <= settings | OTHERS
