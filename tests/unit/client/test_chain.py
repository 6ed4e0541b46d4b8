"""The chain of a certificate that was obtained."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from pfcng.client.certificates.fetching import Fetch, Unreachable
from pfcng.client.chain import find_chain
from pfcng.client.errors import TransportError

Pair = tuple[x509.Certificate, rsa.RSAPrivateKey]
URL = "http://igc.example/AC/ACI-EL-ORG.cer"


def certify(name: str, issuer: Pair | None = None, published: str | None = None) -> Pair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if published:
        place = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(published)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


ROOT = certify("AC RACINE")
AUTHORITY = certify("AC", ROOT)
IMPOSTOR = certify("AC")
[LEAF, PUBLISHED] = [certify("INSI-AUTO", AUTHORITY)[0], certify("INSI-AUTO", AUTHORITY, URL)[0]]


def nothing(url: str, _posted: bytes | None) -> bytes:
    raise Unreachable(url)


def publishing(content: bytes) -> Fetch:
    """What is at the address of the authority."""

    def fetch(url: str, posted: bytes | None) -> bytes:
        assert (url, posted) == (URL, None)
        return content

    return fetch


def test_known_authorities_make_the_chain_without_the_network() -> None:
    """In order, up to the root; one of the same name that did not sign is passed over."""
    known = [ROOT[0], IMPOSTOR[0], AUTHORITY[0]]
    assert find_chain(PUBLISHED, known, nothing) == (AUTHORITY[0], ROOT[0])


@pytest.mark.parametrize(
    "content",
    [
        AUTHORITY[0].public_bytes(Encoding.DER),
        AUTHORITY[0].public_bytes(Encoding.PEM),
        pkcs7.serialize_certificates([ROOT[0], AUTHORITY[0]], Encoding.DER),
    ],
    ids=["der", "pem", "p7b"],
)
def test_published_authority_is_read(content: bytes) -> None:
    """As the IGC-Santé publishes it (AIA caIssuers)."""
    assert find_chain(PUBLISHED, [ROOT[0]], publishing(content)) == (AUTHORITY[0], ROOT[0])


def test_what_did_not_sign_is_never_in_the_chain() -> None:
    """Plain HTTP vouches for nothing: the signature does."""
    content = IMPOSTOR[0].public_bytes(Encoding.DER)
    with pytest.raises(TransportError, match="introuvable"):
        find_chain(PUBLISHED, [], publishing(content))


def test_missing_root_ends_the_chain_and_missing_authority_is_an_error() -> None:
    """The real authorities do not say where their root is; without the authority itself there is no chain."""
    assert find_chain(LEAF, [AUTHORITY[0]], nothing) == (AUTHORITY[0],)
    with pytest.raises(TransportError, match="« autorites »"):
        find_chain(LEAF, [ROOT[0]], nothing)
    with pytest.raises(TransportError):
        find_chain(PUBLISHED, [ROOT[0]], nothing)
