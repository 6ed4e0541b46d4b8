"""Keys in a PKCS#11 token: SoftHSM, a smart card, an HSM.

python-pkcs11 initialises modules without telling them of threads: two threads at once in a module crash it. So every
call holds the module's lock, whatever the token. A session is opened once and kept. When it fails, whatever the
reason, a new one is tried, then the module is initialised again, which is what it takes for a token that went away and
came back.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pkcs11
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from pfcng.pki.signers.outside import DIGEST_INFO, KeyUnavailable, OutsideKey
from pfcng.pki.signers.sources import CredentialError, Token, TokenKey

log = structlog.get_logger()

PAUSE: Final = 5.0
"""Seconds between two initialisations of a module: each ends the sessions of its other tokens."""
_LOCKS: Final[dict[Path, threading.RLock]] = defaultdict(threading.RLock)
"""By module, whatever path leads to it: it is initialised once for the whole process."""
_PIN_ERRORS: Final = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinExpired,
    pkcs11.PinLocked,
    pkcs11.UserPinNotInitialized,
)

T = TypeVar("T")


class KeyMissing(KeyUnavailable):
    """The token is there and has no such key."""


class TokenSession:
    """One token, opened when it is needed and again when it is lost; for every key in it and every thread.

    Args:
        source: Which token.
        clock: Seconds, monotonic.
    """

    def __init__(self, source: Token, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._lock = _LOCKS[source.module.resolve()]
        self._process = os.getpid()
        self._session: pkcs11.Session | None = None
        self._refused_pin: str | None = None
        self._restarted = -PAUSE

    def use(self, action: Callable[[pkcs11.Session], T]) -> T:
        """Do something in the session; when that fails, once more in a new one, and in a new module.

        Raises:
            KeyUnavailable: the token cannot be used now, or never in this process.
        """
        if os.getpid() != self._process:
            # What a fork copies of a module is of no use (PKCS#11 §6.6.1), and its lock may be held for ever.
            raise self._unavailable("a été ouvert dans un autre processus, et ne sert que là")
        with self._lock:
            for prepare in (self._keep, self._forget, self._restart):
                try:
                    if prepare():
                        return action(self._opened())
                except (pkcs11.PKCS11Error, KeyMissing) as error:
                    failure = error
            self._forget()
        if isinstance(failure, KeyMissing):
            raise failure
        raise self._unavailable(f"ne répond pas ({_name(failure)})") from failure

    def change(self, action: Callable[[pkcs11.Session], T]) -> T:
        """Do something that writes in the token, once.

        Raises:
            KeyUnavailable: the token cannot be used now, or does not do it.
        """
        with self._lock:
            token = self.use(lambda session: session.token)
            try:
                session = token.open(rw=True)  # the log-in is the token's, not the session's
                try:
                    return action(session)
                finally:
                    session.close()
            except pkcs11.PKCS11Error as error:
                raise self._unavailable(f"refuse d’écrire ({_name(error)})") from error

    def close(self) -> None:
        """Give the session back."""
        with self._lock:
            self._forget()

    def _opened(self) -> pkcs11.Session:
        if self._session is None:
            token = pkcs11.lib(str(self._source.module)).get_token(token_label=self._source.label)
            self._session = self._login(token)
            log.info("jeton.ouvert", jeton=self._source.label)
        return self._session

    def _login(self, token: pkcs11.Token) -> pkcs11.Session:
        """A PIN that was refused is not presented again: a token locks itself after a few."""
        try:
            pin = self._source.pin.read()
        except CredentialError as error:
            raise KeyUnavailable(str(error)) from error
        if pin == self._refused_pin:
            raise self._unavailable("a refusé le code PIN ; il n’est pas présenté une seconde fois")
        try:
            return token.open(user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:  # by another part of this process
            return token.open()
        except _PIN_ERRORS as error:
            self._refused_pin = pin
            log.error("jeton.pin_refuse", jeton=self._source.label, erreur=_name(error))  # noqa: TRY400 - said whole
            raise self._unavailable(f"refuse le code PIN ({_name(error)})") from error

    def _keep(self) -> bool:
        """The first try takes what is there."""
        return True

    def _forget(self) -> bool:
        """The second one opens a new session."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error:
                log.info("jeton.session_perdue", jeton=self._source.label)
        return True

    def _restart(self) -> bool:
        """The third one has the module look at its slots anew, unless it did a moment ago."""
        self._forget()
        if self._clock() < self._restarted + PAUSE:
            return False
        self._restarted = self._clock()
        module = pkcs11.lib(str(self._source.module))
        try:
            module.finalize()
        except pkcs11.PKCS11Error as error:
            log.info("jeton.module_perdu", module=str(self._source.module), erreur=_name(error))
        module.initialize()
        return True

    def _unavailable(self, reason: str) -> KeyUnavailable:
        return KeyUnavailable(f"{self._source} {reason}.")


class TokenPrivateKey(OutsideKey):
    """An RSA key in a token."""

    def __init__(self, session: TokenSession, source: TokenKey, public_key: rsa.RSAPublicKey) -> None:
        super().__init__(public_key)
        self._token = session
        self._source = source
        self._found: tuple[pkcs11.Session, Any] | None = None

    def __str__(self) -> str:
        return str(self._source)

    def sign_digest(self, digest: bytes, hash_name: str) -> bytes:
        """Have the token sign; the padding is its own work.

        Raises:
            KeyUnavailable: the token or the key is not there.
        """
        payload = DIGEST_INFO[hash_name] + digest
        signature: bytes = self._token.use(
            lambda session: self._handle(session).sign(payload, mechanism=Mechanism.RSA_PKCS)
        )
        return signature

    def _handle(self, session: pkcs11.Session) -> Any:
        """The key in this session; a handle ends with its session."""
        if self._found is None or self._found[0] is not session:
            self._found = (session, _private_key(session, self._source))
        return self._found[1]


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """A key's place in a token, with or without the key."""

    session: TokenSession
    source: TokenKey

    def open(self, public_key: rsa.RSAPublicKey) -> TokenPrivateKey:
        """The key of that public half; it is looked for at its first use."""
        return TokenPrivateKey(self.session, self.source, public_key)

    def find(self) -> TokenPrivateKey | None:
        """The key that is in the token, if there is one.

        Raises:
            KeyUnavailable: the token cannot be used now.
        """
        try:
            return self.open(self.session.use(lambda opened: _public_half(_private_key(opened, self.source))))
        except KeyMissing:
            return None

    def make(self, bits: int) -> TokenPrivateKey:
        """Make the key inside the token: it signs, never leaves, and was never anywhere else.

        Raises:
            CredentialError: there is one under that name.
            KeyUnavailable: the token cannot be used now, or does not make it.
        """
        if self.find() is not None:
            raise CredentialError(f"{self.source} existe déjà.")
        return self.open(self.session.change(lambda opened: _generate(opened, self.source, bits)))


def _generate(session: pkcs11.Session, source: TokenKey, bits: int) -> rsa.RSAPublicKey:
    _, private = session.generate_keypair(
        KeyType.RSA,
        bits,
        id=source.id or (source.label or "").encode(),
        label=source.label,
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        private_template={Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )
    return _public_half(private)


def _private_key(session: pkcs11.Session, source: TokenKey) -> Any:
    """The one key of that name; what it can do is added to its class by the module when it is read."""
    wanted: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: KeyType.RSA}
    if source.label is not None:
        wanted[Attribute.LABEL] = source.label
    if source.id is not None:
        wanted[Attribute.ID] = source.id
    _check(session)
    # The whole list: a search that is left half-way stays open in the session.
    match list(session.get_objects(wanted)):
        case []:
            raise KeyMissing(f"{source} n’existe pas.")
        case [key]:
            return key
    raise KeyUnavailable(f"{source} n’est pas la seule de ce nom.")


def _check(session: pkcs11.Session) -> None:
    """Have a lost session say so by something harmless: a search in it would fail twice, the second time unseen."""
    try:
        session.generate_random(8)
    except (pkcs11.RandomNoRNG, pkcs11.FunctionNotSupported):
        return


def _public_half(key: Any) -> rsa.RSAPublicKey:
    numbers = (int.from_bytes(key[name], "big") for name in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
    return rsa.RSAPublicNumbers(*numbers).public_key()


def _name(error: Exception) -> str:
    return type(error).__name__
