"""Fixtures of every suite: what is dear to make is made once a session."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from support.minimal_pki import MinimalPki, make_minimal_pki

settings.register_profile("pfcng", deadline=None)  # a busy machine is no fault
settings.load_profile("pfcng")

pytest_plugins = ("support.databases", "support.live", "support.distant", "support.serve")


@pytest.fixture(scope="session")
def minimal_pki() -> MinimalPki:
    """A hierarchy, a card that is believed, and those that are not."""
    return make_minimal_pki()


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    """A command that was run in a test leaves no log behind that writes to the test's closed streams."""
    kept = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = kept
