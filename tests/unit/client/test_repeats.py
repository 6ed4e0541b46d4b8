"""When a message is sent again, and when never."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pfcng.client import Client, FaultError, Profile, Reference, TransportError
from pfcng.client.explanations import Explainer
from pfcng.contract.catalogue import Motif, Offre, TypeDemande
from pfcng.contract.messages import (
    ReponseDemandeCertificats,
    ReponseRetraitCertificat,
    ReponseSuiviActivite,
    RequeteSuiviActivite,
    Resultat,
)
from pfcng.xml import soap
from unit.client.local_platform import Answer, LocalPlatform, Received, TestPki, reply
from unit.client.test_client import ACCEPTED, DEMANDE

MAILS: Any = {"mail_demandeur": "a@hopital.example", "mail_personne_a_informer": "b@hopital.example"}
REFERENCE = Reference(aki="AA" * 20, numero_serie="1F")
PRODUITS = RequeteSuiviActivite(type_demande=TypeDemande.PRODUITS, offre=Offre.PS)
BUSY = Answer(body=b"", status=503)


@pytest.fixture
def client(profile: Profile) -> Iterator[Client]:
    with Client(profile, pauses=(0, 0)) as client:
        yield client


@contextmanager
def busy(platform: LocalPlatform, times: int, then: Answer) -> Iterator[None]:
    """Too busy for so many requests."""
    answers = iter([BUSY] * times)

    def answer(_: Received) -> Answer:
        return next(answers, then)

    platform.answer = answer
    yield


def test_a_retrait_is_asked_for_again(client: Client, platform: LocalPlatform, pki: TestPki) -> None:
    """The same certificate comes back (docs/choices.md §15)."""
    with busy(platform, 2, reply(ReponseRetraitCertificat(statut="OK", message="", certificat=pki.server.pem))):
        assert client.retirer_certificat("59", "code").certificate == pki.server.certificate
    assert len(platform.received) == 3


def test_a_suivi_is_asked_for_again(client: Client, platform: LocalPlatform) -> None:
    """It changes nothing."""
    with busy(platform, 1, reply(ReponseSuiviActivite(statut="OK", resultats=(Resultat(numero="1"),)))):
        assert client.suivre_activite(PRODUITS).resultats[0].numero == "1"


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.demander_certificats([DEMANDE]),
        lambda client: client.renouveler_certificat(REFERENCE, "TUlJ", **MAILS),
        lambda client: client.revoquer_certificat(REFERENCE, Motif.PERTE, **MAILS),
    ],
    ids=["demander", "renouveler", "revoquer"],
)
def test_what_may_have_been_done_is_never_asked_for_again(
    client: Client, platform: LocalPlatform, ask: Callable[[Client], object]
) -> None:
    """A second one would be another order, or a refusal that hides the success of the first."""
    platform.will_answer(BUSY)
    with pytest.raises(TransportError) as caught:
        ask(client)
    assert caught.value.maybe_received
    assert len(platform.received) == 1


def test_tries_are_counted(client: Client, platform: LocalPlatform) -> None:
    """Two more, then the error is told."""
    platform.will_answer(BUSY)
    with pytest.raises(TransportError, match="HTTP 503"):
        client.suivre_activite(PRODUITS)
    assert len(platform.received) == 3


def test_a_fault_is_not_asked_for_again(client: Client, platform: LocalPlatform) -> None:
    """The platform carried the message to its end: its incident number is what counts."""
    platform.will_answer(Answer(body=soap.server_fault("42"), status=500))
    with pytest.raises(FaultError):
        client.suivre_activite(PRODUITS)
    assert len(platform.received) == 1


def test_a_message_that_never_arrived_is_sent_again(profile: Profile, platform: LocalPlatform) -> None:
    """A demande too: nothing can have been registered where no connection was made."""
    refused: list[str] = []
    with Client(profile, pauses=(0, 0)) as client:
        transport = client._transport
        post = transport._http.post

        def once_refused(url: str, **options: object) -> object:
            if not refused:
                refused.append(url)
                with Client(replace(profile, url="https://127.0.0.1:1/ws-srv"), pauses=()) as nowhere:
                    return nowhere._transport._http.post("https://127.0.0.1:1/ws-srv", content=b"")
            return post(url, **options)  # type: ignore[arg-type]

        transport._http.post = once_refused  # type: ignore[assignment,method-assign]
        platform.will_answer(reply(ACCEPTED))
        assert client.demander_certificats([DEMANDE]) == ACCEPTED
    assert len(platform.received) == 1


def test_an_expired_tls_certificate_is_named(pki: TestPki, profile: Profile) -> None:
    """The alert of the peer says little; the date of our own certificate says all (guide §10)."""
    later = pki.client.certificate.not_valid_after_utc + timedelta(days=1)
    told = Explainer(profile, clock=lambda: later)
    sentence = told._known_cause(ssl.SSLError(1, "x")) or told._own_dates()
    assert sentence.startswith(
        f"Le certificat de [tls] a expiré le {pki.client.certificate.not_valid_after_utc:%d/%m/%Y}"
    )
    assert "changez [tls]" in sentence
    before = Explainer(profile, clock=lambda: datetime(2000, 1, 1, tzinfo=UTC))
    assert "n’est valide qu’à partir du" in before._own_dates()
    assert Explainer(profile)._own_dates() == ""


def test_an_empty_lot_is_never_taken_for_success(client: Client, platform: LocalPlatform) -> None:
    """OK without a demande is no answer, and may have been registered."""
    platform.will_answer(reply(ReponseDemandeCertificats(indice_lot="1", statut_lot="OK", message="")))
    with pytest.raises(TransportError) as caught:
        client.demander_certificats([DEMANDE])
    assert caught.value.maybe_received
