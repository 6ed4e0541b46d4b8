"""Where keys are, and where the secrets are that open them: values that settings and the ceremony share.

A secret is read when it is needed, from a file or from the environment, or was typed; it is never part of a command
line and never shown.
"""

import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXO


class CredentialError(ValueError):
    """A certificate, a key or the secret that opens it cannot be used; the message is French and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """The first line of a file that only its owner and group can read."""

    path: Path

    def read(self) -> str:
        """The secret.

        Raises:
            CredentialError: it cannot be read, others can read it, or it is not a line of text.
        """
        try:
            first, *_ = read_private(self.path).decode().splitlines() or [""]
        except UnicodeDecodeError as error:
            raise CredentialError(f"Le fichier {self.path} n’est pas un texte.") from error
        if not first:
            raise CredentialError(f"Le fichier {self.path} est vide.")
        return first


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVariable:
    """A variable of the environment."""

    name: str

    def read(self) -> str:
        """The secret.

        Raises:
            CredentialError: the variable is empty or not there.
        """
        value = os.environ.get(self.name)
        if not value:
            raise CredentialError(f"La variable {self.name} n’a pas de valeur.")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretText:
    """What somebody typed."""

    value: str = field(repr=False)

    def read(self) -> str:
        """The secret."""
        return self.value


Secret = SecretFile | SecretVariable | SecretText


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKey:
    """A PKCS#8 key in a PEM file.

    Attributes:
        password: What it is encrypted with; None for a key in the clear.
    """

    path: Path
    password: Secret | None = None

    def __str__(self) -> str:
        return f"La clé {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A PKCS#11 token.

    Attributes:
        module: The library that reaches it.
        label: The token's.
        pin: The user's PIN.
    """

    module: Path
    label: str
    pin: Secret

    def __str__(self) -> str:
        return f"Le jeton « {self.label} »"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key in a token, found by its label, its id (CKA_ID), or both."""

    token: Token
    label: str | None = None
    id: bytes | None = None

    def __post_init__(self) -> None:
        if self.label is None and self.id is None:
            raise CredentialError("Une clé de jeton a une étiquette ou un identifiant.")

    def __str__(self) -> str:
        name = f"« {self.label} »" if self.label is not None else f"{self.id.hex() if self.id else ''}"
        return f"La clé {name} du jeton « {self.token.label} »"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A transit engine of OpenBao or Vault.

    Attributes:
        address: ``https://…``; plain http is for this machine alone.
        token: What opens it.
        mount: Where the engine is mounted.
        ca: PEM of who certifies the server; None for the system's.
        namespace: Of the server, where it has several.
    """

    address: str
    token: Secret
    mount: str = "transit"
    ca: Path | None = None
    namespace: str | None = None

    def __str__(self) -> str:
        return f"Le moteur transit {self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitKey:
    """A key of a transit engine; one version of it for ever, since another version is another key."""

    engine: Engine
    name: str
    version: int = 1

    def __str__(self) -> str:
        return f"La clé « {self.name} » (version {self.version}) du moteur transit {self.engine.address}"


KeySource = FileKey | TokenKey | TransitKey


def read_private(path: Path) -> bytes:
    """The content of a file that holds a secret.

    Raises:
        CredentialError: it cannot be read, or anybody can read it.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise CredentialError(f"Le fichier {path} ne peut pas être lu : {error.strerror}.") from error
    if sys.platform != "win32" and mode & _OTHERS:
        raise CredentialError(f"Le fichier {path} est ouvert à tous les comptes de la machine : chmod o= {path}")
    return content
