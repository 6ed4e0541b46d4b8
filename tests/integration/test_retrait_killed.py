"""A retrait killed at each of its commits: what is left, and that the next one mends it (docs/life-of-a-demande.md)."""

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import RequeteDemandeCertificats, RequeteRetraitCertificat
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.operations.retirer_certificat import confirm_delivery, retirer_certificat
from pfcng.store.database import Database, Row
from support.csrs import make_csr
from support.demandes import demande_for
from support.drivers import driver, driver_environment
from support.platform import make_context

VALIDEE = ("Demande validée", "Produit à retirer")
TRANSMISE = ("Demande transmise", "Produit à retirer")
RETIRE = ("Demande transmise", "Produit retiré")
ACTIF = ("Demande close", "Produit actif")

# The commits of a retrait, in their order: reading, R1, R2, I1, I3, R4, R6. Each row is a kill, what it leaves of the
# demande and produit, and how far the authority is: nothing, registered, reserved, issued.
KILLS = [
    ("1-", VALIDEE, "nothing"),
    ("1+", VALIDEE, "nothing"),
    ("2-", VALIDEE, "nothing"),
    ("2+", VALIDEE, "registered"),
    ("3-", VALIDEE, "registered"),
    ("3+", TRANSMISE, "registered"),
    ("4-", TRANSMISE, "registered"),
    ("4+", TRANSMISE, "reserved"),
    ("5-", TRANSMISE, "reserved"),
    ("5+", TRANSMISE, "issued"),
    ("6-", TRANSMISE, "issued"),
    ("6+", RETIRE, "issued"),
    ("7-", RETIRE, "issued"),
    ("7+", ACTIF, "issued"),
]


def test_retrait_killed_at_any_commit_never_yields_two_certificates(
    annuaire: Database, authority: EmbeddedAuthority, dsn: str, pki: Path
) -> None:
    """After every kill the states are those of the table, and the next retrait ends with one certificate."""
    numeros = _order(annuaire, len(KILLS))
    with ThreadPoolExecutor(2) as pool:
        statuses = pool.map(
            _killed_retrait, [(dsn, pki, numero, kill[0]) for numero, kill in zip(numeros, KILLS, strict=True)]
        )
        assert list(statuses) == [-signal.SIGKILL] * len(KILLS)
    for numero, (point, states, progress) in zip(numeros, KILLS, strict=True):
        left = _situation(annuaire, numero)
        assert (point, _states(left), _progress(left)) == (point, states, progress)
        if states == ACTIF:
            continue
        retrait = retirer_certificat(
            RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code"),
            database=annuaire,
            authority=authority,
            context=make_context(),
        )
        confirm_delivery(retrait, database=annuaire, context=make_context())
        _check_one_certificate(annuaire, numero, left, retrait.reponse.certificat or "")


def test_the_driver_counts_every_commit_of_a_retrait(annuaire: Database, dsn: str, pki: Path) -> None:
    """The table of kills is whole: a retrait has seven commits, so an eighth kills nothing."""
    [numero] = _order(annuaire, 1)
    assert _killed_retrait((dsn, pki, numero, "8-")) == 0
    assert _states(_situation(annuaire, numero)) == ACTIF


def _order(database: Database, count: int) -> list[int]:
    demandes = tuple(demande_for(Product(Offre.ORG, Usage.AUTH_CLI), make_csr()) for _ in range(count))
    reply = demander_certificats(
        RequeteDemandeCertificats(demandes=demandes), database=database, context=make_context(), rules=Rules()
    )
    return [int(demande.indice_retrait or 0) for demande in reply.demandes]


def _killed_retrait(arguments: tuple[str, Path, int, str]) -> int:
    command = driver("retrait_driver", *arguments)
    return subprocess.run(command, env=driver_environment(), check=False).returncode


def _situation(database: Database, numero: int) -> Row:
    with database.transaction() as connection:
        row = connection.execute(
            """
            SELECT d.etat AS demande, p.etat AS produit, p.certificat, i.numero AS registered, i.numero_serie, i.der,
                   p.numero AS numero_produit
            FROM demande d JOIN produit p ON p.demande = d.numero LEFT JOIN igc.certificat i ON i.numero = d.numero
            WHERE d.numero = %s
            """,
            (numero,),
        ).fetchone()
    assert row is not None
    return row


def _states(situation: Row) -> tuple[str, str]:
    return situation["demande"], situation["produit"]


def _progress(situation: Row) -> str:
    if situation["registered"] is None:
        return "nothing"
    if situation["numero_serie"] is None:
        return "registered"
    return "reserved" if situation["der"] is None else "issued"


def _check_one_certificate(database: Database, numero: int, left: Row, delivered: str) -> None:
    """What was reserved or issued before the kill is what was delivered, and the history tells each step once."""
    now = _situation(database, numero)
    assert _states(now) == ACTIF
    certificate = x509.load_pem_x509_certificate(delivered.encode())
    assert x509.load_der_x509_certificate(now["der"]) == certificate
    assert now["certificat"] == now["der"]
    assert int.from_bytes(now["numero_serie"], "big") == certificate.serial_number
    if left["numero_serie"] is not None:
        assert left["numero_serie"] == now["numero_serie"]
    with database.transaction() as connection:
        rows = connection.execute(
            """
            SELECT transition FROM historique
            WHERE (objet, numero) IN (('demande', %s), ('produit', %s)) ORDER BY id
            """,
            (numero, now["numero_produit"]),
        ).fetchall()
    transitions = list(dict.fromkeys(row["transition"] for row in rows))
    assert transitions == ["VALIDER", "TRANSMETTRE", "RETIRER", "DELIVRER"]
    changes = 2 + 1 + 1 + 2  # VALIDER and DELIVRER move both, TRANSMETTRE the demande, RETIRER the produit
    assert len(rows) == changes


@pytest.mark.parametrize("signers", [2, 4])
def test_retraits_at_once_deliver_the_same_certificate(
    annuaire: Database, authority: EmbeddedAuthority, signers: int
) -> None:
    """Concurrent retraits of one demande: one certificate at the authority, the same for everybody."""
    [numero] = _order(annuaire, 1)
    requete = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code")

    def withdraw(_: int) -> str | None:
        context = make_context()
        retrait = retirer_certificat(requete, database=annuaire, authority=authority, context=context)
        return retrait.reponse.certificat

    with ThreadPoolExecutor(signers) as pool:
        certificates = set(pool.map(withdraw, range(signers)))
    assert len(certificates) == 1
    assert _states(_situation(annuaire, numero)) == RETIRE
