"""The chain of a certificate: from the authorities that the profile knows, and else from where it says they are."""

from collections.abc import Callable, Iterable
from typing import Final

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import AuthorityInformationAccessOID

from pfcng.client.errors import TransportError
from pfcng.pki.bundles import read_certificates

Fetch = Callable[[str], bytes]
"""Reads what an address publishes.

Raises:
    TransportError: It cannot be read.
"""
_MAX_AUTHORITIES: Final = 5
_MAX_BYTES: Final = 1_000_000
_SECONDS: Final = 10.0


def find_chain(
    certificate: x509.Certificate, known: Iterable[x509.Certificate], fetch: Fetch
) -> tuple[x509.Certificate, ...]:
    """The authority that issued a certificate, then the one above it, up to the root where it can be found.

    Each one is held only for having signed the one before it. A root that nobody gave ends the chain early: the real
    authorities do not say where theirs is.

    Raises:
        TransportError: The authority itself is neither known nor published.
    """
    candidates = list(known)
    chain: list[x509.Certificate] = []
    current = certificate
    while current.subject != current.issuer and len(chain) < _MAX_AUTHORITIES:
        try:
            current = _issuer(current, candidates) or _published(current, fetch)
        except TransportError:
            if not chain:
                raise
            break
        chain.append(current)
    return tuple(chain)


def fetch_http(url: str) -> bytes:
    """Read a published file: no redirect, a bounded size.

    Raises:
        TransportError: It cannot be read.
    """
    try:
        with httpx.Client(timeout=_SECONDS) as http, http.stream("GET", url) as response:
            response.raise_for_status()
            content = b""
            for piece in response.iter_bytes():
                content += piece
                if len(content) > _MAX_BYTES:
                    raise TransportError(f"{url} est trop long pour un certificat.", maybe_received=False)
    except httpx.HTTPError as error:
        raise TransportError(
            f"Le certificat de l’autorité n’a pas pu être lu à {url}.", maybe_received=False, temporary=True
        ) from error
    return content


def _issuer(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    for candidate in candidates:
        if candidate.subject == certificate.issuer and _signed(certificate, candidate):
            return candidate
    return None


def _published(certificate: x509.Certificate, fetch: Fetch) -> x509.Certificate:
    for url in _addresses(certificate):
        try:
            found = _issuer(certificate, read_certificates(fetch(url)))
        except ValueError:
            continue
        if found is not None:
            return found
    raise TransportError(
        f"L’autorité « {certificate.issuer.rfc4514_string()} » est introuvable : donnez son certificat dans "
        "« autorites » (ou « confiance ») du profil.",
        maybe_received=False,
    )


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _addresses(certificate: x509.Certificate) -> list[str]:
    """Where the authority's certificate is published over plain HTTP: a signature vouches for it, not the transport."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        place.access_location.value
        for place in access
        if place.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(place.access_location, x509.UniformResourceIdentifier)
        and place.access_location.value.startswith(("http://", "https://"))
    ]
