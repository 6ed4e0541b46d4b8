"""The chain of a certificate: who issued it, up to a root, and whose root that is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID

from pfcng.client.certificates.fetching import Fetch, Unreachable
from pfcng.client.certificates.reading import UnreadableCertificate, read
from pfcng.pki import names
from pfcng.pki.published import PUBLISHED

_MAX_LENGTH: Final = 6


class Anchor(Enum):
    """Why the end of a chain is believed, or not; the values are what programs read."""

    GIVEN = "donnee"
    """It is one of the certificates given as trusted."""
    PUBLISHED = "publiee"
    """Its fingerprint is that of a certificate that the ANS publishes."""
    UNKNOWN = "inconnue"
    """A root, but nobody vouches for it."""
    MISSING = "absente"
    """The chain stops below its root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A certificate and those above it.

    Attributes:
        certificates: The holder's first; each was signed by the next.
        anchor: What the last one is.
    """

    certificates: tuple[x509.Certificate, ...]
    anchor: Anchor

    @property
    def issuer(self) -> x509.Certificate | None:
        """Who issued the first; itself for a root."""
        if len(self.certificates) > 1:
            return self.certificates[1]
        return self.certificates[0] if is_root(self.certificates[0]) else None


def build(
    certificate: x509.Certificate,
    candidates: Iterable[x509.Certificate],
    trusted: Iterable[x509.Certificate] = (),
    fetch: Fetch | None = None,
) -> Chain:
    """Find the issuers among the candidates and the trusted, then at the addresses in the certificates.

    Args:
        certificate: Where the chain begins.
        candidates: Believed in nothing but their signatures.
        trusted: Where a chain may end.
        fetch: How the addresses (authorityInfoAccess) are followed; None to stay off the network.
    """
    anchors = tuple(trusted)
    known = [*anchors, *candidates]
    chain = [certificate]
    while len(chain) < _MAX_LENGTH and chain[-1] not in anchors and not is_root(chain[-1]):
        issuer = _issuer(chain[-1], known) or _issuer(chain[-1], _fetched(chain[-1], fetch))
        if issuer is None:
            break
        chain.append(issuer)
    return Chain(certificates=tuple(chain), anchor=_anchor(chain[-1], anchors))


def is_root(certificate: x509.Certificate) -> bool:
    """Whether it issued itself."""
    return certificate.issuer == certificate.subject and has_issued(certificate, certificate)


def has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether the one signed the other."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may issue others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def faults(chain: Chain, now: datetime) -> Iterator[str]:
    """What is wrong above the holder: dates, and issuers that are no authorities. French sentences."""
    for one in chain.certificates[1:]:
        name = names.first(one.subject, x509.NameOID.COMMON_NAME) or names.rfc4514(one.subject)
        if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
            yield f"{name} n’est pas dans ses dates de validité."
        if not is_authority(one):
            yield f"{name} n’est pas une autorité : elle ne peut rien émettre."


def _issuer(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    return next((one for one in candidates if one.subject == certificate.issuer and has_issued(one, certificate)), None)


def _fetched(certificate: x509.Certificate, fetch: Fetch | None) -> Iterator[x509.Certificate]:
    if fetch is None:
        return
    for url in issuer_urls(certificate):
        try:
            yield from read(fetch(url, None))
        except (Unreachable, UnreadableCertificate):
            continue


def issuer_urls(certificate: x509.Certificate) -> list[str]:
    """Where the certificate says that its issuer's is."""
    return access_urls(certificate, AuthorityInformationAccessOID.CA_ISSUERS)


def access_urls(certificate: x509.Certificate, method: x509.ObjectIdentifier) -> list[str]:
    """The addresses of authorityInfoAccess of one method."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    locations = [one.access_location for one in access if one.access_method == method]
    return [one.value for one in locations if isinstance(one, x509.UniformResourceIdentifier)]


def _anchor(last: x509.Certificate, anchors: tuple[x509.Certificate, ...]) -> Anchor:
    if last in anchors:
        return Anchor.GIVEN
    if last.fingerprint(hashes.SHA256()) in PUBLISHED:
        return Anchor.PUBLISHED
    return Anchor.UNKNOWN if is_root(last) else Anchor.MISSING
