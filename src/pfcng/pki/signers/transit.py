"""Keys in a transit engine of OpenBao or Vault: the digest goes there over HTTPS, the signature comes back."""

import base64
import binascii
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pfcng.pki.signers.outside import KeyUnavailable, OutsideKey
from pfcng.pki.signers.sources import CredentialError, Engine, TransitKey
from pfcng.pki.signers.transit_token import TokenRefused, TransitToken

TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)
"""Who waits for a signature gives up after 10 s: the engine must have answered, or not, before."""
SIZES: Final = (2048, 3072, 4096)
_HASHES: Final = {"sha256": "sha2-256", "sha384": "sha2-384", "sha512": "sha2-512"}


class NotFound(KeyUnavailable):
    """The engine is there and has no such thing."""


class TransitEngine:
    """One engine, for all its keys and every thread; its token is kept alive.

    Args:
        source: Which engine.
        clock: Seconds, monotonic.

    Raises:
        CredentialError: an address in the clear that is not this machine's, or a CA file that cannot be read.
    """

    def __init__(self, source: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        headers = {"X-Vault-Request": "true"}
        if source.namespace:
            headers["X-Vault-Namespace"] = source.namespace
        self._client = httpx.Client(
            base_url=f"{_checked_address(source.address)}/v1/",
            headers=headers,
            timeout=TIMEOUT,
            verify=_tls(source),
            trust_env=False,  # the token does not go through whatever proxy the environment names
        )
        self._token = TransitToken(source.token, self._ask, clock)
        self._stopped = threading.Event()
        self._keeper: threading.Thread | None = None

    def keep_token(self) -> None:
        """Renew the token in the background until `close`."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="transit-token", daemon=True)
            self._keeper.start()

    def close(self) -> None:
        """Stop renewing, and close the connections."""
        self._stopped.set()
        if self._keeper is not None:
            self._keeper.join()
        self._client.close()

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Call the engine, below its mount; with the newer token when the one in use is refused.

        Raises:
            NotFound: the engine has no such thing.
            KeyUnavailable: no answer, or one that says that it cannot.
        """
        token = self._token.current()
        try:
            return self._ask(method, f"{self._source.mount}/{path}", token, body)
        except TokenRefused:
            if not self._token.replaced(token):
                raise
        return self._ask(method, f"{self._source.mount}/{path}", self._token.current(), body)

    def _keep(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            wait = self._token.keep()

    def _ask(self, method: str, path: str, token: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        try:
            response = self._send(method, path, token, body)
        except httpx.TimeoutException as error:
            raise KeyUnavailable(f"{self._source} ne répond pas à temps.") from error
        except httpx.TransportError as error:
            raise KeyUnavailable(f"{self._source} est injoignable : {error}") from error
        return self._read(response)

    def _send(self, method: str, path: str, token: str, body: Mapping[str, object] | None) -> httpx.Response:
        request = self._client.build_request(method, path, headers={"X-Vault-Token": token}, json=body)
        try:
            return self._client.send(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return self._client.send(request)  # a kept connection that the server had closed; signing twice is harmless

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        """The answer's JSON, or which outage it tells."""
        match response.status_code:
            case 200 | 204:
                return self._json(response)
            case 403:
                raise TokenRefused(f"{self._source} refuse le jeton ou ses droits (403).")
            case 404:
                raise NotFound(f"{self._source} n’a rien sous ce nom (404).")
            case 503:
                raise KeyUnavailable(f"{self._source} est scellé ou à l’arrêt (503).")
            case status:
                raise KeyUnavailable(f"{self._source} répond {status}{_errors(response)}.")

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            content = response.json() if response.content else {}
        except ValueError as error:
            raise KeyUnavailable(f"{self._source} ne répond pas en JSON.") from error
        return content if isinstance(content, dict) else {}


class TransitPrivateKey(OutsideKey):
    """An RSA key of a transit engine."""

    def __init__(self, engine: TransitEngine, source: TransitKey, public_key: rsa.RSAPublicKey) -> None:
        super().__init__(public_key)
        self._engine = engine
        self._source = source

    def __str__(self) -> str:
        return str(self._source)

    def sign_digest(self, digest: bytes, hash_name: str) -> bytes:
        """Have the engine sign.

        Raises:
            KeyUnavailable: it cannot be done now.
        """
        body = {
            "input": base64.b64encode(digest).decode(),
            "prehashed": True,
            "hash_algorithm": _HASHES[hash_name],
            "signature_algorithm": "pkcs1v15",
            "key_version": self._source.version,
        }
        data = self._engine.call("POST", f"sign/{_quoted(self._source)}", body).get("data") or {}
        try:
            return base64.b64decode(data["signature"].rpartition(":")[2], validate=True)
        except (KeyError, AttributeError, TypeError, binascii.Error) as error:
            raise KeyUnavailable(f"{self._source.engine} ne rend pas de signature.") from error


@dataclass(frozen=True, slots=True)
class EnginePlace:
    """A key's place in an engine, with or without the key."""

    engine: TransitEngine
    source: TransitKey

    def open(self, public_key: rsa.RSAPublicKey) -> TransitPrivateKey:
        """The key of that public half; the engine is not asked for anything yet."""
        return TransitPrivateKey(self.engine, self.source, public_key)

    def find(self) -> TransitPrivateKey | None:
        """The key that is in the engine, if there is one.

        Raises:
            KeyUnavailable: the engine cannot be used now.
            CredentialError: it is no RSA key, or not of that version.
        """
        try:
            data = self.engine.call("GET", f"keys/{_quoted(self.source)}").get("data") or {}
        except NotFound:
            return None
        try:
            public_key = load_pem_public_key(data["keys"][str(self.source.version)]["public_key"].encode())
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CredentialError(f"{self.source} n’est pas une clé RSA de cette version.") from error
        if not isinstance(public_key, rsa.RSAPublicKey):
            raise CredentialError(f"{self.source} n’est pas une clé RSA.")
        return self.open(public_key)

    def make(self, bits: int) -> TransitPrivateKey:
        """Make the key in the engine: neither exported, deleted nor saved in the clear (the engine's defaults).

        Raises:
            CredentialError: there is one under that name, or the engine makes none of that size.
            KeyUnavailable: the engine cannot be used now.
        """
        if bits not in SIZES:
            raise CredentialError(f"{self.source.engine} ne fait pas de clé RSA de {bits} bits.")
        if self.find() is not None:
            raise CredentialError(f"{self.source} existe déjà.")
        self.engine.call("POST", f"keys/{_quoted(self.source)}", {"type": f"rsa-{bits}"})
        key = self.find()
        if key is None:
            raise KeyUnavailable(f"{self.source.engine} n’a pas gardé la clé « {self.source.name} ».")
        return key


def _quoted(source: TransitKey) -> str:
    return quote(source.name, safe="")


def _checked_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname)):
        return address.rstrip("/")
    raise CredentialError(f"L’adresse {address} n’est pas en https:// ; http:// n’est admis que sur cette machine.")


def _is_local(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _tls(source: Engine) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=source.ca)
    except (OSError, ssl.SSLError) as error:
        raise CredentialError(f"Le fichier {source.ca} n’est pas une liste de certificats PEM.") from error


def _errors(response: httpx.Response) -> str:
    """What the server says went wrong, on one line."""
    try:
        errors = response.json().get("errors") or []
    except (ValueError, AttributeError):
        return ""
    return f" : {' '.join(' '.join(map(str, errors)).split())[:200]}" if errors else ""
