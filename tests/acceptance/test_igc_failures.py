"""PFCNG-IGC stopped, slow, refusing, or killed between issuing and answering: the states of chapter 20.

Two programs, the platform and ``pfcng igc serve``, with their own databases; the requests go through ws-apt.
"""

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.client import Client
from pfcng.contract import codes
from pfcng.contract.catalogue import Environment, Motif, Offre, Product, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.messages import (
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    RequeteRetraitCertificat,
)
from support.certificate_requests import request_for
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.distant import Distant
from support.faulty_proxy import Fault
from support.revocations import revocation_of
from support.scenario import serial_of

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
VALIDEE = ("Demande validée", "Produit à retirer")
TRANSMISE = ("Demande transmise", "Produit à retirer")
NON_TRAITEE = ("Demande non traitée", "Produit annulé")
ANNULEE = ("Demande annulée", "Produit annulé")
ACTIF = ("Demande close", "Produit actif")
UNAVAILABLE = (Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER, Fault.HELD_AFTER, Fault.BAD_GATEWAY, Fault.FAILED_AFTER)


@pytest.fixture
def link(distant: Distant) -> Iterator[Distant]:
    """The two programs, mended afterwards."""
    distant.mend()
    yield distant
    distant.mend()


@pytest.fixture
def client(link: Distant) -> Iterator[Client]:
    with link.sandbox.client() as client:
        yield client


def order(client: Client, key: rsa.RSAPrivateKey | None = None) -> int:
    reply = client.demander_certificats([demande_for(ORG, make_csr(key or make_key()))])
    return int(reply.demandes[0].indice_retrait or 0)


def withdraw(client: Client, numero: int) -> ReponseRetraitCertificat:
    return client.call(RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="un code"))


def delivered(client: Client, numero: int) -> x509.Certificate:
    """The certificate; the connection's next request finds the demande close, since it waits for that (R6)."""
    reply = withdraw(client, numero)
    assert reply.statut == "OK", reply.message
    assert withdraw(client, numero).statut == codes.WSMG_11.value
    return x509.load_pem_x509_certificate((reply.certificat or "").encode())


def revoke(client: Client, certificate: x509.Certificate) -> ReponseRevocationCertificat:
    return client.call(revocation_of(certificate, motif=Motif.FIN_DACTIVITE))


def states(link: Distant, numero: int) -> tuple[str, str]:
    [row] = link.rows(
        "SELECT d.etat AS demande, p.etat AS produit FROM demande d JOIN produit p ON p.demande = d.numero "
        "WHERE d.numero = %s",
        numero,
    )
    return row["demande"], row["produit"]


def signed(link: Distant, numero: int) -> list[bytes | None]:
    """What the authority has for a number."""
    return [row["der"] for row in link.igc_rows("SELECT der FROM igc.certificat WHERE numero = %s", numero)]


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def journaled(link: Distant, code: codes.Code | codes.RmtError) -> str:
    """The detail of the newest entry with that code."""
    [row] = link.rows("SELECT detail FROM journal WHERE code = %s ORDER BY id DESC LIMIT 1", code.value)
    return str(row["detail"])


@pytest.mark.parametrize("fault", UNAVAILABLE, ids=lambda fault: fault.name)
def test_registration_without_an_answer_leaves_the_demande_validee(link: Distant, client: Client, fault: Fault) -> None:
    """RMT_ERR_003: WSMG-00000018, « Demande validée », « Produit à retirer », journaled; the next retrait delivers."""
    key = make_key()
    numero = order(client, key)
    link.spoil("enregistrement", fault)
    reply = withdraw(client, numero)
    assert (reply.statut, reply.message, reply.certificat) == (codes.WSMG_18.value, codes.WSMG_18.text, None)
    assert states(link, numero) == VALIDEE
    assert f"demande {numero}" in journaled(link, codes.WSMG_18)
    link.mend()
    assert delivered(client, numero).public_key() == key.public_key()
    assert states(link, numero) == ACTIF


def test_registration_with_the_service_stopped(link: Distant, client: Client) -> None:
    """RMT_ERR_003; the service stops as it is told to, and takes up where it was."""
    numero = order(client)
    assert link.igc.stop() == 0
    assert withdraw(client, numero).statut == codes.WSMG_18.value
    assert states(link, numero) == VALIDEE
    link.igc.start()
    assert [der(delivered(client, numero))] == signed(link, numero)


def test_registration_that_is_refused_ends_the_demande(link: Distant, client: Client) -> None:
    """RMT_ERR_004: WSMG-00000017, « Demande non traitée », « Produit annulé »."""
    numero = order(client)
    direct = link.igc.identities.connect(link.igc.url)
    direct.register(numero, request_for(ORG, Environment.TEST, make_key()))
    direct.close()
    reply = withdraw(client, numero)
    assert (reply.statut, reply.message) == (codes.WSMG_17.value, codes.WSMG_17.text)
    assert states(link, numero) == NON_TRAITEE
    assert "RegistrationConflict" in journaled(link, codes.WSMG_17)


@pytest.mark.parametrize("fault", [*UNAVAILABLE, Fault.CUT_AFTER], ids=lambda fault: fault.name)
def test_issue_without_an_answer_leaves_the_demande_transmise(link: Distant, client: Client, fault: Fault) -> None:
    """RMT_ERR_006: WSMG-00000015, « Demande transmise », « Produit à retirer »; then the one certificate."""
    numero = order(client)
    link.spoil("émission", fault)
    reply = withdraw(client, numero)
    assert (reply.statut, reply.message, reply.certificat) == (codes.WSMG_15.value, codes.WSMG_15.text, None)
    assert states(link, numero) == TRANSMISE
    assert f"demande {numero}" in journaled(link, codes.WSMG_15)
    before = signed(link, numero)
    link.mend()
    certificate = delivered(client, numero)
    assert before in ([None], [der(certificate)])
    assert signed(link, numero) == [der(certificate)]
    assert states(link, numero) == ACTIF


def test_service_killed_between_issuing_and_answering(link: Distant, client: Client) -> None:
    """RMT_ERR_006: what was signed before the kill is what the next retrait delivers."""
    numero = order(client)
    link.spoil("émission", Fault.DROPPED_AFTER)
    link.proxy.on_done = lambda _method, path: link.igc.kill() if path.endswith("/certificat") else None
    assert withdraw(client, numero).statut == codes.WSMG_15.value
    assert states(link, numero) == TRANSMISE
    [before] = signed(link, numero)
    assert before is not None
    link.mend()
    assert der(delivered(client, numero)) == before


def test_certificate_of_another_demande_is_not_delivered(link: Distant, client: Client) -> None:
    """What comes back is held against the request before it is kept: as if nothing had come (RMT_ERR_006)."""
    other, numero = order(client), order(client)
    delivered(client, other)
    link.proxy.swap = other
    link.spoil("émission", Fault.SWAPPED)
    assert withdraw(client, numero).statut == codes.WSMG_15.value
    assert "another key" in journaled(link, codes.WSMG_15)
    assert states(link, numero) == TRANSMISE
    link.mend()
    assert [der(delivered(client, numero))] == signed(link, numero)


def test_issue_that_is_refused_ends_the_demande(link: Distant, client: Client) -> None:
    """RMT_ERR_007: WSMG-00000016, « Demande annulée », « Produit annulé »; nothing is left to withdraw."""
    numero = order(client)

    def forget(method: str, _path: str) -> None:
        if method == "PUT":
            link.igc_rows("DELETE FROM igc.certificat WHERE numero = %s", numero)

    link.proxy.on_done = forget
    reply = withdraw(client, numero)
    assert (reply.statut, reply.message) == (codes.WSMG_16.value, codes.WSMG_16.text)
    assert states(link, numero) == ANNULEE
    assert "NotRegistered" in journaled(link, codes.WSMG_16)
    assert withdraw(client, numero).message == codes.WSMG_11.message(Raison.PRODUIT_PAS_A_RETIRER)


@pytest.mark.parametrize("fault", UNAVAILABLE, ids=lambda fault: fault.name)
def test_revocation_without_an_answer_waits(link: Distant, client: Client, fault: Fault) -> None:
    """RMT_ERR_012: the reply acknowledges it; « Demande enregistrée », the produit actif, the attempt journaled."""
    certificate = delivered(client, order(client))
    link.spoil("révocation", fault)
    reply = revoke(client, certificate)
    assert (reply.statut, reply.message) == ("OK", "")
    [waiting] = link.rows(
        "SELECT r.*, p.etat AS etat_produit FROM revocation r JOIN produit p ON p.numero = r.produit "
        "WHERE p.numero_serie = %s",
        serial_of(certificate),
    )
    assert (waiting["etat"], waiting["etat_produit"]) == ("Demande enregistrée", "Produit actif")
    assert (waiting["tentatives"], waiting["prochaine_tentative"] > waiting["creee_le"]) == (1, True)
    [told] = link.rows("SELECT * FROM journal WHERE code = 'RMT_ERR_012' ORDER BY id DESC LIMIT 1")
    assert (told["acte"], told["resultat"]) == ("revoquerCertificat", "en attente")


def test_revocation_that_is_refused_leaves_the_produit_actif(link: Distant, client: Client) -> None:
    """RMT_ERR_013: WSMG-00000012, « Demande non traitée », « Produit actif »."""
    numero = order(client)
    certificate = delivered(client, numero)
    link.igc_rows("DELETE FROM igc.certificat WHERE numero = %s", numero)
    reply = revoke(client, certificate)
    assert (reply.statut, reply.message) == (codes.WSMG_12.value, codes.WSMG_12.message(codes.RMT_ERR_013.text))
    assert states(link, numero) == ACTIF
    [row] = link.rows(
        "SELECT r.etat FROM revocation r JOIN produit p ON p.numero = r.produit WHERE p.demande = %s", numero
    )
    assert row["etat"] == "Demande non traitée"
    assert "NotRegistered" in journaled(link, codes.RMT_ERR_013)
