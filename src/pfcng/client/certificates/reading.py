"""Certificates out of whatever holds them: PEM, DER, PKCS#12, PKCS#7, or a TLS server."""

import socket
import ssl
from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

TIMEOUT: Final = 10.0
"""Seconds that a server may take."""
_PKCS7_LABELS: Final = (b"-----BEGIN PKCS7-----", b"-----BEGIN CMS-----", b"-----BEGIN PKCS #7 SIGNED DATA-----")


class UnreadableCertificate(ValueError):
    """Nothing here is a certificate; its text is a French sentence."""


class PasswordNeeded(UnreadableCertificate):
    """A PKCS#12 that this password, or none, does not open."""

    def __init__(self) -> None:
        super().__init__("Le mot de passe de ce fichier PKCS#12 manque ou est incorrect.")


def read(content: bytes, password: str | None = None) -> tuple[x509.Certificate, ...]:
    """The certificates that the octets of a file hold, in its order.

    Raises:
        PasswordNeeded: a PKCS#12 that stays closed.
        UnreadableCertificate: anything else.
    """
    try:
        if b"-----BEGIN CERTIFICATE-----" in content:
            found = tuple(x509.load_pem_x509_certificates(content))
        elif any(label in content for label in _PKCS7_LABELS):
            found = tuple(pkcs7.load_pem_pkcs7_certificates(content))
        else:
            found = _der(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        if isinstance(error, UnreadableCertificate):
            raise
        raise UnreadableCertificate(_guess(content)) from error
    for certificate in found:
        check(certificate)
    return found


def check(certificate: x509.Certificate) -> None:
    """Read what is only read when asked for, so that a damaged certificate is told here and not later.

    Raises:
        UnreadableCertificate: its names, dates or extensions are no such things.
    """
    try:
        _ = (certificate.subject, certificate.issuer, certificate.not_valid_after_utc, list(certificate.extensions))
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise UnreadableCertificate("Ce certificat est endommagé : il ne se lit pas jusqu’au bout.") from error


def _der(content: bytes, password: str | None) -> tuple[x509.Certificate, ...]:
    try:
        return (x509.load_der_x509_certificate(content),)
    except ValueError:
        pass
    try:
        return tuple(pkcs7.load_der_pkcs7_certificates(content))
    except (ValueError, UnsupportedAlgorithm):
        return _pkcs12(content, password)


def _pkcs12(content: bytes, password: str | None) -> tuple[x509.Certificate, ...]:
    try:
        store = pkcs12.load_pkcs12(content, password.encode() if password else None)
    except ValueError as error:
        if content[:1] == b"\x30" and "password" in str(error).lower():
            raise PasswordNeeded from error
        raise
    found = [store.cert, *store.additional_certs]
    certificates = tuple(one.certificate for one in found if one is not None)
    if not certificates:
        raise UnreadableCertificate("Ce fichier PKCS#12 ne contient aucun certificat.")
    return certificates


def _guess(content: bytes) -> str:
    for label, what in (
        (b"PRIVATE KEY-----", "C’est une clé privée : gardez-la ; donnez son certificat."),
        (b"CERTIFICATE REQUEST-----", "C’est une CSR, pas encore un certificat : voyez « pfcng verifier »."),
        (b"-----BEGIN X509 CRL", "C’est une CRL, pas un certificat."),
    ):
        if label in content:
            return what
    return "Ce n’est pas un certificat (PEM, DER, PKCS#7 ou PKCS#12)."


def of_server(host: str, port: int) -> tuple[x509.Certificate, ...]:
    """The certificate that a TLS server shows, and the chain it sends with it where Python can tell (3.13).

    Nothing is trusted, nothing is sent: whoever asks wants to see what is there.

    Raises:
        OSError: no connection, or no TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), TIMEOUT) as connection,
        context.wrap_socket(connection, server_hostname=host) as tls,
    ):
        chain: Iterable[bytes] = getattr(tls, "get_unverified_chain", list)()
        leaf = tls.getpeercert(binary_form=True)
    octets = list(chain) or ([leaf] if leaf else [])
    found = tuple(x509.load_der_x509_certificate(one) for one in octets)
    for certificate in found:
        check(certificate)
    return found


def holders(certificates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Those that issued none of the others: what a file is about, the rest being their chain."""
    found = list(dict.fromkeys(certificates))
    issuers = {one.issuer.public_bytes() for one in found if one.issuer != one.subject}
    return [one for one in found if one.subject.public_bytes() not in issuers] or found
