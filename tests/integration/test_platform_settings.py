"""What a platform is told of a PFCNG-IGC that runs elsewhere: ``PFCNG_IGC``, ``PFCNG_REPRISES_REVOCATION``."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pfcng.igc.urls import PublicationUrls
from pfcng.sandbox.mistakes import SandboxError
from pfcng.sandbox.own_settings import sandbox_settings
from pfcng.sandbox.pki import plan_pki
from pfcng.settings import Settings
from support.igc_service import Identities
from support.platform import make_pki


def load(directory: Path) -> Settings:
    """The sandbox's settings, with the environment's."""
    return sandbox_settings(plan_pki(directory, ()), PublicationUrls(), directory)


def test_authority_elsewhere_is_told_by_one_variable(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON object; ten seconds a call unless said otherwise (RMT_ERR_003: « le délai paramétré »)."""
    told = Identities.of(make_pki(pki)).platform_settings("https://igc.example:9443")
    monkeypatch.setenv("PFCNG_IGC", json.dumps(told))
    igc = load(pki).igc
    assert igc is not None
    assert (igc.url, igc.delai) == ("https://igc.example:9443", 10.0)


def test_every_fault_of_the_variable_is_told_at_once(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In French, each with its key."""
    told = Identities.of(make_pki(pki)).platform_settings(
        "http://igc.example/", delai=0, autorites=[], cle="absente.key"
    )
    del told["confiance"]
    monkeypatch.setenv("PFCNG_IGC", json.dumps(told))
    with pytest.raises(SandboxError) as refused:
        load(pki)
    assert [line.strip() for line in str(refused.value).splitlines()] == [
        "PFCNG_IGC.url : adresse attendue, comme https://igc.example:9443, sans « / » final",
        "PFCNG_IGC.cle : le fichier absente.key n’existe pas",
        "PFCNG_IGC.confiance : valeur obligatoire",
        "PFCNG_IGC.autorites : au moins une valeur attendue",
        "PFCNG_IGC.delai : nombre d’au moins 0.1 attendu",
    ]


def test_waits_between_attempts_are_a_list_of_seconds(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RMT_ERR_012: « Configuration du connecteur »."""
    assert load(pki).reprises_revocation[:4] == tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
    monkeypatch.setenv("PFCNG_REPRISES_REVOCATION", "[30, 600]")
    assert load(pki).reprises_revocation == (timedelta(seconds=30), timedelta(minutes=10))
