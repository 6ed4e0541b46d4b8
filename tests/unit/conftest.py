"""A local platform, for the client and its commands."""

from collections.abc import Iterator

import pytest

from unit.client.local_platform import LocalPlatform, TestPki, make_pki, serve


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> TestPki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def platform(pki: TestPki) -> Iterator[LocalPlatform]:
    with serve(pki) as platform:
        yield platform
