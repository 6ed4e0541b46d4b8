"""CSRs: what is read, what is refused and with which reason. Source: guide §12, §14.1, §20 RMT_ERR_001."""

import base64
import hashlib
import math
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import NameOID

from pfcng.contract.codes import Raison
from pfcng.contract.refusal import Refusal
from pfcng.pki import csr

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "demande")])


@pytest.fixture(scope="session")
def request_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def request_der(request_key: rsa.RSAPrivateKey) -> bytes:
    signed = x509.CertificateSigningRequestBuilder(_NAME).sign(request_key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def bare(der: bytes) -> str:
    return base64.b64encode(der).decode()


def refusal_of(text: str) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        csr.read(text)
    return caught.value.code.value, caught.value.raison


def armoured(der: bytes, label: str = "CERTIFICATE REQUEST") -> str:
    return f"-----BEGIN {label}-----\n{bare(der)}\n-----END {label}-----\n"


def test_key_is_encoded_by_us(request_der: bytes, request_key: rsa.RSAPrivateKey) -> None:
    """What is certified is the key, in canonical DER."""
    read = csr.read(bare(request_der))
    assert read.spki_der == request_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_every_shape_of_text_is_the_same_csr(request_der: bytes) -> None:
    """PEM or bare base64, with any white space."""
    characters = bare(request_der)
    shapes = [
        armoured(request_der),
        armoured(request_der, "NEW CERTIFICATE REQUEST"),
        "\n ".join(textwrap.wrap(characters, 64)),
        " \t".join(textwrap.wrap(characters, 1)),
        f"\r\n\r\n{armoured(request_der)}\r\n",
    ]
    assert {csr.read(shape) for shape in shapes} == {csr.read(characters)}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_csr_made_as_the_guide_says_is_accepted(tmp_path: Path) -> None:
    """§12, the two commands."""
    key, made = tmp_path / "exemple.key", tmp_path / "exemple.csr"
    genpkey = ["openssl", "genpkey", "-out", str(key), "-outform", "PEM", "-pass", "pass:motdepasse", "-des3"]
    subprocess.run([*genpkey, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True, capture_output=True)
    req = ["openssl", "req", "-outform", "PEM", "-passin", "pass:motdepasse", "-out", str(made), "-new"]
    subprocess.run(
        [*req, "-key", str(key), "-keyform", "PEM", "-subj", "/commonName=Demande/"], check=True, capture_output=True
    )
    assert len(csr.read(made.read_text()).spki_der) == 294


def test_length_is_counted_without_armour_and_white_space(request_der: bytes) -> None:
    """1 536 base64 characters: one more is a fault of content, element CSR."""
    padded = bare(request_der) + "A" * 2000
    csr.check_length(armoured(base64.b64decode("A" * 1536)))
    csr.check_length("\n".join("A" * 1536))
    assert refusal_of(padded[:1537]) == ("WSMG-00000005", "CSR")
    assert refusal_of("A" * 1537) == ("WSMG-00000005", "CSR")


@pytest.mark.parametrize(
    "text", ["", "   ", "bonjour", "AAAA", "MIIC", "é", "AAA", "-----BEGIN CERTIFICATE REQUEST-----"]
)
def test_what_is_no_pkcs10_is_refused(text: str) -> None:
    """RMT_ERR_001."""
    assert refusal_of(text) == ("WSMG-00000009", Raison.CSR_NON_CONFORME)


def test_bytes_after_or_missing_are_refused(request_der: bytes) -> None:
    """A CSR is one DER value and nothing else."""
    for damaged in (request_der + b"\0", request_der[:-1]):
        assert refusal_of(bare(damaged)) == ("WSMG-00000009", Raison.CSR_NON_CONFORME)


def test_wrong_signature_is_refused(request_der: bytes) -> None:
    """RMT_ERR_001: the holder must have the private key."""
    damaged = request_der[:-1] + bytes([request_der[-1] ^ 1])
    assert refusal_of(bare(damaged)) == ("WSMG-00000009", Raison.CSR_SIGNATURE)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("digest", ["md5", "sha1"])
def test_weak_hash_is_refused(digest: str, tmp_path: Path) -> None:
    """A signature with MD5 or SHA-1 proves nothing."""
    command = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=demande"]
    made = subprocess.run(
        [*command, "-keyout", str(tmp_path / "k"), f"-{digest}"], check=True, capture_output=True, text=True
    )
    assert refusal_of(made.stdout) == ("WSMG-00000009", Raison.CSR_SIGNATURE)


def test_other_key_types_are_refused() -> None:
    """The IGC-Santé certifies RSA keys (§12)."""
    elliptic = x509.CertificateSigningRequestBuilder(_NAME).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    edwards = x509.CertificateSigningRequestBuilder(_NAME).sign(ed25519.Ed25519PrivateKey.generate(), None)
    for other in (elliptic, edwards):
        assert refusal_of(bare(other.public_bytes(Encoding.DER))) == ("WSMG-00000009", Raison.CLE_NON_ACCEPTEE)


def test_small_key_is_refused() -> None:
    """RSA from 2 048 bits."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the one to refuse
    small = x509.CertificateSigningRequestBuilder(_NAME).sign(key, hashes.SHA256())
    assert refusal_of(bare(small.public_bytes(Encoding.DER))) == ("WSMG-00000009", Raison.CLE_NON_ACCEPTEE)


@pytest.mark.parametrize("exponent", [1, 3, 17, 65536, 65538, 2**256 + 1])
def test_exponent_that_nobody_should_use_is_refused(request_key: rsa.RSAPrivateKey, exponent: int) -> None:
    """Odd, from 65 537, below 2^256."""
    modulus = request_key.public_key().public_numbers().n
    assert "exponent" in (csr.find_weakness(RSAPublicNumbers(exponent, modulus)) or "")
    assert csr.find_weakness(RSAPublicNumbers(65537, modulus)) is None


@pytest.mark.parametrize("bits", [1024, 2047, 2049, 2056, 8192])
def test_sizes_out_of_the_list_are_refused(bits: int) -> None:
    """2 048, 3 072 and 4 096 alone."""
    assert csr.find_weakness(RSAPublicNumbers(65537, (1 << (bits - 1)) + 1)) == f"RSA key of {bits} bits"


@pytest.mark.parametrize("factor", [2, 3, 751])
def test_modulus_with_a_small_factor_is_refused(factor: int) -> None:
    """An even modulus and the like are no RSA keys at all."""
    modulus = factor * ((1 << 2047) // factor + 1)
    assert modulus.bit_length() == 2048
    assert csr.find_weakness(RSAPublicNumbers(65537, modulus)) == "modulus with a small factor"


def test_key_of_the_flawed_generator_is_refused() -> None:
    """CVE-2017-15361: such a modulus is a power of 65537 modulo every small prime."""
    primorial = math.prod(n for n in range(2, 168) if all(n % divisor for divisor in range(2, n)))
    candidates = (
        pow(65537, 12345, primorial) + primorial * ((1 << 2047) // primorial + step) for step in range(1, 999)
    )
    modulus = next(candidate for candidate in candidates if math.gcd(candidate, csr._SMALL_PRIMES_PRODUCT) == 1)
    assert "ROCA" in (csr.find_weakness(RSAPublicNumbers(65537, modulus)) or "")


def test_modulus_with_close_factors_is_refused(request_key: rsa.RSAPrivateKey) -> None:
    """Fermat finds two primes that begin with the same half."""
    prime = request_key.private_numbers().p
    other = prime + 2 * 10**60 + (prime % 2 == 0)
    assert csr._has_close_factors(prime * other)
    assert not csr._has_close_factors(request_key.public_key().public_numbers().n)


def test_fingerprint_is_of_the_key_and_not_of_its_encoding(request_key: rsa.RSAPrivateKey) -> None:
    """The same modulus is the same key, whatever AlgorithmIdentifier or exponent comes with it."""
    public_key = request_key.public_key()
    numbers = public_key.public_numbers()
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    reloaded = load_der_public_key(spki)
    assert isinstance(reloaded, rsa.RSAPublicKey)
    assert csr.fingerprint(reloaded) == csr.fingerprint(public_key)
    assert csr.fingerprint(RSAPublicNumbers(65539, numbers.n).public_key()) == csr.fingerprint(public_key)
    assert csr.fingerprint(public_key) == hashlib.sha256(numbers.n.to_bytes(256, "big")).digest()


def test_same_key_in_two_csrs_has_one_fingerprint(request_der: bytes, request_key: rsa.RSAPrivateKey) -> None:
    """Another subject, another signature: still presented before (RMT_ERR_001)."""
    other = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(request_key, hashes.SHA512())
    read = csr.read(bare(other.public_bytes(Encoding.DER)))
    assert read.fingerprint == csr.read(bare(request_der)).fingerprint
