"""Files of several certificates: PEM one after the other, DER of one, PKCS#7 as the IGC-Santé publishes its chains."""

from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs7

_READERS: Final[tuple[Callable[[bytes], list[x509.Certificate]], ...]] = (
    x509.load_pem_x509_certificates,
    pkcs7.load_pem_pkcs7_certificates,
    pkcs7.load_der_pkcs7_certificates,
    lambda content: [x509.load_der_x509_certificate(content)],
)


def read_certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a file, in its order.

    Raises:
        ValueError: It holds none.
    """
    for read in _READERS:
        try:
            return tuple(read(content))
        except (ValueError, UnsupportedAlgorithm):
            continue
    raise ValueError("no certificate: neither PEM, nor PKCS#7, nor DER")
