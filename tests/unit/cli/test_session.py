"""What the client's commands ask of the machine: the present."""

from datetime import UTC, datetime, timedelta

import pytest

from pfcng.cli.work import session
from pfcng.client import ClientError


def test_present_is_this_machine_s_unless_a_sandbox_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(session.CLOCK, raising=False)
    assert datetime.now(UTC) - session.present() < timedelta(minutes=1)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/bac-a-sable", "n’importe quoi", "http://[::1"])
def test_clock_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Nothing is renewed by a clock that nobody knows."""
    monkeypatch.setenv(session.CLOCK, address)
    with pytest.raises(ClientError, match="ne donne pas l’heure d’un bac à sable ouvert"):
        session.present()
