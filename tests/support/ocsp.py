"""OCSP requests as clients write them, for the tests."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from pfcng.igc import der
from pfcng.igc.ocsp import CertId, OcspRequest


def ask(
    issuer: x509.Certificate,
    serial: int,
    *,
    nonce: bytes | None = None,
    algorithm: hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None,
) -> bytes:
    """An OCSPRequest for a serial of an issuer."""
    chosen = algorithm or hashes.SHA1()  # noqa: S303 - what every client uses to name an issuer
    name, key = (_digest(chosen, content) for content in (issuer.subject.public_bytes(), _key(issuer)))
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, serial, chosen)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def ask_several(*requests: bytes) -> bytes:
    """One OCSPRequest for what several ask."""
    asked: list[CertId] = [one for request in requests for one in OcspRequest.read(request).certificates]
    return der.sequence(der.sequence(der.sequence(*(der.sequence(one.der) for one in asked))))


def statuses(answer: bytes) -> list[tuple[int, str]]:
    """Serial and status of everything that an answer tells."""
    return [
        (single.serial_number, single.certificate_status.name)
        for single in ocsp.load_der_ocsp_response(answer).responses
    ]


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _key(issuer: x509.Certificate) -> bytes:
    return issuer.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
