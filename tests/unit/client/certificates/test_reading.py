"""Certificates out of any file, and out of a TLS server."""

import random
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs7, pkcs12

from pfcng.client.certificates.description import describe
from pfcng.client.certificates.reading import PasswordNeeded, UnreadableCertificate, holders, of_server, read
from support.published_pki import PublishedPki, make_published_pki
from unit.client.local_platform import LocalPlatform, TestPki


@pytest.fixture(scope="module")
def published() -> PublishedPki:
    return make_published_pki("http://127.0.0.1:1")


def test_every_format_is_read(published: PublishedPki) -> None:
    """PEM (one or many), DER, PKCS#7 and PKCS#12, with and without a password."""
    chain = [published.holder, published.authority]
    p12 = pkcs12.serialize_key_and_certificates(
        b"x", published.holder_key, published.holder, [published.authority], BestAvailableEncryption("é".encode())
    )
    trust = pkcs12.serialize_key_and_certificates(None, None, None, [published.authority], NoEncryption())
    assert read(b"".join(one.public_bytes(Encoding.PEM) for one in chain)) == tuple(chain)
    assert read(published.holder.public_bytes(Encoding.DER)) == (published.holder,)
    assert set(read(pkcs7.serialize_certificates(chain, Encoding.DER))) == set(chain)
    assert set(read(pkcs7.serialize_certificates(chain, Encoding.PEM))) == set(chain)
    assert read(p12, "é") == tuple(chain)
    assert read(trust) == (published.authority,)
    for password in (None, "faux"):
        with pytest.raises(PasswordNeeded):
            read(p12, password)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "pas un certificat"),
        (b"\x30\x80\x00", "pas un certificat"),
        (b"-----BEGIN PRIVATE KEY-----\n", "clé privée"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\n", "CSR"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "pas un certificat"),
        (b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "pas un certificat"),
    ],
)
def test_what_is_no_certificate_is_named_when_it_can_be(content: bytes, hint: str) -> None:
    """A key by mistake, a CSR, garbage."""
    with pytest.raises(UnreadableCertificate, match=hint):
        read(content)


def test_holder_is_told_from_its_chain(published: PublishedPki) -> None:
    """Whatever the order of the file; authorities alone are what their file is about."""
    assert holders([published.root, published.authority, published.holder]) == [published.holder]
    assert holders([published.root]) == [published.root]
    assert holders([published.authority, published.root]) == [published.authority]


def test_certificate_of_a_server_is_shown_without_being_believed(
    pki: TestPki, platform: LocalPlatform, tmp_path: Path
) -> None:
    """Whoever asks wants to see what is there."""
    assert tmp_path.exists()
    port = int(platform.url.rsplit(":", 1)[1].split("/")[0])
    assert of_server("localhost", port)[0] == pki.server.certificate
    assert isinstance(pki.server.certificate, x509.Certificate)


def test_damaged_certificate_is_told_or_shown(published: PublishedPki) -> None:
    """A byte flipped anywhere: no certificate, or one that can be described to its end."""
    der, chance = published.holder.public_bytes(Encoding.DER), random.Random(20260302)  # noqa: S311 - same every run
    told = 0
    for position in chance.sample(range(len(der)), 400):
        altered = bytearray(der)
        altered[position] ^= 1 << chance.randrange(8)
        try:
            [found] = read(bytes(altered))
        except UnreadableCertificate:
            told += 1
            continue
        assert describe(found, [published.authority], [], fetch=None, now=published.now).lines
    assert 0 < told < 400
