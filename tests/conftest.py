"""Fixtures of every suite: what is dear to make is made once a session."""

import pytest

from support.minimal_pki import MinimalPki, make_minimal_pki

pytest_plugins = ("support.live",)


@pytest.fixture(scope="session")
def minimal_pki() -> MinimalPki:
    """A hierarchy, a card that is believed, and those that are not."""
    return make_minimal_pki()
