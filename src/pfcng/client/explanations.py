"""Why no usable answer came: whatever goes wrong on the way becomes a French sentence."""

import errno
import socket
import ssl
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.request import getproxies

import httpx

from pfcng.client.errors import TransportError
from pfcng.client.profile import Profile

THIS_MACHINE: Final = ("localhost", "127.0.0.1")
"""Hosts that no proxy serves."""
_SENTENCE_CHARACTERS: Final = 300
# Verify codes of OpenSSL (x509_vfy.h).
_EXPIRED, _NOT_YET_VALID, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
_UNKNOWN_AUTHORITY: Final = (
    "Le certificat TLS de {host} ne vient pas d’une autorité de confiance : vérifiez le fichier « confiance »."
)
_SERVER_CERTIFICATE: Final = {
    _OTHER_NAME: "Le certificat TLS du serveur n’est pas au nom de {host} : vérifiez « url ».",
    _OTHER_ADDRESS: "Le certificat TLS du serveur n’est pas au nom de {host} : vérifiez « url ».",
    _EXPIRED: "Le certificat TLS de {host} a expiré : prévenez la plateforme, ou vérifiez l’heure de cette machine.",
    _NOT_YET_VALID: "Le certificat TLS de {host} n’est pas encore valide : vérifiez l’heure de cette machine.",
}
_BUSY: Final = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)
_MOMENTARY: Final = (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: HTTP 200, or 500 for a SOAP fault."""

    host: str
    status: int
    content: bytes
    diagnostic: str | None


def unreadable(answer: Answer) -> TransportError:
    """The error for an answer that is not a reply of the Web Service."""
    text = f"La réponse de {answer.host} (HTTP {answer.status}) n’est pas celle du Web Service : vérifiez « url »."
    return TransportError(text, maybe_received=True, status=answer.status, diagnostic=answer.diagnostic)


def one_line(text: str) -> str:
    """Text of the platform made fit to be shown: one line, no control characters, 300 characters at most."""
    visible = "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)
    return " ".join(visible.split())[:_SENTENCE_CHARACTERS]


class Explainer:
    """Tells what went wrong with one profile."""

    def __init__(self, profile: Profile, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._profile = profile
        self._clock = clock
        self.host = httpx.URL(profile.url).host

    def unexpected(self, response: httpx.Response, diagnostic: str | None) -> TransportError:
        """The error for an HTTP status that no SOAP service answers with."""
        status = response.status_code
        if status == httpx.codes.FORBIDDEN:
            said = one_line(response.text) if response.headers.get("Content-Type", "").startswith("text/plain") else ""
            text = f"{self.host} refuse l’accès (HTTP 403){f' : {said}' if said else '.'}"
            text += f" {self._own_dates() or 'Vérifiez « url » et le certificat de [tls].'}"
        elif status == httpx.codes.NOT_FOUND:
            text = f"{self.host} n’a pas de Web Service à cette adresse (HTTP 404) : vérifiez « url »."
        else:
            text = f"{self.host} a répondu HTTP {status} au lieu d’une réponse du Web Service."
        return TransportError(
            text,
            maybe_received=status >= httpx.codes.INTERNAL_SERVER_ERROR,
            temporary=status in _BUSY,
            status=status,
            diagnostic=diagnostic,
        )

    def explain(self, error: httpx.HTTPError) -> TransportError:
        """The error for a request that got no HTTP answer."""
        never_sent = next(filter(None, map(self._known_cause, _causes(error))), None) or self._not_connected(error)
        if never_sent:
            return TransportError(never_sent + self._proxy_hint, maybe_received=False, temporary=_is_momentary(error))
        if isinstance(error, httpx.TimeoutException):
            text = f"{self.host} n’a pas répondu en {self._profile.delai:g} s (« delai » du profil)."
        else:
            own = self._own_dates()
            hint = own or "Si cela se répète, le certificat de [tls] est peut-être refusé."
            text = f"La connexion avec {self.host} a été coupée avant la réponse. {hint}"
        return TransportError(text, maybe_received=True, temporary=True)

    def _not_connected(self, error: httpx.HTTPError) -> str | None:
        match error:
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                return f"{self.host} n’a pas accepté de connexion en {self._profile.delai:g} s."
            case httpx.ConnectError():
                code = _system_code(error)
                return f"La connexion à {self.host} est impossible{code} : vérifiez le réseau et « url »."
            case httpx.ProxyError():
                return f"Le mandataire a refusé la connexion à {self.host}."
            case _:
                return None

    def _known_cause(self, cause: BaseException) -> str | None:
        """The sentence for a cause that kept the message from being sent, if it is one."""
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                return _SERVER_CERTIFICATE.get(code, _UNKNOWN_AUTHORITY).format(host=self.host)
            case ssl.SSLError(reason=str(reason)) if "ALERT" in reason:
                refusal = f"{self.host} refuse la connexion TLS"
                own = self._own_dates()
                return f"{refusal}. {own}" if own else f"{refusal}, {_ALERTS.get(reason, _ALERT)} ({reason})."
            case ssl.SSLError(reason=str(reason)):
                return f"La connexion TLS avec {self.host} a échoué ({reason}) : vérifiez « url » et [tls]."
            case socket.gaierror():
                return f"Le nom {self.host} est inconnu : vérifiez « url » et le réseau."
            case ConnectionRefusedError():
                return (
                    f"Aucun service ne répond à {self._address} : vérifiez « url », et que la plateforme est démarrée."
                )
            case _:
                return None

    def _own_dates(self) -> str:
        """What is wrong with the dates of the certificate of [tls]; empty when it is in force."""
        certificate = self._profile.tls.certificate
        now = self._clock()
        if now > certificate.not_valid_after_utc:
            day = f"{certificate.not_valid_after_utc:%d/%m/%Y}"
            return (
                f"Le certificat de [tls] a expiré le {day} : demandez-en un autre, ou prenez une autre carte, et "
                "changez [tls] dans le profil."
            )
        if now < certificate.not_valid_before_utc:
            day = f"{certificate.not_valid_before_utc:%d/%m/%Y}"
            return f"Le certificat de [tls] n’est valide qu’à partir du {day} : vérifiez l’heure de cette machine."
        return ""

    @property
    def _proxy_hint(self) -> str:
        through_proxy = self.host not in THIS_MACHINE and not getproxies().keys().isdisjoint({"https", "all"})
        return " La connexion passe par le mandataire de la variable HTTPS_PROXY." if through_proxy else ""

    @property
    def _address(self) -> str:
        url = httpx.URL(self._profile.url)
        return f"{url.host}:{url.port or 443}"


_ALERT: Final = "sans doute à cause du certificat de [tls]"
_ALERTS: Final = {
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "pour qui le certificat de [tls] a expiré : vérifiez l’heure de cette machine",
    "TLSV1_ALERT_CERTIFICATE_EXPIRED": "pour qui le certificat de [tls] a expiré : vérifiez l’heure de cette machine",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "car le certificat de [tls] est révoqué : demandez-en un autre",
    "TLSV1_ALERT_UNKNOWN_CA": "car elle ne connaît pas l’autorité du certificat de [tls] : TEST ou production",
}
"""OpenSSL's reason → what the peer said of our certificate."""


def _is_momentary(error: BaseException) -> bool:
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return True
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return False
        if isinstance(cause, socket.gaierror):
            return cause.errno == socket.EAI_AGAIN
        if isinstance(cause, OSError) and cause.errno in _MOMENTARY:
            return True
    return False


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
