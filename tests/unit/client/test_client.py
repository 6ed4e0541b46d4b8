"""The client against a real HTTPS server of this machine."""

import re
import socket
import ssl
import stat
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pfcng.client import Client, FaultError, Profile, ProfileError, RefusedError, RequestError, TransportError
from pfcng.contract.catalogue import Offre, TypeDemande, Usage
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    ReponseRetraitCertificat,
    ReponseSuiviActivite,
    RequeteSuiviActivite,
    Resultat,
)
from pfcng.contract.operations import Operation
from pfcng.pki.keys import Credential
from pfcng.xml import soap
from unit.client.local_platform import Answer, LocalPlatform, Received, TestPki, identity, reply

DEMANDE = DemandeCertificat(
    offre=Offre.ORG,
    gamme="EL",
    usage=Usage.AUTH_CLI,
    id_nat_struct="1010000000",
    nom_applicatif="dossier",
    mail_personne_a_informer="informer@hopital.example",
    csr="TUlJ",
    mail_demandeur="demandeur@hopital.example",
)
ACCEPTED = ReponseDemandeCertificats(
    indice_lot="12",
    statut_lot="OK",
    message="",
    demandes=(ReponseDemande(indice_demande="59", statut_demande="OK", message="", indice_retrait="59"),),
)
UNKNOWN_INDEX = ReponseRetraitCertificat(
    statut="WSMG-00000027", message="Indice de retrait inconnu. Veuillez renouveler votre demande."
)


def test_a_demande_is_a_signed_soap_call_with_its_soapaction(client: Client, platform: LocalPlatform) -> None:
    """The message is SOAP 1.1, signed, and names its operation (guide §9.2, §11)."""
    platform.will_answer(reply(ACCEPTED))
    assert client.demander_certificats([DEMANDE]) == ACCEPTED
    [received] = platform.received
    assert received.path == "/ws-srv"
    assert received.headers["Content-Type"] == "text/xml; charset=utf-8"
    envelope = soap.open_envelope(received.body, soap_action=received.headers["SOAPAction"])
    assert envelope.operation is Operation.DEMANDER_CERTIFICATS
    assert envelope.header is not None
    assert envelope.header[0].tag == f"{{{soap.SOAP_SEC}}}Signature"


def test_calls_share_one_connection(client: Client, platform: LocalPlatform) -> None:
    """A TLS handshake with two RSA keys is paid once."""
    platform.will_answer(reply(ACCEPTED))
    for _ in range(3):
        client.demander_certificats([DEMANDE])
    assert len({received.connection for received in platform.received}) == 1


def test_threads_share_a_client(client: Client, platform: LocalPlatform) -> None:
    """Each caller gets the answer to its own request."""

    def answer(received: Received) -> Answer:
        [indice] = re.findall(rb"<indiceRetrait>(\d+)<", received.body)
        return reply(replace(UNKNOWN_INDEX, message=indice.decode()))

    def ask(indice: int) -> str:
        with pytest.raises(RefusedError) as caught:
            client.retirer_certificat(str(indice), "code")
        return caught.value.message

    platform.answer = answer
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(8))) == [str(indice) for indice in range(8)]


def test_a_lot_with_a_refused_demande_is_returned_whole(client: Client, platform: LocalPlatform) -> None:
    """The other demandes were accepted: nothing of them may be lost (guide §14.2.2)."""
    refused = ReponseDemande(statut_demande="WSMG-00000032", message="Pour les offres…")
    lot = replace(ACCEPTED, statut_lot="KO", demandes=(refused, *ACCEPTED.demandes))
    platform.will_answer(reply(lot))
    assert client.demander_certificats([DEMANDE, DEMANDE]) == lot


def test_a_lot_refused_whole_raises_its_code(client: Client, platform: LocalPlatform) -> None:
    """Guide §14.2.2, first sample; the header tells the cause where there is one (docs/choices.md §11)."""
    lot = ReponseDemandeCertificats(indice_lot="", statut_lot="WSMG-00000002", message="Signature invalide.")
    platform.will_answer(reply(lot, **{"X-Pfcng-Diagnostic": "4 key: no nonRepudiation"}))
    with pytest.raises(RefusedError) as caught:
        client.demander_certificats([DEMANDE])
    assert (caught.value.code, caught.value.message) == ("WSMG-00000002", "Signature invalide.")
    assert caught.value.reply == lot
    assert caught.value.diagnostic == "4 key: no nonRepudiation"


def test_an_accepted_lot_without_demandes_is_no_answer(client: Client, platform: LocalPlatform) -> None:
    """Success with nothing to withdraw is not a success (guide §14.2 table 12)."""
    platform.will_answer(reply(replace(ACCEPTED, demandes=())))
    with pytest.raises(TransportError, match="pas celle du Web Service"):
        client.demander_certificats([DEMANDE])


@pytest.mark.parametrize("form", [str, lambda pem: "".join(pem.splitlines()[1:-1])], ids=["pem", "base64"])
def test_a_retrait_gives_the_certificate(
    client: Client, platform: LocalPlatform, pki: TestPki, form: Callable[[str], str]
) -> None:
    """Table 14 says « PEM base64 »: with its BEGIN and END lines or without."""
    platform.will_answer(reply(ReponseRetraitCertificat(statut="OK", message="", certificat=form(pki.server.pem))))
    retrait = client.retirer_certificat("59", "un code")
    assert retrait.certificate == pki.server.certificate
    assert retrait.pem == pki.server.pem


def test_a_refused_retrait_raises_its_code(client: Client, platform: LocalPlatform) -> None:
    """Guide §15.4, example 2."""
    platform.will_answer(reply(UNKNOWN_INDEX))
    with pytest.raises(RefusedError, match="WSMG-00000027 : Indice de retrait inconnu"):
        client.retirer_certificat("1749", "un code")


def test_call_returns_a_refusal_as_it_is(client: Client, platform: LocalPlatform) -> None:
    """Any operation can be called; its reply is typed."""
    answer = ReponseSuiviActivite(statut="WSMG-00000008", resultats=(Resultat(erreur="Erreur"),))
    platform.will_answer(reply(answer))
    assert client.call(RequeteSuiviActivite(type_demande=TypeDemande.PRODUITS, offre=Offre.ORG)) == answer


def test_a_request_outside_the_schema_is_not_sent(client: Client, platform: LocalPlatform) -> None:
    """The element is named and its value, which may be a secret, is not (guide §15.1 table 13)."""
    with pytest.raises(RequestError, match="« codeRevocation »") as caught:
        client.retirer_certificat("59", "secret" * 11)
    assert "secret" not in caught.value.message
    with pytest.raises(RequestError, match="caractère"):
        client.retirer_certificat("59", "\0")
    assert platform.received == []


def test_a_certificate_that_cannot_be_read_is_an_error(client: Client, platform: LocalPlatform) -> None:
    """OK without a certificate is not a success."""
    platform.will_answer(reply(ReponseRetraitCertificat(statut="OK", message="", certificat="rien")))
    with pytest.raises(TransportError, match="pas celle du Web Service"):
        client.retirer_certificat("59", "un code")


@pytest.mark.parametrize(
    ("fault", "faultcode", "incident"),
    [
        (soap.client_fault("Le message n’est pas un document XML accepté."), "Client", None),
        (soap.server_fault("20250601-abc"), "Server", "20250601-abc"),
    ],
)
def test_a_soap_fault_is_told_apart(
    client: Client, platform: LocalPlatform, fault: bytes, faultcode: str, incident: str | None
) -> None:
    """A fault has no code of the guide; its incident number is what the support asks for (docs/choices.md §9)."""
    platform.will_answer(Answer(body=fault, status=500))
    with pytest.raises(FaultError) as caught:
        client.demander_certificats([DEMANDE])
    assert (caught.value.faultcode, caught.value.incident) == (faultcode, incident)


@pytest.mark.parametrize("body", [b"<html><body>Maintenance</body></html>", b"", b"\0\1", soap.wrap])
@pytest.mark.parametrize("status", [200, 500])
def test_what_is_not_a_reply_is_a_transport_error(
    client: Client, platform: LocalPlatform, body: bytes | Callable[..., bytes], status: int
) -> None:
    """A page of a proxy, nothing, noise, or the reply of another operation is never taken for an answer."""
    content = body if isinstance(body, bytes) else reply(ACCEPTED).body
    platform.will_answer(Answer(body=content, status=status))
    with pytest.raises(TransportError, match="pas celle du Web Service") as caught:
        client.retirer_certificat("59", "un code")
    assert caught.value.maybe_received


def test_http_403_carries_the_sentence_of_the_platform(client: Client, platform: LocalPlatform) -> None:
    """Decisions §4; what a terminal would obey is taken out of it."""
    said = "Ce certificat n’est pas dans la liste blanche.\x1b[2J\n".encode()
    platform.will_answer(Answer(body=said, status=403, headers={"Content-Type": "text/plain; charset=utf-8"}))
    with pytest.raises(TransportError) as caught:
        client.demander_certificats([DEMANDE])
    assert "localhost refuse l’accès (HTTP 403) : Ce certificat n’est pas dans la liste blanche." in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert (caught.value.status, caught.value.maybe_received) == (403, False)


def test_other_http_statuses_are_named(client: Client, platform: LocalPlatform) -> None:
    """A redirect is not followed: the message is signed for one platform."""
    platform.will_answer(Answer(body=b"", status=302, headers={"Location": "https://ailleurs.example/"}))
    with pytest.raises(TransportError, match="a répondu HTTP 302"):
        client.demander_certificats([DEMANDE])
    assert len(platform.received) == 1


def test_only_the_anchors_of_the_profile_are_trusted(pki: TestPki, profile: Profile, platform: LocalPlatform) -> None:
    """Nothing is sent to a server that nobody vouches for."""
    with (
        Client(replace(profile, confiance=(pki.stranger.certificate,))) as client,
        pytest.raises(TransportError, match="autorité de confiance : vérifiez le fichier « confiance »") as caught,
    ):
        client.demander_certificats([DEMANDE])
    assert not caught.value.maybe_received
    assert platform.received == []


def test_an_anchor_need_not_be_a_root(pki: TestPki, profile: Profile, platform: LocalPlatform) -> None:
    """What the profile trusts is trusted, root or not."""
    platform.will_answer(reply(ACCEPTED))
    with Client(replace(profile, confiance=(pki.server.certificate,))) as client:
        assert client.demander_certificats([DEMANDE]) == ACCEPTED


def test_the_name_of_the_server_is_checked(profile: Profile, platform: LocalPlatform) -> None:
    """A certificate of the right authority for another name is refused."""
    with (
        Client(replace(profile, url=platform.url.replace("localhost", "127.0.0.1"))) as client,
        pytest.raises(TransportError, match="pas au nom de 127"),
    ):
        client.demander_certificats([DEMANDE])


def test_a_client_certificate_that_the_platform_refuses_is_explained(profile: Profile) -> None:
    """Guide §10; with TLS 1.3 the alert comes at the first read."""
    other = identity("intrus", identity("AC intruse"))
    credential = Credential(certificate=other.certificate, chain=(), key=other.key)
    with Client(replace(profile, tls=credential)) as client, pytest.raises(TransportError) as caught:
        client.demander_certificats([DEMANDE])
    assert "certificat de [tls]" in str(caught.value)


def test_no_key_is_left_on_the_disk(
    profile: Profile, platform: LocalPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL takes a key from a file only: that file is encrypted and gone before the first message."""
    written: list[bytes] = []

    def load_cert_chain(self: ssl.SSLContext, file: Path, password: str) -> None:
        written.append(file.read_bytes())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        original(self, file, password=password)

    original = ssl.SSLContext.load_cert_chain
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load_cert_chain)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    platform.will_answer(reply(ACCEPTED))
    with Client(profile) as client:
        assert list(tmp_path.iterdir()) == []
        client.demander_certificats([DEMANDE])
    assert written[0].startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_a_key_that_openssl_refuses_is_a_profile_error(profile: Profile) -> None:
    """Told before anything is sent."""
    weak = identity("faible", key_size=1024)
    with pytest.raises(ProfileError, match=r"\[tls\] OpenSSL refuse"):
        Client(replace(profile, tls=Credential(certificate=weak.certificate, chain=(), key=weak.key)))


def test_a_proxy_of_the_environment_does_not_serve_this_machine(
    profile: Profile, platform: LocalPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox of this machine is reached directly; the outside world through the proxy, which is named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    platform.will_answer(reply(ACCEPTED))
    with Client(profile) as client:
        assert client.demander_certificats([DEMANDE]) == ACCEPTED
    with Client(replace(profile, url="https://pf.example/")) as far, pytest.raises(TransportError, match="HTTPS_PROXY"):
        far.demander_certificats([DEMANDE])


def test_a_refused_connection_is_explained(profile: Profile) -> None:
    """Host and port are named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        Client(replace(profile, url=f"https://127.0.0.1:{port}/ws-srv")) as client,
        pytest.raises(TransportError, match=f"Aucun service ne répond à 127.0.0.1:{port}") as caught,
    ):
        client.demander_certificats([DEMANDE])
    assert not caught.value.maybe_received


def test_an_unknown_name_is_explained(profile: Profile) -> None:
    """``.invalid`` never resolves (RFC 6761)."""
    with (
        Client(replace(profile, url="https://plateforme.invalid/ws-srv")) as client,
        pytest.raises(TransportError, match=r"plateforme\.invalid"),
    ):
        client.demander_certificats([DEMANDE])


def test_silence_ends_at_the_delai_and_the_message_may_have_been_received(
    profile: Profile, platform: LocalPlatform
) -> None:
    """A demande is not idempotent: the caller must know that it may have been registered, and nothing is sent twice."""
    over = threading.Event()

    def answer(_: Received) -> Answer:
        over.wait(30)
        return reply(ACCEPTED)

    platform.answer = answer
    with (
        Client(replace(profile, delai=0.3)) as client,
        pytest.raises(TransportError, match=r"n’a pas répondu en 0\.3 s") as caught,
    ):
        client.demander_certificats([DEMANDE])
    over.set()
    assert caught.value.maybe_received
    assert len(platform.received) == 1
