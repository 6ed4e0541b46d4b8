"""The chain of a certificate that was obtained: of authorities that the profile knows, else where it says they are."""

from collections.abc import Iterable

from cryptography import x509

from pfcng.client.certificates.chain import build
from pfcng.client.certificates.fetching import Fetch
from pfcng.client.errors import TransportError


def find_chain(
    certificate: x509.Certificate, known: Iterable[x509.Certificate], fetch: Fetch
) -> tuple[x509.Certificate, ...]:
    """The authority that issued a certificate, then the one above it, up to the root where it can be found.

    Each one is held only for having signed the one before it. A root that nobody gave ends the chain early: the real
    authorities do not say where theirs is.

    Raises:
        TransportError: The authority itself is neither known nor published, or cannot be read now.
    """
    _, *above = build(certificate, known, fetch=fetch).certificates
    if not above:
        raise TransportError(
            f"L’autorité « {certificate.issuer.rfc4514_string()} » est introuvable : donnez son certificat dans "
            "« autorites » (ou « confiance ») du profil.",
            maybe_received=False,
            temporary=True,
        )
    return tuple(above)
