"""One HTTPS connection pool to the platform; whatever goes wrong on the way becomes a French sentence."""

import errno
import socket
import ssl
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from urllib.request import getproxies

import httpx

from pfcng.client.errors import TransportError
from pfcng.client.profile import Profile
from pfcng.client.tls import client_context

DIAGNOSTIC_HEADER: Final = "X-Pfcng-Diagnostic"
"""Where a platform may tell the precise cause of a refusal."""

_KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than the five seconds after which common servers close: a request never meets a connection being closed."""
_THIS_MACHINE: Final = ("localhost", "127.0.0.1")
_SENTENCE_CHARACTERS: Final = 300
_SOAP_STATUSES: Final = (200, 500)
# Verify codes of OpenSSL (x509_vfy.h).
_EXPIRED, _NOT_YET_VALID, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: HTTP 200, or 500 for a SOAP fault."""

    status: int
    content: bytes
    diagnostic: str | None


class Transport:
    """Sends SOAP messages to one URL over kept-alive mutual TLS. Threads may share it."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._host = httpx.URL(profile.url).host
        self._http = httpx.Client(
            verify=client_context(profile.confiance, profile.tls),
            timeout=profile.delai,
            limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_SECONDS),
            headers={"User-Agent": "pfcng", "Accept": "text/xml", "Accept-Encoding": "identity"},
            # A proxy of the environment serves the outside world, not this machine.
            mounts=dict.fromkeys((f"https://{host}" for host in _THIS_MACHINE), None),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post(self, message: bytes, soap_action: str) -> Answer:
        """Send a SOAP message once and return the answer.

        Raises:
            TransportError: No answer came, or not one of a SOAP service.
        """
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{soap_action}"'}
        try:
            response = self._http.post(self._profile.url, content=message, headers=headers)
        except httpx.HTTPError as error:
            raise self._explain(error) from error
        diagnostic = one_line(unquote(response.headers.get(DIAGNOSTIC_HEADER, ""))) or None
        if response.status_code not in _SOAP_STATUSES:
            raise self._unexpected(response, diagnostic)
        return Answer(status=response.status_code, content=response.content, diagnostic=diagnostic)

    def unreadable(self, answer: Answer) -> TransportError:
        """The error for an answer that is not a reply of the Web Service."""
        text = f"La réponse de {self._host} (HTTP {answer.status}) n’est pas celle du Web Service : vérifiez « url »."
        return TransportError(text, maybe_received=True, status=answer.status, diagnostic=answer.diagnostic)

    def _unexpected(self, response: httpx.Response, diagnostic: str | None) -> TransportError:
        status = response.status_code
        if status == httpx.codes.FORBIDDEN:
            said = one_line(response.text) if response.headers.get("Content-Type", "").startswith("text/plain") else ""
            text = f"{self._host} refuse l’accès (HTTP 403){f' : {said}' if said else '.'}"
            text += " Vérifiez « url » et le certificat de [tls]."
        elif status == httpx.codes.NOT_FOUND:
            text = f"{self._host} n’a pas de Web Service à cette adresse (HTTP 404) : vérifiez « url »."
        else:
            text = f"{self._host} a répondu HTTP {status} au lieu d’une réponse du Web Service."
        received = status >= httpx.codes.INTERNAL_SERVER_ERROR
        return TransportError(text, maybe_received=received, status=status, diagnostic=diagnostic)

    def _explain(self, error: httpx.HTTPError) -> TransportError:
        never_sent = next(filter(None, map(self._known_cause, _causes(error))), None) or self._not_connected(error)
        if never_sent:
            return TransportError(never_sent + self._proxy_hint, maybe_received=False)
        if isinstance(error, httpx.TimeoutException):
            text = f"{self._host} n’a pas répondu en {self._profile.delai:g} s (« delai » du profil)."
        else:
            text = f"La connexion avec {self._host} a été coupée avant la réponse. Si cela se répète, "
            text += "le certificat de [tls] est peut-être refusé."
        return TransportError(text, maybe_received=True)

    def _not_connected(self, error: httpx.HTTPError) -> str | None:
        match error:
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                return f"{self._host} n’a pas accepté de connexion en {self._profile.delai:g} s."
            case httpx.ConnectError():
                code = _system_code(error)
                return f"La connexion à {self._host} est impossible{code} : vérifiez le réseau et « url »."
            case httpx.ProxyError():
                return f"Le mandataire a refusé la connexion à {self._host}."
            case _:
                return None

    def _known_cause(self, cause: BaseException) -> str | None:
        """The sentence for a cause that kept the message from being sent, if it is one."""
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                return _SERVER_CERTIFICATE.get(code, _UNKNOWN_AUTHORITY).format(host=self._host)
            case ssl.SSLError(reason=str(reason)) if "ALERT" in reason:
                return f"{self._host} refuse la connexion TLS, sans doute à cause du certificat de [tls] ({reason})."
            case ssl.SSLError(reason=str(reason)):
                return f"La connexion TLS avec {self._host} a échoué ({reason}) : vérifiez « url » et [tls]."
            case socket.gaierror():
                return f"Le nom {self._host} est inconnu : vérifiez « url » et le réseau."
            case ConnectionRefusedError():
                return (
                    f"Aucun service ne répond à {self._address} : vérifiez « url », et que la plateforme est démarrée."
                )
            case _:
                return None

    @property
    def _proxy_hint(self) -> str:
        through_proxy = self._host not in _THIS_MACHINE and not getproxies().keys().isdisjoint({"https", "all"})
        return " La connexion passe par le mandataire de la variable HTTPS_PROXY." if through_proxy else ""

    @property
    def _address(self) -> str:
        url = httpx.URL(self._profile.url)
        return f"{url.host}:{url.port or 443}"


_UNKNOWN_AUTHORITY: Final = (
    "Le certificat TLS de {host} ne vient pas d’une autorité de confiance : vérifiez le fichier « confiance »."
)
_SERVER_CERTIFICATE: Final = {
    _OTHER_NAME: "Le certificat TLS du serveur n’est pas au nom de {host} : vérifiez « url ».",
    _OTHER_ADDRESS: "Le certificat TLS du serveur n’est pas au nom de {host} : vérifiez « url ».",
    _EXPIRED: "Le certificat TLS de {host} a expiré : prévenez la plateforme, ou vérifiez l’heure de cette machine.",
    _NOT_YET_VALID: "Le certificat TLS de {host} n’est pas encore valide : vérifiez l’heure de cette machine.",
}


def one_line(text: str) -> str:
    """Text of the platform made fit to be shown: one line, no control characters, 300 characters at most."""
    visible = "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)
    return " ".join(visible.split())[:_SENTENCE_CHARACTERS]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _system_code(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno is not None:
            return f" ({errno.errorcode.get(cause.errno, cause.errno)})"
    return ""
