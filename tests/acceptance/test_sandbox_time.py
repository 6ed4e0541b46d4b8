"""The sandbox's clock and incidents, as an integrator uses them (docs/bac-a-sable.md)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from pfcng.client.errors import RefusedError
from pfcng.contract.catalogue import Motif, TypeDemande
from pfcng.contract.messages import RequeteRenouvellementCertificat, RequeteRevocationCertificat, RequeteSuiviActivite
from pfcng.contract.paris import paris_day
from support.csrs import make_csr
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox, start, stop
from support.mails import mails_in
from support.revocations import revocation_of
from support.scenario import ORG, aki_of, serial_of
from support.workers import wait_until


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with shared_folder() as folder:
        yield folder / "sandbox"


@pytest.fixture(scope="module")
def travelling(folder: Path) -> Iterator[Sandbox]:
    """A sandbox whose clock this module may move."""
    running = start(folder)
    try:
        yield running
    finally:
        assert stop(running) == 0


def pfcng(sandbox: Sandbox, *arguments: str, status: int = 0) -> dict[str, Any]:
    """What a command about the sandbox says."""
    done = subprocess.run(
        [sys.executable, "-m", "pfcng", "sandbox", *arguments, "--data", sandbox.directory, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == status, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def order(sandbox: Sandbox) -> str:
    with sandbox.client() as client:
        reply = client.demander_certificats([demande_for(ORG, make_csr())])
    assert reply.statut_lot == "OK", reply.message
    return str(reply.demandes[0].indice_retrait)


def withdraw(sandbox: Sandbox, indice: str) -> x509.Certificate:
    with sandbox.client() as client:
        return client.retirer_certificat(indice, "code").certificate


def refused(sandbox: Sandbox, indice: str) -> str:
    """The code of a retrait that is refused."""
    with pytest.raises(RefusedError) as refusal:
        withdraw(sandbox, indice)
    return str(refusal.value.code)


def state_of(sandbox: Sandbox, kind: TypeDemande, certificate: x509.Certificate) -> str | None:
    """What the suivi says of the certificate, or of its révocation."""
    requete = RequeteSuiviActivite(type_demande=kind, offre=ORG.offre, id_nat_struct=demande_for(ORG, "").id_nat_struct)
    with sandbox.client() as client:
        rows = client.call(requete).resultats
    [found] = [row.etat for row in rows if row.numero_serie == serial_of(certificate)]
    return found


def told(sandbox: Sandbox, code: str) -> int:
    """How many mails of a notification there are."""
    return sum(message["X-Pfcng-Notification"] == code for message in mails_in(sandbox.directory / "courrier"))


def test_three_years_walk_a_certificate_to_its_end(travelling: Sandbox) -> None:
    """Reminders at 60, 30 and 7 days, expiry, and no renewal after it; the platform goes on with renewed cards."""
    indice, forgotten = order(travelling), order(travelling)
    certificate = withdraw(travelling, indice)
    renewal = RequeteRenouvellementCertificat(
        aki=aki_of(certificate),
        numero_serie=serial_of(certificate),
        mail_demandeur="demandeur@hopital.example",
        mail_personne_a_informer="informer@hopital.example",
        csr=make_csr(),
    )
    done = pfcng(travelling, "avancer", "3a")["fait"]
    assert (done["rappels"], done["annulations"]) == (3, 1)
    wait_until(lambda: (told(travelling, "RAPPEL-ECHEANCE"), told(travelling, "NMG-003")) == (6, 2))
    pfcng(travelling, "avancer", "2j")
    with travelling.client() as client:
        reply = client.call(renewal)
    assert reply.statut == "WSMG-00000010"
    assert "en cours de validité" in reply.message
    assert refused(travelling, forgotten) == "WSMG-00000011"
    fresh = withdraw(travelling, order(travelling))
    assert fresh.not_valid_before_utc > certificate.not_valid_after_utc


def test_incidents_of_the_authority_show_their_codes(travelling: Sandbox) -> None:
    """Codes 18, 15, 17 and 16 of a retrait, and its success once all is restored (RMT_ERR_003, 004, 006, 007)."""
    indice, hopeless, unissued = order(travelling), order(travelling), order(travelling)
    assert pfcng(travelling, "panne", "igc-inaccessible", "--pendant", "10m")["pannes"] == {"igc-inaccessible": 600}
    assert refused(travelling, indice) == "WSMG-00000018"
    pfcng(travelling, "retablir")
    pfcng(travelling, "panne", "igc-inaccessible-au-retrait")
    assert refused(travelling, indice) == "WSMG-00000015"
    pfcng(travelling, "panne", "igc-refuse")
    assert refused(travelling, hopeless) == "WSMG-00000017"
    pfcng(travelling, "retablir")
    pfcng(travelling, "panne", "igc-refuse-au-retrait")
    assert refused(travelling, unissued) == "WSMG-00000016"
    assert pfcng(travelling, "retablir")["pannes"] == {}
    assert withdraw(travelling, indice)


def test_incidents_of_the_mails_show_in_their_list(travelling: Sandbox) -> None:
    """A relay that refuses ends the mail; one that is not there lets it wait, by the sandbox's clock."""
    pfcng(travelling, "panne", "courrier-refuse")
    order(travelling)

    def courrier(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "pfcng", "courrier", *arguments, "--data", travelling.directory, "--json"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def states() -> dict[str, int]:
        numbers: dict[str, int] = courrier("lister")["nombres"]
        return numbers

    def waiting_with_a_reason() -> int:
        return sum(mail["etat"] == "à envoyer" and mail["tentatives"] > 0 for mail in courrier("lister")["courriels"])

    wait_until(lambda: states()["refusé"] == 2)
    pfcng(travelling, "panne", "courrier-inaccessible")
    order(travelling)
    wait_until(lambda: waiting_with_a_reason() == 2)
    pfcng(travelling, "avancer", "3j")
    wait_until(lambda: states()["abandonné"] == 2)
    courrier("relancer", "--etat", "abandonne")  # another 48 hours, of that clock
    order(travelling)
    wait_until(lambda: waiting_with_a_reason() == 4)
    pfcng(travelling, "retablir")
    pfcng(travelling, "avancer", "1h")
    wait_until(lambda: states()["à envoyer"] == 0)
    assert states()["abandonné"] == 0


def test_deferred_revocation_comes_on_its_day(travelling: Sandbox) -> None:
    """dateEffet, and its confirmation (§16)."""
    certificate = withdraw(travelling, order(travelling))
    before = told(travelling, "CONFIRMATION-REVOCATION")
    state = httpx.get(travelling.description["urls"]["http"] + "/bac-a-sable", trust_env=False).json()
    day = paris_day(datetime.fromisoformat(state["maintenant"]) + timedelta(days=3))
    requete = RequeteRevocationCertificat(
        aki=aki_of(certificate),
        numero_serie=serial_of(certificate),
        gamme="EL",
        motif=Motif.FIN_DACTIVITE,
        date_effet=day,
        mail_demandeur="demandeur@hopital.example",
        mail_personne_a_informer="informer@hopital.example",
    )
    with travelling.client() as client:
        assert client.call(requete).statut == "OK"
    assert pfcng(travelling, "avancer", "1j")["fait"]["revocations"] == 0
    assert pfcng(travelling, "avancer", "2j")["fait"]["revocations"] == 1
    wait_until(lambda: told(travelling, "CONFIRMATION-REVOCATION") == before + 2)


def test_revocation_that_nobody_answers_is_given_up(travelling: Sandbox) -> None:
    """RMT_ERR_012 to its end, « Demande non traitée », by moving the clock alone; the produit stays actif."""
    certificate = withdraw(travelling, order(travelling))
    requete = revocation_of(certificate, motif=Motif.FIN_DACTIVITE)
    pfcng(travelling, "panne", "igc-inaccessible")
    with travelling.client() as client:
        assert client.call(requete).statut == "OK"
    assert state_of(travelling, TypeDemande.DEMANDES_REVOCATION, certificate) == "Demande enregistrée"
    pfcng(travelling, "avancer", "2j")
    pfcng(travelling, "retablir")
    assert state_of(travelling, TypeDemande.DEMANDES_REVOCATION, certificate) == "Demande non traitée"
    assert state_of(travelling, TypeDemande.PRODUITS, certificate) == "Produit actif"


@pytest.mark.parametrize(
    ("path", "body", "content_type", "status"),
    [
        ("/horloge", '{"avancer": "hier"}', "application/json", 400),
        ("/horloge", '{"avancer": "99999j"}', "application/json", 400),
        ("/horloge", '{"avancer": "60j"}', "text/plain", 415),
        ("/horloge", "{}", "application/json", 400),
        ("/horloge", "[]", "application/json", 400),
        ("/horloge", "{", "application/json", 400),
        ("/pannes", '{"panne": "orage"}', "application/json", 400),
        ("/pannes", '{"panne": "igc-lente", "pendant": 5}', "application/json", 400),
        ("/pannes", " " * 5000, "application/json", 413),
        ("/panne", '{"panne": "igc-lente"}', "application/json", 404),
        ("", "{}", "application/json", 404),
    ],
)
def test_interface_refuses_what_it_cannot_follow(
    travelling: Sandbox, path: str, body: str, content_type: str, status: int
) -> None:
    """In French, and changing nothing; a page of another origin cannot ask without being asked."""
    base = travelling.description["urls"]["http"] + "/bac-a-sable"
    before = httpx.get(base, trust_env=False).json()["avance_secondes"]
    headers = {"Content-Type": content_type}
    answer = httpx.post(base + path, content=body, headers=headers, trust_env=False)
    assert answer.status_code == status
    assert answer.json()["erreur"]
    assert httpx.get(base, trust_env=False).json()["avance_secondes"] == before


def test_what_the_move_did_is_told_in_words(travelling: Sandbox) -> None:
    """And nothing of what had nothing to do."""
    pfcng(travelling, "avancer", "31j")  # what other tests left
    order(travelling)
    command = [sys.executable, "-m", "pfcng", "sandbox", "avancer", "31j", "--data", str(travelling.directory)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[0].startswith("L’horloge du bac à sable est au ")
    lines = [" ".join(line.split()) for line in told[1:]]
    assert "Demandes annulées, non retirées 1" in lines
    assert not any(line.endswith(" 0") for line in lines)


def test_clock_stays_where_it_is_from_one_opening_to_the_next() -> None:
    """The folder keeps it; cards and CRLs are those of that day."""
    with shared_folder() as folder:
        first = start(folder / "sandbox")
        pfcng(first, "avancer", "1200j")
        assert stop(first) == 0
        again = start(folder / "sandbox")
        try:
            state = httpx.get(again.description["urls"]["http"] + "/bac-a-sable", trust_env=False).json()
            assert state["avance_secondes"] == 1200 * 86400
            assert withdraw(again, order(again))
        finally:
            assert stop(again) == 0


def test_closed_sandbox_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Exit status 3, in French."""
    folder = tmp_path_factory.mktemp("vide")
    done = subprocess.run(
        [sys.executable, "-m", "pfcng", "sandbox", "retablir", "--data", folder],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert (done.returncode, "Aucun bac à sable n’est ouvert" in done.stderr) == (3, True)
