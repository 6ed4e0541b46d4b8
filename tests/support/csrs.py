"""CSRs as health software makes them."""

from itertools import combinations, islice

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_EXPONENT = 65537


def make_key() -> rsa.RSAPrivateKey:
    """A new RSA-2048 key."""
    return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=2048)


def make_keys(count: int) -> list[rsa.RSAPrivateKey]:
    """That many keys that differ, for the price of a few: primes take the time, and each two of them are a key."""
    made: list[rsa.RSAPrivateNumbers] = []
    while len(made) * (2 * len(made) - 1) < count:
        made.append(make_key().private_numbers())
    primes = [prime for numbers in made for prime in (numbers.p, numbers.q)]
    return [_key(p, q) for p, q in islice(combinations(primes, 2), count)]


def _key(p: int, q: int) -> rsa.RSAPrivateKey:
    exponent = rsa.rsa_recover_private_exponent(_EXPONENT, p, q)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=exponent,
        dmp1=rsa.rsa_crt_dmp1(exponent, p),
        dmq1=rsa.rsa_crt_dmq1(exponent, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


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
