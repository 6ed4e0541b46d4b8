"""The certificate signing request that goes with a demande: a new key and its CSR, or a file made elsewhere."""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from pfcng.client.files import PRIVATE, create

KEY_BITS = 2048
"""Size of the RSA keys made here (guide §12.1)."""

_SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demande")])
"""The platform takes no subject from a CSR, but a CSR must have one (guide §12.2)."""

_WEAK_DIGESTS = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: "SHA-1",
    SignatureAlgorithmOID.RSA_WITH_MD5: "MD5",
}


class UnreadableCsr(ValueError):
    """The file holds no certificate signing request that can be sent; its text is a French sentence."""


def generate(key_file: Path) -> str:
    """Make an RSA key, write it to ``key_file``, and return its CSR as PEM.

    The key is PKCS#8 PEM without a password, readable by its owner alone, and on the disk before the function returns:
    a certificate whose key is lost cannot be used.

    Raises:
        FileExistsError: ``key_file`` exists; it is left as it is.
        OSError: The file cannot be written.

    Source: guide §12.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    create(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), PRIVATE)
    return make(key)


def make(key: rsa.RSAPrivateKey) -> str:
    """The CSR of a key, as PEM."""
    csr = x509.CertificateSigningRequestBuilder().subject_name(_SUBJECT).sign(key, hashes.SHA256())
    return csr.public_bytes(Encoding.PEM).decode()


def read(file: Path) -> str:
    """The CSR of ``file``, PEM or DER, as PEM.

    Raises:
        UnreadableCsr: It is not a PKCS#10 request, or its signature is wrong.
        OSError: The file cannot be read.
    """
    content = file.read_bytes()
    try:
        pem = b"-----BEGIN" in content
        csr = x509.load_pem_x509_csr(content) if pem else x509.load_der_x509_csr(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnreadableCsr(f"Le fichier {file} ne contient pas de CSR (PKCS#10, en PEM ou en DER).") from error
    _check_digest(csr, file)
    try:
        valid = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnreadableCsr(
            f"La clé ou la signature de la CSR du fichier {file} ne convient pas : RSA, SHA-256."
        ) from error
    if not valid:
        raise UnreadableCsr(f"La signature de la CSR du fichier {file} est incorrecte : générez-la à nouveau.")
    return csr.public_bytes(Encoding.PEM).decode()


def _check_digest(csr: x509.CertificateSigningRequest, file: Path) -> None:
    """A CSR signed with SHA-1 is sound and still refused: old tools make them without saying so."""
    algorithm = _WEAK_DIGESTS.get(csr.signature_algorithm_oid)
    if algorithm:
        raise UnreadableCsr(
            f"La CSR du fichier {file} est signée avec {algorithm}, qui n’est plus accepté : refaites-la avec SHA-256, "
            "par exemple « openssl req -new -sha256 -key CLÉ -out CSR » (la clé peut rester la même)."
        )
