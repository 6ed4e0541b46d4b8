"""Three workers of which one is killed every second: nothing is lost, nothing is done twice (docs/later.md)."""

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from pfcng.contract.messages import RequeteDemandeCertificats
from pfcng.domain.rules import Rules
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.operations.revoquer_certificat import revoquer_certificat
from support.csrs import make_csr, make_keys
from support.demandes import demande_for
from support.drivers import driver, driver_environment
from support.mails import mails_in
from support.platform import NOW, make_context
from support.revocations import revocation_of
from support.scenario import ORG, Scenario

DEMANDES: Final = 2000
EXPIRED: Final = DEMANDES // 10
REVOKED: Final = DEMANDES // 20
WORKERS: Final = 3
LOT: Final = 20
SECONDS: Final = 60 + DEMANDES // 4
"""How long all of it may take on a busy machine of two cores."""
PRESENT: Final = NOW + timedelta(days=31)


def order(scenario: Scenario, context: RequestContext, csrs: list[str]) -> list[int]:
    """The numbers of demandes, ordered by lots."""
    numbers: list[int] = []
    for first in range(0, len(csrs), LOT):
        lot = tuple(demande_for(ORG, csr) for csr in csrs[first : first + LOT])
        reply = demander_certificats(
            RequeteDemandeCertificats(demandes=lot), database=scenario.database, context=context, rules=Rules()
        )
        assert reply.statut_lot == "OK", reply.message
        numbers += [int(demande.indice_retrait or 0) for demande in reply.demandes]
    return numbers


def prepare(scenario: Scenario) -> None:
    """Demandes whose time is over, demandes that wait, and certificates whose révocation falls due."""
    csrs = [make_csr(key) for key in make_keys(DEMANDES)]
    order(scenario, make_context(), csrs[:EXPIRED])
    recent = replace(make_context(), now=NOW + timedelta(days=20))
    for numero in order(scenario, recent, csrs[EXPIRED:])[:REVOKED]:
        certificate = scenario.withdraw(numero, context=recent)
        requete = revocation_of(certificate, date_effet=(NOW + timedelta(days=25)).date())
        revoquer_certificat(
            requete, database=scenario.database, authority=scenario.authority, context=recent, rules=Rules()
        )


class Workers:
    """Processes, of which one after the other is killed and replaced."""

    def __init__(self, dsn: str, pki: Path, maildir: Path) -> None:
        self._arguments = [dsn, str(pki), str(maildir), PRESENT.isoformat()]
        self._processes = [self._start() for _ in range(WORKERS)]
        self.died = 0

    def kill_one(self) -> None:
        """Kill the one that has worked the longest; one that still loads has not worked."""
        working = next((process for process in self._processes if _says_ready(process)), None)
        if working is None:
            return
        self._processes.remove(working)
        self._kill(working)
        self._processes.append(self._start())
        self.died += 1

    def kill_all(self) -> None:
        for process in self._processes:
            self._kill(process)

    def _start(self) -> subprocess.Popen[bytes]:
        command = driver("worker_driver", *self._arguments)
        process = subprocess.Popen(command, env=driver_environment(), stdout=subprocess.PIPE)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return process

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()


def _says_ready(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None
    return bool(process.stdout.peek())  # type: ignore[attr-defined]  # a BufferedReader, whatever Popen calls it


def is_over(scenario: Scenario) -> bool:
    """Whether nothing is left to do."""
    [row] = scenario.rows(
        """
        SELECT (SELECT count(*) FROM courrier WHERE etat = 'à envoyer')
             + (SELECT count(*) FROM revocation WHERE etat = 'Demande enregistrée')
             + (SELECT count(*) FROM produit p JOIN demande d ON d.numero = p.demande
                WHERE p.etat = 'Produit à retirer' AND d.creee_le < %s) AS left
        """,
        NOW + timedelta(days=1),
    )
    return int(row["left"]) == 0


def what_waits(scenario: Scenario) -> str:
    """What the queue looks like when it takes too long."""
    rows = scenario.rows(
        """
        SELECT task_name, status::text, count(*) AS jobs, min(id) AS first, max(attempts) AS attempts,
               min(scheduled_at) AS planned
        FROM procrastinate_jobs GROUP BY 1, 2
        """
    )
    return "\n".join(["it takes too long", *(str(tuple(row.values())) for row in rows)])


@pytest.mark.timeout(2 * SECONDS)
def test_nothing_is_lost_and_nothing_done_twice(scenario: Scenario, dsn: str, pki: Path, tmp_path: Path) -> None:
    """Each mail is delivered once, each expiry and each deferred révocation is done once (RMT_ERR_008, dateEffet)."""
    prepare(scenario)
    workers = Workers(dsn, pki, tmp_path / "courrier")
    try:
        began = time.monotonic()
        while not is_over(scenario):
            assert time.monotonic() - began < SECONDS, what_waits(scenario)
            time.sleep(1)  # the rhythm of the kills
            workers.kill_one()
    finally:
        workers.kill_all()
    expected = {
        "CONFIRMATION-DEMANDE": DEMANDES,
        "CONFIRMATION-RETRAIT": REVOKED,
        "CONFIRMATION-REVOCATION": REVOKED,
        "NMG-003": EXPIRED,
    }
    sent = scenario.rows("SELECT notification, count(*) AS sent FROM courrier WHERE etat = 'envoyé' GROUP BY 1")
    assert {row["notification"]: row["sent"] for row in sent} == {name: 2 * count for name, count in expected.items()}
    arrived = mails_in(tmp_path / "courrier")
    assert Counter(str(message["X-Pfcng-Notification"]) for message in arrived) == {
        name: 2 * count for name, count in expected.items()
    }
    assert len({message["Message-ID"] for message in arrived}) == len(arrived)
    done = scenario.rows("SELECT transition, count(*) AS done FROM historique GROUP BY 1, numero, objet")
    assert {row["done"] for row in done} == {1}
    ended = Counter(row["transition"] for row in done if row["transition"] in {"ANNULER_VALIDEE", "REVOQUER_ACTIF"})
    assert ended == {"ANNULER_VALIDEE": 2 * EXPIRED, "REVOQUER_ACTIF": REVOKED}
    assert workers.died > 0
    sys.stdout.write(f"{workers.died} workers killed in {time.monotonic() - began:.0f} s\n")
