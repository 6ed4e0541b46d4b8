"""The three places of keys, real, under one description for the conformance suite."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pfcng.pki.signers.sources import FileKey, KeySource, SecretVariable, TokenKey, TransitKey
from support.openbao import OpenBao, open_bao
from support.softhsm import SoftToken, soft_token

KINDS = ("fichier", "jeton", "transit")
OUTSIDE = ("jeton", "transit")
PASSWORD_VARIABLE = "PFCNG_ESSAI_MOT_DE_PASSE"  # noqa: S105 - the name of a variable


class Place(Protocol):
    """Where a test keeps keys."""

    def source(self, name: str) -> KeySource:
        """The description of a key of that name."""

    def lose(self) -> None:
        """An outage begins."""

    def restore(self) -> None:
        """The outage ends."""


class Files:
    """A folder; it is never away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def source(self, name: str) -> KeySource:
        return FileKey(path=self._folder / f"{name}.key", password=SecretVariable(name=PASSWORD_VARIABLE))

    def lose(self) -> None:
        raise NotImplementedError

    def restore(self) -> None:
        raise NotImplementedError


class InToken:
    def __init__(self, token: SoftToken) -> None:
        self.token = token

    def source(self, name: str) -> KeySource:
        return TokenKey(token=self.token.source, label=name)

    def lose(self) -> None:
        self.token.lose()

    def restore(self) -> None:
        self.token.restore()


class InEngine:
    def __init__(self, server: OpenBao) -> None:
        self.server = server

    def source(self, name: str) -> KeySource:
        return TransitKey(engine=self.server.source, name=name)

    def lose(self) -> None:
        self.server.stop()

    def restore(self) -> None:
        self.server.start()


@contextmanager
def open_place(kind: str, folder: Path) -> Iterator[Place]:
    """A new place of that kind."""
    match kind:
        case "fichier":
            yield Files(folder)
        case "jeton":
            with soft_token(folder) as token:
                yield InToken(token)
        case _:
            with open_bao(folder) as server:
                yield InEngine(server)
