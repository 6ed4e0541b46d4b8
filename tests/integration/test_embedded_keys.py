"""The embedded authority with keys that are elsewhere, and what it refuses to sign.

Source: docs/igc.md, "Keys"; docs/cles.md; guide §20, RMT_ERR_006 and 007.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from pfcng.contract.catalogue import PRODUCTS, Environment
from pfcng.igc.authority import AuthorityUnavailable, Progress, RequestRefused
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.profiles import issuing_authority
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import products
from pfcng.pki.keys import Credential, load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.pkcs11_token import PAUSE
from pfcng.sandbox.hierarchy import make_authority
from pfcng.store.database import Database
from support.certificate_requests import request_for
from support.monotonic import Monotonic
from support.places import OUTSIDE, Place, open_place

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ORG_SIGN = next(product for product in PRODUCTS if product.label == "ORG_SIGN")


@pytest.fixture(scope="module")
def holder_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module", params=OUTSIDE)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.fixture(scope="module")
def certificate(place: Place, holder_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's, whose key was made where it stays."""
    name = issuing_authority(request_for(ORG_SIGN, Environment.TEST, holder_key))
    own = make_authority(name.root, holder_key, None, urls=PublicationUrls(), now=NOW)
    root = Credential(certificate=own, chain=(), key=holder_key)
    with Keyring() as keyring:
        key = keyring.at(place.source("ac")).make(2048)
        made = make_authority(name, key, root, urls=PublicationUrls(), now=NOW)
    path = tmp_path_factory.mktemp("ac") / "ac.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def start(
    database: Database, place: Place, certificate: Path, monotonic: Monotonic, holder_key: rsa.RSAPrivateKey
) -> Iterator[Callable[[], EmbeddedAuthority]]:
    """Starts an authority; several of them are several processes, but for their memory."""
    name = issuing_authority(request_for(ORG_SIGN, Environment.TEST, holder_key))
    with Keyring(monotonic) as keyring:

        def make() -> EmbeddedAuthority:
            signer = load_kept(certificate, place.source("ac"), keyring)
            return EmbeddedAuthority(database, signers={name: signer}, urls=PublicationUrls(), clock=lambda: NOW)

        yield make


Start = Callable[[], EmbeddedAuthority]


def issued(database: Database, numero: int) -> bytes | None:
    """What the table has."""
    with database.transaction() as connection:
        row = connection.execute("SELECT der FROM igc.certificat WHERE numero = %s", (numero,)).fetchone()
    assert row is not None
    der: bytes | None = row["der"]
    return der


def test_key_that_is_elsewhere_signs(start: Start, certificate: Path, holder_key: rsa.RSAPrivateKey) -> None:
    """From several threads, as retraits do."""
    authority = start()
    for numero in range(1, 9):
        authority.register(numero, request_for(ORG_SIGN, Environment.TEST, holder_key))
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(authority.issue, range(1, 9)))
    issuer = x509.load_pem_x509_certificate(certificate.read_bytes())
    for one in made:
        one.verify_directly_issued_by(issuer)
    assert len({one.serial_number for one in made}) == 8


def test_outage_of_the_key_is_unavailable_then_ends_with_the_reserved_serial(
    start: Start, place: Place, database: Database, monotonic: Monotonic, holder_key: rsa.RSAPrivateKey
) -> None:
    """RMT_ERR_006: the retrait is made again later, and there is one certificate."""
    authority = start()
    authority.register(1, request_for(ORG_SIGN, Environment.TEST, holder_key))
    place.lose()
    try:
        for _ in range(2):
            with pytest.raises(AuthorityUnavailable):
                authority.issue(1)
    finally:
        place.restore()
    reserved = authority.status(1).serial
    assert issued(database, 1) is None
    monotonic.now += PAUSE
    assert authority.issue(1).serial_number == reserved
    assert authority.status(1).progress is Progress.ISSUED


def test_start_without_the_key_serves_everything_else(
    start: Start, place: Place, monotonic: Monotonic, holder_key: rsa.RSAPrivateKey
) -> None:
    """Registrations and statuses go on; the key proves itself before its first signature."""
    place.lose()
    try:
        with capture_logs() as log:
            authority = start()
        assert "cle.indisponible" in [entry["event"] for entry in log]
        authority.register(1, request_for(ORG_SIGN, Environment.TEST, holder_key))
        with pytest.raises(AuthorityUnavailable):
            authority.issue(1)
    finally:
        place.restore()
    monotonic.now += PAUSE
    authority.issue(1)


def test_certificate_that_is_not_fit_is_never_signed(
    start: Start, database: Database, holder_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RMT_ERR_007: refused for good, and said loudly."""
    authority = start()
    authority.register(1, request_for(ORG_SIGN, Environment.TEST, holder_key))
    usages = replace(products.USAGES[ORG_SIGN], key=products.key_usage("digital_signature", "key_cert_sign"))
    with monkeypatch.context() as patch, capture_logs() as log:
        patch.setitem(products.USAGES, ORG_SIGN, usages)
        with pytest.raises(RequestRefused, match="key usages"):
            authority.issue(1)
    assert [(entry["event"], entry["log_level"]) for entry in log if entry["event"].startswith("igc.")] == [
        ("igc.certificat_non_signe", "critical")
    ]
    assert issued(database, 1) is None
