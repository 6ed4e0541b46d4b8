"""The work of ``pfcng certificat montrer``: from a file or an address to what there is to say."""

import getpass
import os
import socket
import ssl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from pfcng.cli.output import Outcome, Status
from pfcng.cli.work import session
from pfcng.cli.work.failure import fault
from pfcng.client import ClientError
from pfcng.client.certificates import reading
from pfcng.client.certificates.description import Description, describe
from pfcng.client.certificates.fetching import Unreachable, fetch
from pfcng.client.files import file_fault

_HTTPS = 443


class Unusable(Exception):
    """The source or the trusted files cannot be used; the message is French."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


def montrer(source: str, *, trusted: Sequence[Path], offline: bool, password_variable: str | None) -> Outcome:
    """Show every certificate that a source is about."""
    try:
        now = session.present()
        anchors = read_files(trusted)
        found = _read(source, _password(password_variable))
    except ClientError as error:
        return _failed(error.message, Status.TRANSPORT)
    except Unusable as error:
        return _failed(str(error), error.status)
    shown = [describe(one, found, anchors, fetch=None if offline else fetch, now=now) for one in reading.holders(found)]
    return _outcome(shown)


def _failed(message: str, status: Status) -> Outcome:
    return fault(status, message, {"operation": "certificat montrer", "certificats": []})


def read_files(files: Iterable[Path]) -> list[x509.Certificate]:
    """The certificates of several files.

    Raises:
        Unusable: one that cannot be read.
    """
    found: list[x509.Certificate] = []
    for file in files:
        try:
            found += reading.read(file.read_bytes())
        except OSError as error:
            raise Unusable(f"Le fichier {file} ne convient pas : {file_fault(error)}.", Status.USAGE) from error
        except reading.UnreadableCertificate as error:
            raise Unusable(f"{file} : {error}", Status.USAGE) from error
    return found


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    if variable not in os.environ:
        raise Unusable(f"La variable d’environnement {variable} n’est pas définie.", Status.USAGE)
    return os.environ[variable]


def _read(source: str, password: str | None) -> tuple[x509.Certificate, ...]:
    try:
        if source.startswith("https://"):
            return _of_server(source)
        content = fetch(source, None) if source.startswith("http://") else Path(source).read_bytes()
        try:
            return reading.read(content, password)
        except reading.PasswordNeeded:
            if password is not None or not sys.stdin.isatty():
                raise
            return reading.read(content, getpass.getpass("Mot de passe du PKCS#12 : "))
    except Unreachable as error:
        raise Unusable(f"{source} : {error}.", Status.TRANSPORT) from error
    except reading.UnreadableCertificate as error:
        raise Unusable(f"{source} : {error}", Status.USAGE) from error
    except OSError as error:
        raise Unusable(f"Le fichier {source} ne convient pas : {file_fault(error)}.", Status.USAGE) from error


def _of_server(url: str) -> tuple[x509.Certificate, ...]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _HTTPS
    except ValueError:
        host, port = None, 0
    if not host:
        raise Unusable(f"« {url} » n’est pas une adresse https://hôte ou https://hôte:port.", Status.USAGE)
    try:
        return reading.of_server(host, port)
    except (OSError, ValueError) as error:
        raise Unusable(f"Pas de certificat TLS à {host}:{port} : {_cause(error)}.", Status.TRANSPORT) from error


def _cause(error: Exception) -> str:
    """Why a server showed no certificate, in French; OpenSSL's own word where it has one."""
    match error:
        case ConnectionRefusedError():
            return "connexion refusée"
        case TimeoutError():
            return "délai dépassé"
        case socket.gaierror():
            return "nom inconnu"
        case ssl.SSLError():
            return f"OpenSSL dit {error.reason}" if error.reason else "TLS n’aboutit pas"
    return "pas de réponse"


def _outcome(shown: Sequence[Description]) -> Outcome:
    faults = [fault for one in shown for fault in one.faults]
    headline = "Certificat montré." if len(shown) == 1 else f"{len(shown)} certificats montrés."
    if faults:
        headline = faults[0] if len(faults) == 1 else f"{faults[0]} (défauts en plus : {len(faults) - 1})"
    lines = [line for one in shown for line in (("", ""), *one.lines)][1:]
    return Outcome(
        status=Status.REFUSED if faults else Status.DONE,
        headline=headline,
        lines=tuple(lines),
        data={"operation": "certificat montrer", "message": headline, "certificats": [one.data for one in shown]},
    )
