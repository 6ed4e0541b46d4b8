"""A local platform, and a profile file for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.client.local_platform import LocalPlatform, TestPki, make_pki, serve


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> TestPki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def platform(pki: TestPki) -> Iterator[LocalPlatform]:
    with serve(pki) as platform:
        yield platform


@pytest.fixture
def profile(pki: TestPki, platform: LocalPlatform) -> Path:
    file = pki.folder / "profil.toml"
    credential = 'certificat = "client.pem"\ncle = "client.key"\n'
    file.write_text(
        f'url = "{platform.url}"\nconfiance = "confiance.pem"\n[tls]\n{credential}[signature]\n{credential}', "utf-8"
    )
    return file
