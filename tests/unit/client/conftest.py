"""A profile for the local platform."""

from collections.abc import Iterator

import pytest

from pfcng.client import Client, Profile
from pfcng.pki.keys import Credential
from unit.client.local_platform import LocalPlatform, TestPki


@pytest.fixture
def profile(pki: TestPki, platform: LocalPlatform) -> Profile:
    credential = Credential(certificate=pki.client.certificate, chain=(), key=pki.client.key)
    return Profile(
        url=platform.url,
        confiance=(pki.authority.certificate,),
        tls=credential,
        signature=credential,
    )


@pytest.fixture
def client(profile: Profile) -> Iterator[Client]:
    with Client(profile) as client:
        yield client
