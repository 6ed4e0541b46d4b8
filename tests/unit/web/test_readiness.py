"""What takes a node out of the load balancer, and what is only told."""

from datetime import timedelta
from pathlib import Path
from threading import Event

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.igc.authority import AuthorityUnavailable
from pfcng.web.exploitation import create_exploitation
from pfcng.web.readiness import Check, Health, ServedCertificate, State, authority_check, certificates_check
from support.minimal_pki import MinimalPki
from support.workers import wait_until


def ask(parts: dict[str, Check], path: str = "/sante/pret") -> httpx.Response:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(create_exploitation(parts, list))
        async with httpx.AsyncClient(transport=transport, base_url="http://exploitation") as client:
            return await client.get(path)

    return anyio.run(get)


def always(state: State, reason: str = "") -> Check:
    return lambda: Health(state, reason)


@pytest.mark.parametrize(
    ("states", "status", "told"),
    [
        ([State.READY, State.READY], 200, "prêt"),
        ([State.READY, State.DEGRADED], 200, "dégradé"),
        ([State.DOWN, State.DEGRADED], 503, "non"),
    ],
)
def test_node_is_as_ready_as_its_worst_part(states: list[State], status: int, told: str) -> None:
    """503 only when nobody can be served: what all nodes share would take all of them out."""
    answer = ask({f"partie-{number}": always(state) for number, state in enumerate(states)})
    assert (answer.status_code, answer.json()["etat"]) == (status, told)


def test_part_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as such, and so are the others."""
    monkeypatch.setattr("pfcng.web.exploitation._PATIENCE", 0.05)
    released = Event()

    def hang() -> Health:
        released.wait(10)
        return Health()

    try:
        answer = ask({"base": hang, "tls": always(State.READY)})
    finally:
        released.set()
    assert answer.status_code == 503
    assert answer.json()["parties"]["tls"] == {"etat": "prêt"}
    assert "pas de réponse" in answer.json()["parties"]["base"]["raison"]


def test_address_that_is_none_is_told() -> None:
    """A sentence with those that are."""
    answer = ask({}, "/")
    assert answer.status_code == 404
    assert "/sante/pret" in answer.text


class Away:
    """An authority that does not answer."""

    def status(self, numero: int) -> object:
        raise AuthorityUnavailable(str(numero))


class Hanging:
    """An authority of which nothing comes back until it is released."""

    def __init__(self) -> None:
        self.released = Event()
        self.calls = 0

    def status(self, _numero: int) -> object:
        self.calls += 1
        self.released.wait(20)
        return None


def test_authority_that_hangs_degrades_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine is gone, and does not even refuse: no node is taken out, and probes take no calls from others."""
    monkeypatch.setattr("pfcng.web.readiness._PATIENCE", 0.05)
    authority = Hanging()
    check = authority_check(authority)  # type: ignore[arg-type]
    try:
        for _ in range(3):
            answer = ask({"base": always(State.READY), "igc": check})
            assert (answer.status_code, answer.json()["etat"]) == (200, "dégradé")
        assert authority.calls == 1
    finally:
        authority.released.set()
    wait_until(lambda: check().state is State.READY)
    assert authority.calls == 1, "an answer counts for some seconds"


def test_authority_that_is_away_degrades() -> None:
    """Demandes, suivi and the rest go on."""
    assert authority_check(Away())().state is State.DEGRADED  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before_end", "state"),
    [(timedelta(days=8), State.READY), (timedelta(days=6), State.DEGRADED), (-timedelta(seconds=1), State.DOWN)],
)
def test_certificate_of_the_service_is_told_before_its_end(
    minimal_pki: MinimalPki, tmp_path: Path, before_end: timedelta, state: State
) -> None:
    """A week before; once it is over no client believes it."""
    file = tmp_path / "serveur.pem"
    file.write_bytes(minimal_pki.signer.certificate.public_bytes(Encoding.PEM))
    served = ServedCertificate(file)
    assert served.check(lambda: served.ends - before_end).state is state


def test_authority_that_ends_is_told(minimal_pki: MinimalPki) -> None:
    """By its name, before its end."""
    certificate = minimal_pki.authority.certificate
    end = certificate.not_valid_after_utc

    def at(before: timedelta) -> Health:
        return certificates_check([certificate], lambda: end - before)()

    assert at(timedelta(days=8)).state is State.READY
    assert at(timedelta(days=6)).state is State.DEGRADED
    assert f"{end:%Y-%m-%d}" in at(timedelta(days=6)).reason
