"""Two nodes, two workers, two PFCNG-IGC on one PostgreSQL: each act once, whoever dies (docs/exploitation)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from prometheus_client.parser import text_string_to_metric_families

from pfcng.client import Client
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import ReponseDemandeCertificats, ReponseRevocationCertificat, RequeteDemandeCertificats
from pfcng.sandbox.pairs import Pair
from support.csrs import make_csr, make_key, make_keys
from support.demandes import HOPITAL, demande_for
from support.fleet import Fleet, running_fleet
from support.load import Promises, load
from support.platform import EDITEUR
from support.proxies import post
from support.revocations import revocation_of
from support.serve import run
from support.workers import wait_until

SERVER = Product(Offre.SERV, Usage.SSL_SERV)
KEYS = 600
AFTER = 10
"""Deliveries after the kill: the platform goes on."""


@pytest.fixture(scope="module")
def fleet(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("flotte"), postgres, "flotte") as running:
        yield running


def statuses(fleet: Fleet, pair: Pair) -> list[int]:
    """What each node answers at ws-srv to what is no message: 500 to who is admitted, 403 to others."""
    urls = [node.service.replace("127.0.0.1", "localhost") + "/ws-srv" for node in fleet.nodes]
    return [post(url, fleet.installation, pair).status_code for url in urls]


def test_certificate_revoked_through_one_node_is_refused_by_all(fleet: Fleet) -> None:
    """By PFCNG-IGC, whose CRL they fetch once an hour: they know it themselves."""
    folder, first = fleet.installation.directory, fleet.nodes[0]
    key = make_key()
    pair = Pair(certificate=folder / "logiciel.pem", key=folder / "logiciel.key")
    with first.client() as client:
        reply = client.demander_certificats([demande_for(SERVER, make_csr(key))])
        assert reply.statut_lot == "OK", reply.message
        certificate = client.retirer_certificat(reply.demandes[0].indice_retrait or "", "un code").certificate
        pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        listed = run("liste-blanche", "ajouter", "--base", fleet.installation.dsn, "--certificat", pair.certificate)
        assert listed.returncode == 0, listed.stderr
        wait_until(lambda: statuses(fleet, pair) == [500, 500])
        revoked = client.call(revocation_of(certificate))
        assert isinstance(revoked, ReponseRevocationCertificat)
        assert revoked.statut == "OK", revoked.message
    wait_until(lambda: statuses(fleet, pair) == [403, 403])


def test_habilitation_that_is_withdrawn_counts_no_more_at_any_node(fleet: Fleet) -> None:
    """From the next request on, whichever node it comes to (guide §8)."""
    told = ("--base", fleet.installation.dsn, "--acteur", EDITEUR, "--struct", HOPITAL)
    named = (*told, "--offre", "SERV", "--domaine", "*.hopital.example")
    assert order_at_each(fleet) == ["OK", "OK"]
    withdrawn = run("habilitation", "retirer", *named)
    assert withdrawn.returncode == 0, withdrawn.stderr
    assert order_at_each(fleet) == ["KO", "KO"]
    declared = run("habilitation", "ajouter", *named)
    assert declared.returncode == 0, declared.stderr
    assert order_at_each(fleet) == ["OK", "OK"]


def order_at_each(fleet: Fleet) -> list[str]:
    """What becomes of a demande for www.hopital.example at each node."""
    found = []
    for node in fleet.nodes:
        with node.client() as client:
            reply = client.call(RequeteDemandeCertificats(demandes=(demande_for(SERVER, make_csr(make_key())),)))
        assert isinstance(reply, ReponseDemandeCertificats)
        found.append(reply.statut_lot)
    return found


def test_pfcng_igc_that_is_killed_is_not_missed(fleet: Fleet) -> None:
    """Its calls go to the other; what was promised is kept, nothing is issued twice, and no mail goes twice."""
    ports = [node.port for node in fleet.nodes]
    keys = iter(make_keys(KEYS))
    with load(lambda port: client_of(fleet, port), ports, keys, 2) as promises:
        wait_until(lambda: len(issued(fleet)) >= AFTER)
        fleet.igcs[0].kill()
        before = len(issued(fleet))
        wait_until(lambda: len(issued(fleet)) >= before + AFTER)
    assert promises.odd == []
    assert promises.answers["incident"] == promises.answers["no answer"] == 0, promises.answers
    check(fleet, promises)


def client_of(fleet: Fleet, port: int) -> Client:
    """One that tries nothing again by itself."""
    [node] = [each for each in fleet.nodes if each.port == port]
    return node.client()


def issued(fleet: Fleet) -> list[dict[str, Any]]:
    """What PFCNG-IGC signed."""
    return fleet.igc_rows("SELECT numero, der FROM igc.certificat WHERE der IS NOT NULL")


def check(fleet: Fleet, promises: Promises) -> None:
    """Each number has the certificate that was delivered, and no other number has it."""
    signed = {row["numero"]: bytes(row["der"]) for row in issued(fleet)}
    delivered = {numero: one.public_bytes(Encoding.DER) for numero, one in promises.delivered.items()}
    assert delivered.items() <= signed.items()
    assert len(set(signed.values())) == len(signed)


def test_mails_and_periodic_acts_are_each_done_once(fleet: Fleet) -> None:
    """By one worker or the other, both of which work."""
    assert order_at_each(fleet) == ["OK", "OK"]
    wait_until(lambda: fleet.rows("SELECT 1 FROM courrier WHERE etat = 'à envoyer'") == [])
    mails = [row["numero"] for row in fleet.rows("SELECT numero FROM courrier")]
    sent = list((fleet.installation.directory / "courrier" / "new").iterdir())
    assert len(sent) == len(mails) > 0
    assert [row["workers"] for row in fleet.rows("SELECT count(*) AS workers FROM procrastinate_workers")] == [2]
    wait_until(lambda: acts_done(fleet)["purge"] > 0)
    assert acts_done(fleet)["purge"] == 1, "it is due once a day"


def acts_done(fleet: Fleet) -> Counter[str]:
    """How often the workers did each periodic act."""
    done = Counter[str]()
    for url in fleet.workers:
        told = httpx.get(f"{url}/metrics", trust_env=False, timeout=30).text
        for family in text_string_to_metric_families(told):
            for sample in family.samples:
                if sample.name == "pfcng_acts_total" and sample.labels["result"] == "done":
                    done[sample.labels["act"]] += int(sample.value)
    return done
