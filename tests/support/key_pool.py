"""Many RSA keys fast: a few primes, each pair of which makes a key.

Keys that share primes protect nothing; they are different keys all the same, which is what many demandes need.
"""

from collections.abc import Iterator
from itertools import combinations

from cryptography.hazmat.primitives.asymmetric import rsa

from support.csrs import make_key

_EXPONENT = 65537


def make_keys(number: int) -> Iterator[rsa.RSAPrivateKey]:
    """That many different keys."""
    primes: list[int] = []
    while len(primes) * (len(primes) - 1) // 2 < number:
        numbers = make_key().private_numbers()
        primes += [numbers.p, numbers.q]
    for _, (p, q) in zip(range(number), combinations(primes, 2), strict=False):
        yield _key(p, q)


def _key(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
