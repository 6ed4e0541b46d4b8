"""What is wrong with files that are there and can be read: looked at by ``verifier``, before any start."""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from pfcng.notifications.checking import template_faults
from pfcng.pki.keys import authority_of, load_certificates, load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.sources import CredentialError
from pfcng.pki.trust import InvalidTrustAnchors, TrustStore
from pfcng.settings import Confiance, Courrier, Emettrice, Igc, KeyPair, Publication

_LISTS: Final = ("emettrices", "autres_autorites")


def unsound(parts: Mapping[str, Any]) -> list[str]:
    """Every fault of the files that settings name: ``setting : what is wrong``, in French.

    Args:
        parts: Settings of a platform or of PFCNG-IGC, by name; those that are not there are not looked at.
    """
    now = datetime.now(UTC)
    checks: dict[str, Callable[[Any], object]] = {
        "serveur": partial(_pair, now=now),
        "confiance": partial(_trust, now=now),
        "publication": _publication,
        "igc": partial(_igc, now=now),
        "clients": lambda clients: _certificates(clients.autorites),
        "racines": _certificates,
        "courrier": _mail,
    }
    found: list[tuple[str, Callable[[], object]]] = [
        (name, partial(check, parts[name])) for name, check in checks.items() if parts.get(name) is not None
    ]
    found += [
        (f"{name}.{number}", partial(_authority, one, now=now))
        for name in _LISTS
        for number, one in enumerate(parts.get(name, ()))
    ]
    return [*_faults(found), *_template_faults(parts.get("courrier"))]


def _faults(checks: Iterable[tuple[str, Callable[[], object]]]) -> Iterator[str]:
    for setting, check in checks:
        try:
            check()
        except ssl.SSLError as error:
            yield f"{setting} : OpenSSL refuse le certificat ou la clé ({error.reason or 'illisible'})"
        except OSError as error:
            yield f"{setting} : le fichier {error.filename} ne peut pas être lu"
        except InvalidTrustAnchors as error:
            yield f"{setting} : une autorité ne peut pas être crue ({error})"
        except CredentialError as error:
            yield f"{setting} : {error}"


def _pair(pair: KeyPair, *, now: datetime) -> None:
    """A certificate of a TLS end: any kind of key that OpenSSL takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificat, pair.cle, password=lambda: "")  # never asked on the terminal
    _in_time(load_certificates(pair.certificat)[0], now)


def _authority(one: Emettrice, *, now: datetime) -> None:
    keyring = Keyring()
    try:
        certificate = load_kept(one.certificat, one.source(), keyring).certificate
    finally:
        keyring.close()
    authority_of(certificate)
    _in_time(certificate, now)


def _trust(confiance: Confiance, *, now: datetime) -> None:
    TrustStore.load(
        roots=[one for path in confiance.racines for one in load_certificates(path)],
        authorities=[one for path in confiance.autorites for one in load_certificates(path)],
        crls=(),
        now=now,
        crl_grace=confiance.grace_crl,
    )
    _crls(source for source in confiance.crls if isinstance(source, Path))


def _publication(publication: Publication) -> None:
    _crls(publication.crls)


def _crls(paths: Iterable[Path]) -> None:
    for path in paths:
        path.open("rb").close()


def _igc(igc: Igc, *, now: datetime) -> None:
    _pair(KeyPair(certificat=igc.certificat, cle=igc.cle), now=now)
    _certificates((igc.confiance, *igc.autorites))


def _certificates(paths: Iterable[Path]) -> None:
    for path in paths:
        load_certificates(path)


def _mail(courrier: Courrier) -> None:
    courrier.password()
    if courrier.autorites is not None:
        load_certificates(courrier.autorites)


def _template_faults(courrier: Courrier | None) -> Iterator[str]:
    if courrier is not None and courrier.modeles is not None:
        yield from (f"courrier.modeles : {fault}" for fault in template_faults(courrier.modeles))


def _in_time(certificate: x509.Certificate, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        raise CredentialError(f"le certificat a expiré le {certificate.not_valid_after_utc:%d/%m/%Y}")
    if now < certificate.not_valid_before_utc:
        raise CredentialError(f"le certificat ne vaut qu’à partir du {certificate.not_valid_before_utc:%d/%m/%Y}")
