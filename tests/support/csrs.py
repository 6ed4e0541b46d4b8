"""CSRs as health software makes them."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID


def make_key() -> rsa.RSAPrivateKey:
    """A new RSA-2048 key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_csr(key: rsa.RSAPrivateKey | None = None, *, subject: str = "demande") -> str:
    """The PEM of a CSR for a key, a new one unless given; its subject counts for nothing (guide §12.2)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key or make_key(), hashes.SHA256())
    return csr.public_bytes(Encoding.PEM).decode()


def break_signature(pem: str) -> str:
    """The same CSR with a wrong signature: its last octet changed."""
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()
