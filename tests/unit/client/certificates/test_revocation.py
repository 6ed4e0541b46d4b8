"""OCSP and CRL, asked at the addresses in the certificate; an answer counts once its signature holds."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pfcng.client.certificates import chain as chains
from pfcng.client.certificates.chain import Anchor
from pfcng.client.certificates.fetching import Unreachable, fetch
from pfcng.client.certificates.revocation import State, ask, by_crl
from support.loopback import loopback
from support.published_pki import DAY, PublishedPki, crl_path, issuer_path, make_published_pki


@dataclass
class Place:
    """What the server answers now, and the certificates that point to it."""

    pki: PublishedPki
    answers: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)

    def publish(self, path: str, content: bytes) -> None:
        self.answers[path] = lambda _: content

    def states(self) -> dict[str, State]:
        """Source → state."""
        found = ask(self.pki.holder, self.pki.authority, fetch=fetch, now=self.pki.now)
        return {answer.source: answer.state for answer in found}


@pytest.fixture(scope="module")
def served() -> Iterator[Place]:
    answers: dict[str, Callable[[bytes], bytes]] = {}
    with loopback(answers) as url:
        yield Place(make_published_pki(url), answers)


@pytest.fixture
def place(served: Place) -> Place:
    served.answers.clear()
    return served


def test_good_certificate_is_good_by_both(place: Place) -> None:
    """The request that is posted names the certificate."""
    asked: list[bytes] = []
    place.publish(crl_path(), place.pki.crl())
    place.answers["/ocsp"] = lambda posted: asked.append(posted) or place.pki.ocsp()  # type: ignore[func-returns-value]
    assert place.states() == {"OCSP": State.GOOD, "CRL": State.GOOD}
    assert ocsp.load_der_ocsp_request(asked[0]).serial_number == place.pki.holder.serial_number


def test_revoked_certificate_is_told_with_its_reason(place: Place) -> None:
    """The reason in French, the day."""
    place.publish(crl_path(), place.pki.crl(revoked=True, reason=x509.ReasonFlags.cessation_of_operation))
    place.publish("/ocsp", place.pki.ocsp(ocsp.OCSPCertStatus.REVOKED))
    found = ask(place.pki.holder, place.pki.authority, fetch=fetch, now=place.pki.now)
    assert [answer.state for answer in found] == [State.REVOKED, State.REVOKED]
    assert ["clé compromise" in found[0].detail, "fin d’activité" in found[1].detail] == [True, True]


def test_unknown_certificate_is_not_good(place: Place) -> None:
    """A responder that does not know a serial says so (lessons: an unknown serial is never good)."""
    place.publish("/ocsp", place.pki.ocsp(ocsp.OCSPCertStatus.UNKNOWN))
    assert place.states()["OCSP"] is State.UNKNOWN


def test_responder_certified_by_the_authority_is_believed(place: Place) -> None:
    """RFC 6960 §4.2.2.2; one that the authority certified for something else is not."""
    key = rsa.generate_private_key(65537, 2048)
    place.publish("/ocsp", place.pki.ocsp(key=key, signer=place.pki.responder(key)))
    assert place.states()["OCSP"] is State.GOOD
    place.publish("/ocsp", place.pki.ocsp(key=key, signer=place.pki.responder(key, certified=False)))
    assert place.states()["OCSP"] is State.UNCERTAIN


def test_answer_that_proves_nothing_is_uncertain(place: Place) -> None:
    """Another key, another certificate, yesterday's answer, an error, no OCSP at all, nobody there."""
    impostor = make_published_pki("http://127.0.0.1:1")
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    for content in (
        impostor.ocsp(about=place.pki.holder),
        place.pki.ocsp(about=place.pki.authority),
        place.pki.ocsp(this_update=place.pki.now - 3 * DAY),
        place.pki.ocsp(this_update=place.pki.now + DAY),
        refused.public_bytes(Encoding.DER),
        b"bonjour",
    ):
        place.publish("/ocsp", content)
        assert place.states()["OCSP"] is State.UNCERTAIN
    place.answers.clear()
    assert place.states() == {"OCSP": State.UNCERTAIN, "CRL": State.UNCERTAIN}


def test_crl_that_proves_nothing_is_uncertain(place: Place) -> None:
    """Another key, past its nextUpdate, no CRL."""
    stranger = rsa.generate_private_key(65537, 2048)
    for content in (
        place.pki.crl(key=stranger),
        place.pki.crl(next_update=place.pki.now - timedelta(seconds=1)),
        b"bonjour",
        b"",
    ):
        answer = by_crl(place.pki.holder, place.pki.authority, content, place="crl", now=place.pki.now)
        assert answer.state is State.UNCERTAIN


def test_flipped_byte_never_makes_a_state(place: Place) -> None:
    """An answer that was altered anywhere proves nothing, and breaks nothing."""
    chance = random.Random(20260302)  # noqa: S311 - the same bytes at every run
    revoked = place.pki.ocsp(ocsp.OCSPCertStatus.REVOKED)
    for octets, path in ((revoked, "/ocsp"), (place.pki.crl(revoked=True), crl_path())):
        for position in chance.sample(range(len(octets)), 150):
            altered = bytearray(octets)
            altered[position] ^= 1 << chance.randrange(8)
            answers = {path: bytes(altered)}
            found = ask(
                place.pki.holder,
                place.pki.authority,
                fetch=lambda url, _, answers=answers: answers.get(urlsplit(url).path, b""),  # type: ignore[misc]
                now=place.pki.now,
            )
            assert {answer.state for answer in found} == {State.UNCERTAIN}, position


def test_chain_is_completed_from_the_certificate_s_own_address(place: Place) -> None:
    """The authority's file is fetched; the root must be given, or the chain is not anchored."""
    place.publish(issuer_path(), place.pki.authority.public_bytes(Encoding.DER))
    found = chains.build(place.pki.holder, [], [place.pki.root], fetch)
    assert (found.certificates[1:], found.anchor) == ((place.pki.authority, place.pki.root), Anchor.GIVEN)
    assert chains.build(place.pki.holder, [], [], fetch).anchor is Anchor.MISSING
    assert chains.build(place.pki.holder, [place.pki.authority, place.pki.root]).anchor is Anchor.UNKNOWN
    assert chains.build(place.pki.holder, []).certificates == (place.pki.holder,)


def test_only_http_addresses_are_followed() -> None:
    """An address in a stranger's certificate opens no file of this machine."""
    for url in ("file:///etc/passwd", "ldap://localhost/x", "ftp://localhost/", "http://[", "http://127.0.0.1:1/"):
        with pytest.raises(Unreachable):
            fetch(url, None)
