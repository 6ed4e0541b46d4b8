"""Load while everything fails: no acknowledged act is lost, nothing is issued twice, all of it mends itself."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support.csrs import make_keys
from support.estate import Estate, running_estate
from support.load import Customer, Promises, load

CLIENTS: Final = 4
KEYS: Final = 6000
"""More than are needed: a client that runs out of keys has worked faster than any machine known."""
FIRE: Final = 45.0
"""Seconds of load; ten minutes' worth, shortened."""
SEED: Final = 7


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    with running_estate() as running:
        yield running


def test_load_through_every_outage_loses_nothing_and_issues_nothing_twice(estate: Estate) -> None:
    """A node killed every few seconds, PostgreSQL killed, PFCNG-IGC gone: each promise is kept, and all recovers."""
    keys = iter(make_keys(KEYS))
    began = time.monotonic()
    with load(estate.connect, estate.ports, keys, CLIENTS) as promises:
        fire(estate, until=began + FIRE)
    assert promises.odd == []
    finish(estate, promises)
    check(estate, promises)
    assert_lively(promises.answers)


def fire(estate: Estate, *, until: float) -> None:
    """One outage after the other, all of them within the time."""
    chance = random.Random(SEED)  # noqa: S311 - the moments of a test
    turn = 0
    while time.monotonic() < until:
        place = estate.places[turn % len(estate.places)]
        place.kill()
        threading.Event().wait(chance.uniform(0.1, 1.0))
        place.start()
        if turn % 4 == 1:
            estate.crash_postgres()
        if turn % 4 == 3:
            estate.igc.kill()
            threading.Event().wait(chance.uniform(1.0, 3.0))
            estate.igc.start()
        threading.Event().wait(chance.uniform(0.5, 1.5))
        turn += 1
    assert turn >= 4, "every outage comes at least once"


def finish(estate: Estate, promises: Promises) -> None:
    """What is left open is withdrawn without anybody having mended anything."""
    left = sorted(promises.open - promises.unsure)
    with estate.connect(estate.ports[0]) as client, estate.connect(estate.ports[1]) as other:
        customer = Customer([client, other], iter(()), threading.Event())
        for numero in left:
            customer.withdraw(numero)
    assert customer.promises.odd == []
    assert set(customer.promises.delivered) == set(left)
    promises.add(customer.promises)


def check(estate: Estate, promises: Promises) -> None:
    """Both sides have what the clients were promised, once."""
    signed = {row["numero"]: row for row in estate.igc_rows("SELECT numero, der, numero_serie FROM igc.certificat")}
    known = {row["numero"]: row for row in estate.rows(_KNOWN)}
    assert set(promises.ordered) <= set(known)
    for numero, certificate in promises.delivered.items():
        der = certificate.public_bytes(Encoding.DER)
        assert bytes(signed[numero]["der"]) == der
        assert bytes(known[numero]["certificat"]) == der
        assert certificate.public_key() == promises.ordered[numero]
    serials = [row["numero_serie"] for row in signed.values() if row["numero_serie"] is not None]
    assert len(set(serials)) == len(serials)
    revoked = {int(row["numero_serie"], 16) for row in estate.rows(_REVOKED)}
    assert promises.revoked <= revoked
    assert estate.reconcile().differences == 0


def assert_lively(answers: Counter[str]) -> None:
    """The load was one, and met what it was there to meet."""
    assert answers["ReponseRetraitCertificat"] > 100, answers
    assert answers["no answer"] > 0, answers


_KNOWN: Final = "SELECT d.numero, p.certificat FROM demande d JOIN produit p ON p.demande = d.numero"
_REVOKED: Final = "SELECT p.numero_serie FROM revocation r JOIN produit p ON p.numero = r.produit"
