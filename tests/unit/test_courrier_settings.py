"""The settings of the mails (docs/courrier.md)."""

from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from pfcng.settings import Courrier

SENDER: Final[dict[str, Any]] = {"expediteur": "pfc@hopital.example"}


@pytest.mark.parametrize(("securite", "port"), [("starttls", 587), ("tls", 465), ("aucune", 25)])
def test_port_follows_from_the_protection(securite: Any, port: int) -> None:
    """Those that the protocols have."""
    assert Courrier(**SENDER, serveur="127.0.0.1", securite=securite).relay_port == port
    assert Courrier(**SENDER, serveur="127.0.0.1", securite=securite, port=2525).relay_port == 2525


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({}, "soit dossier, soit serveur"),
        ({"dossier": "courrier", "serveur": "relais.example"}, "soit dossier, soit serveur"),
        ({"serveur": "relais.example", "utilisateur": "pfc"}, "vont ensemble"),
        ({"serveur": "relais.example", "securite": "aucune"}, "serveur de ce poste"),
        ({"serveur": "192.0.2.1", "securite": "aucune"}, "serveur de ce poste"),
        ({"dossier": "courrier", "modeles": "/nulle/part"}, "n’est pas un dossier"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(told: dict[str, Any], fault: str) -> None:
    """In French, at the start."""
    with pytest.raises(ValidationError, match=fault):
        Courrier(**SENDER, **told)


@pytest.mark.parametrize("sender", ["personne", "", "a@", "@b.example", "é@b.example", "a b@c.example"])
def test_sender_that_is_no_address_is_refused(sender: str) -> None:
    """At the start, and not at the first mail."""
    with pytest.raises(ValidationError, match="adresse d’expéditeur"):
        Courrier(expediteur=sender, dossier=Path("courrier"))


def test_sender_may_have_a_name() -> None:
    """In French, too."""
    assert Courrier(expediteur="Accès aux certificats <pfc@hopital.example>", dossier=Path("courrier"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.8.9.10"])
def test_relay_of_this_machine_needs_no_protection(host: str) -> None:
    """Nobody sits on that line."""
    assert Courrier(**SENDER, serveur=host, securite="aucune")


def test_password_is_not_shown(tmp_path: Path) -> None:
    """Neither in a log nor in an error."""
    told = Courrier.model_validate(
        {**SENDER, "serveur": "relais.example", "utilisateur": "u", "mot_de_passe": "tres-secret", "modeles": tmp_path}
    )
    assert "tres-secret" not in repr(told)
