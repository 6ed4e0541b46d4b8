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
from pfcng.igc import builder, profiles
from pfcng.igc.authority import AuthorityUnavailable, Progress, RequestRefused
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.profiles import issuing_authority
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.keys import load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.pkcs11_token import PAUSE
from pfcng.sandbox.hierarchy import make_authority
from pfcng.store.database import Database
from support.certificate_requests import request_for
from support.places import OUTSIDE, Place, open_place

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ORG_SIGN = next(product for product in PRODUCTS if product.label == "ORG_SIGN")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


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
    with Keyring() as keyring:
        key = keyring.at(place.source("ac")).make(2048)
        made = make_authority(replace(name, population=None), key, None, urls=PublicationUrls(), now=NOW)
    path = tmp_path_factory.mktemp("ac") / "ac.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(
    database: Database, place: Place, certificate: Path, clock: Clock, holder_key: rsa.RSAPrivateKey
) -> Iterator[Callable[[], EmbeddedAuthority]]:
    """Starts an authority; several of them are several processes, but for their memory."""
    name = issuing_authority(request_for(ORG_SIGN, Environment.TEST, holder_key))
    with Keyring(clock) as keyring:

        def make() -> EmbeddedAuthority:
            signer = load_kept(certificate, place.source("ac"), keyring)
            return EmbeddedAuthority(database, signers={name: signer}, urls=PublicationUrls(), clock=lambda: NOW)

        yield make
