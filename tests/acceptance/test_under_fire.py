"""Load while everything fails: no acknowledged act is lost, nothing is issued twice, all of it mends itself."""

import platform
import random
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
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
IDLE, UNFINISHED = 1000, 100
FAKETIME: Final = Path(f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketimeMT.so.1")


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


def test_disk_that_is_full_stops_the_service_and_loses_nothing() -> None:
    """Server faults while PostgreSQL cannot write; every promise is kept, and the service is back with the space."""
    with running_estate(disk=small_disk) as estate:
        keys = iter(make_keys(KEYS))
        with load(estate.connect, estate.ports, keys, 2) as promises:
            wait(3.0)
            ballast = fill(estate.data.parent)
            wait(5.0)
            ballast.unlink()
            estate.ensure_postgres()
            wait(3.0)
        assert promises.odd == []
        assert promises.answers["incident"] > 0, promises.answers
        finish(estate, promises)
        check(estate, promises)


@pytest.mark.skipif(not FAKETIME.exists(), reason="needs libfaketime (Debian package)")
def test_clock_of_a_node_that_jumps_breaks_no_promise(tmp_path: Path) -> None:
    """Hours ahead, hours behind, and right again: nothing is lost or issued twice, and the node serves again."""
    shift = tmp_path / "decalage"
    shift.write_text("+0")
    env = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running_estate(env=env) as estate:
        keys = iter(make_keys(KEYS))
        with load(estate.connect, estate.ports, keys, 2) as promises:
            for told in ("+0", "+3h", "-3h", "+2d", "+0"):
                shift.write_text(told)
                wait(2.0)
        assert promises.odd == []
        finish(estate, promises)
        check(estate, promises)
        with estate.connect(estate.ports[0]) as client:
            alone = Customer([client], keys, threading.Event())
            assert alone.order() != [], "the node whose clock jumped takes orders"
        assert alone.promises.odd == []


def test_crowd_of_idle_and_unfinished_clients_keeps_nobody_out(estate: Estate) -> None:
    """A thousand connections that say nothing and a hundred bodies that never end: the others are served."""
    with ExitStack() as stack:
        for number in range(IDLE):
            port = estate.ports[number % 2]
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        for number in range(UNFINISHED):
            stack.enter_context(unfinished(estate, estate.ports[number % 2]))
        with load(estate.connect, estate.ports, iter(make_keys(KEYS)), CLIENTS) as promises:
            wait(6.0)
    assert promises.odd == []
    assert promises.answers["ReponseRetraitCertificat"] > 20, promises.answers
    assert promises.answers["incident"] == 0, promises.answers
    finish(estate, promises)
    check(estate, promises)


def unfinished(estate: Estate, port: int) -> socket.socket:
    """A client that sends half of a body and no more."""
    card = estate.installation.pki.cards["cpe-agent"]
    context = ssl.create_default_context(cafile=estate.installation.pki.anchors)
    context.load_cert_chain(card.auth.certificate, card.auth.key)
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    opened = context.wrap_socket(plain, server_hostname="localhost")
    opened.sendall(b"POST /ws-apt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n<half")
    return opened


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system of its own, of which little is left once a database is there."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nobody here may mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> Path:
    """Write until there is no room; the file that took it."""
    ballast = place / "lest"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    return ballast


def wait(seconds: float) -> None:
    """Let the load go on; there is nothing to wait for but the time."""
    threading.Event().wait(seconds)


def fire(estate: Estate, *, until: float) -> None:
    """One outage after the other for that time, and each at least once however busy the machine."""
    chance = random.Random(SEED)  # noqa: S311 - the moments of a test
    turn = 0
    while time.monotonic() < until or turn < 4:
        place = estate.places[turn % len(estate.places)]
        place.kill()
        wait(chance.uniform(0.1, 1.0))
        place.start()
        if turn % 4 == 1:
            estate.crash_postgres()
        if turn % 4 == 3:
            estate.igc.kill()
            wait(chance.uniform(1.0, 3.0))
            estate.igc.start()
        wait(chance.uniform(0.5, 1.5))
        turn += 1


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
