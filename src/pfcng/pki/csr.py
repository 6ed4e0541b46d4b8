"""The public key of a CSR, and whether it may be certified.

Nothing else of a CSR counts: its subject, attributes and requested extensions are ignored, the profile makes the
certificate. Source: guide §12, §14.1 table 11, §20 RMT_ERR_001; RFC 2986.
"""

import base64
import binascii
import hashlib
import math
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pfcng.contract.catalogue import MAX_CSR_CHARACTERS
from pfcng.contract.codes import WSMG_05, WSMG_09, Raison
from pfcng.contract.refusal import Refusal

RSA_SIZES: Final = (2048, 3072, 4096)
"""Sizes of the keys that are certified, in bits."""
MIN_EXPONENT: Final = 65537
MAX_EXPONENT: Final = 2**256

_ARMOUR_RE: Final = re.compile(r"\s*-----BEGIN ((?:NEW )?CERTIFICATE REQUEST)-----(.*)-----END \1-----\s*", re.DOTALL)
_ACCEPTED_HASHES: Final = (hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512)


def _primes(limit: int) -> tuple[int, ...]:
    return tuple(n for n in range(2, limit) if all(n % divisor for divisor in range(2, math.isqrt(n) + 1)))


_SMALL_PRIMES_PRODUCT: Final = math.prod(_primes(752))
_FERMAT_ROUNDS: Final = 100
_ROCA_SUBGROUPS: Final = tuple(
    (prime, frozenset(pow(65537, exponent, prime) for exponent in range(prime))) for prime in _primes(168)[1:]
)
"""Powers of 65537 modulo each odd prime up to 167: where the primes of the flawed generator lie (CVE-2017-15361)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrPublicKey:
    """A key that may be certified.

    Attributes:
        spki_der: SubjectPublicKeyInfo, encoded by us.
        fingerprint: See `fingerprint`.
    """

    spki_der: bytes
    fingerprint: bytes


def check_length(text: str) -> None:
    """Count the base64 characters of a CSR, without armour and white space.

    Raises:
        Refusal: WSMG_05 when there are more than table 11 allows.
    """
    length = len(_base64(text))
    if length > MAX_CSR_CHARACTERS:
        raise Refusal(WSMG_05, "CSR", diagnostic=f"{length} characters")


def read(text: str) -> CsrPublicKey:
    """Check a CSR and take its key.

    Args:
        text: PEM, or its bare base64, with any white space.

    Raises:
        Refusal: WSMG_05 as `check_length`, WSMG_09 when it is no PKCS#10, its signature is wrong or its key is not
            accepted.
    """
    check_length(text)
    csr = _load(_base64(text))
    try:
        public_key = csr.public_key()
        algorithm = csr.signature_hash_algorithm
        signed = isinstance(algorithm, _ACCEPTED_HASHES) and csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refusal(WSMG_09, Raison.CSR_NON_CONFORME, diagnostic=str(error)) from error
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise Refusal(WSMG_09, Raison.CLE_NON_ACCEPTEE, diagnostic="not an RSA key")
    if not signed:
        raise Refusal(WSMG_09, Raison.CSR_SIGNATURE, diagnostic=f"signed with {algorithm.name if algorithm else '?'}")
    weakness = find_weakness(public_key.public_numbers())
    if weakness:
        raise Refusal(WSMG_09, Raison.CLE_NON_ACCEPTEE, diagnostic=weakness)
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return CsrPublicKey(spki_der=spki, fingerprint=fingerprint(public_key))


def load(text: str) -> x509.CertificateSigningRequest:
    """The request itself, unchecked, to be shown.

    Raises:
        Refusal: WSMG_09 when it is no PKCS#10.
    """
    return _load(_base64(text))


def fingerprint(public_key: rsa.RSAPublicKey) -> bytes:
    """SHA-256 of the modulus: the same for a key in any encoding, and with any exponent.

    Whoever knows a modulus's factors has the private key for every exponent, so the modulus is what is presented once.
    """
    modulus = public_key.public_numbers().n
    return hashlib.sha256(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")).digest()


def find_weakness(numbers: rsa.RSAPublicNumbers) -> str | None:
    """Why a key is not accepted: its size, its exponent, or a weakness that is known and cheap to see."""
    modulus, exponent = numbers.n, numbers.e
    if modulus.bit_length() not in RSA_SIZES:
        return f"RSA key of {modulus.bit_length()} bits"
    if not MIN_EXPONENT <= exponent < MAX_EXPONENT or exponent % 2 == 0:
        return f"public exponent {exponent:#x}"
    if math.gcd(modulus, _SMALL_PRIMES_PRODUCT) != 1:
        return "modulus with a small factor"
    if all(modulus % prime in subgroup for prime, subgroup in _ROCA_SUBGROUPS):
        return "key of the generator of CVE-2017-15361 (ROCA)"
    if _has_close_factors(modulus):
        return "modulus with close factors"
    return None


def _has_close_factors(modulus: int) -> bool:
    """Fermat's method, as many rounds as the CA/Browser Forum asks for (Baseline Requirements §6.1.1.3)."""
    least = math.isqrt(modulus - 1) + 1
    # Most numbers are no square modulo a small one: that is looked at first, and a root is taken of one in forty.
    small, residue = least % len(_SQUARES), modulus % len(_SQUARES)
    for step in range(_FERMAT_ROUNDS):
        if _SQUARES[((small + step) ** 2 - residue) % len(_SQUARES)]:
            square = (least + step) ** 2 - modulus
            if math.isqrt(square) ** 2 == square:
                return True
    return False


def _squares(modulus: int) -> bytes:
    """For each remainder, whether a square can have it."""
    found = {number * number % modulus for number in range(modulus)}
    return bytes(remainder in found for remainder in range(modulus))


_SQUARES: Final = _squares(64 * 9 * 5 * 7 * 11)


def _base64(text: str) -> str:
    """The base64 characters alone, without armour and white space."""
    armoured = _ARMOUR_RE.fullmatch(text)
    return "".join((armoured[2] if armoured else text).split())


def _load(characters: str) -> x509.CertificateSigningRequest:
    try:
        return x509.load_der_x509_csr(base64.b64decode(characters, validate=True))
    except (ValueError, binascii.Error) as error:
        raise Refusal(WSMG_09, Raison.CSR_NON_CONFORME, diagnostic=str(error)) from error
