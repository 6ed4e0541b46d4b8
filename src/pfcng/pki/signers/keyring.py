"""Keys by their description; those of one token share its session, those of one engine its connections and token."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.pki.signers.files import FilePlace
from pfcng.pki.signers.sources import Engine, FileKey, KeySource, Token, TokenKey

if TYPE_CHECKING:
    from pfcng.pki.signers.pkcs11_token import TokenSession
    from pfcng.pki.signers.transit import TransitEngine


class KeyPlace(Protocol):
    """Where a key is, or will be made."""

    def open(self, public_key: rsa.RSAPublicKey) -> rsa.RSAPrivateKey:
        """The key of a public half. One that is outside is not asked for anything yet.

        Raises:
            CredentialError: a file that cannot be used.
        """

    def find(self) -> rsa.RSAPrivateKey | None:
        """The key that is there, if there is one.

        Raises:
            CredentialError: what is there cannot be used.
            KeyUnavailable: one cannot look now.
        """

    def make(self, bits: int) -> rsa.RSAPrivateKey:
        """Make the key where it will stay.

        Raises:
            CredentialError: there is one already, or it cannot be made of that size.
            KeyUnavailable: it cannot be made now.
        """


class Keyring:
    """Leads to keys.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens: dict[Token, TokenSession] = {}
        self._engines: dict[Engine, TransitEngine] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def at(self, source: KeySource) -> KeyPlace:
        """The key's place.

        Raises:
            CredentialError: an engine's address or CA file that cannot be used.
        """
        match source:
            case FileKey():
                return FilePlace(source)
            case TokenKey():
                from pfcng.pki.signers.pkcs11_token import TokenPlace  # noqa: PLC0415 - only who has a token

                return TokenPlace(self._token(source.token), source)
        from pfcng.pki.signers.transit import EnginePlace  # noqa: PLC0415 - only who has an engine

        return EnginePlace(self._engine(source.engine), source)

    def close(self) -> None:
        """Give sessions and connections back; the keys that are outside sign no more."""
        for token in self._tokens.values():
            token.close()
        for engine in self._engines.values():
            engine.close()

    def _token(self, source: Token) -> "TokenSession":
        from pfcng.pki.signers.pkcs11_token import TokenSession  # noqa: PLC0415 - only who has a token

        if source not in self._tokens:
            self._tokens[source] = TokenSession(source, self._clock)
        return self._tokens[source]

    def _engine(self, source: Engine) -> "TransitEngine":
        from pfcng.pki.signers.transit import TransitEngine  # noqa: PLC0415 - only who has an engine

        if source not in self._engines:
            self._engines[source] = TransitEngine(source, self._clock)
            self._engines[source].keep_token()
        return self._engines[source]
