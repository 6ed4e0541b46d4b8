"""The pytest plug-in: a sandbox for a test session, and clients of it. ``pip install pfcng`` is enough.

It is loaded by every pytest run on a machine that has pfcng, so it imports nothing of it before a fixture is asked for.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pfcng.client import Client
    from pfcng.sandbox.child import RunningSandbox


@pytest.fixture(scope="session")
def pfcng_sandbox() -> "Iterator[RunningSandbox]":
    """Un bac à sable de l’IGC-Santé, ouvert une fois par session sur des ports libres, effacé à la fin."""
    from pfcng.sandbox.child import running_sandbox  # noqa: PLC0415 - see above

    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def pfcng_client(pfcng_sandbox: "RunningSandbox") -> "Iterator[Callable[[str], Client]]":
    """Fabrique de clients du bac à sable : ``pfcng_client("cpa-editeur")`` ; fermés à la fin de l’essai."""
    with ExitStack() as stack:

        def client(carte: str = "cpa-editeur") -> "Client":
            return stack.enter_context(pfcng_sandbox.client(carte))

        yield client
