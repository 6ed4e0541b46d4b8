"""A profile file for the local platform."""

from pathlib import Path

import pytest

from unit.client.local_platform import LocalPlatform, TestPki


@pytest.fixture
def profile(pki: TestPki, platform: LocalPlatform) -> Path:
    file = pki.folder / "profil.toml"
    credential = 'certificat = "client.pem"\ncle = "client.key"\n'
    file.write_text(
        f'url = "{platform.url}"\nconfiance = "confiance.pem"\n[tls]\n{credential}[signature]\n{credential}', "utf-8"
    )
    return file
