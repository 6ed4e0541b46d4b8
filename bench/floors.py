"""The floor of each operation: its bare cryptographic work, timed where the operation is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pfcng.operations.retirer_certificat import _hash
from support.csrs import make_csr

_REPEAT: Final = 60
_PADDING: Final = padding.PKCS1v15()
_CONTENT: Final = b"x" * 1200
"""As long as what is signed in a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Milliseconds of the processor.

    Attributes:
        sign: One signature, by the bits of the key.
        verify: Its verification.
        csr: Reading a CSR and verifying its signature.
        code: The slow hash of a code de révocation.
    """

    sign: dict[int, float]
    verify: dict[int, float]
    csr: float
    code: float

    @property
    def message(self) -> float:
        """The signature of a message, and that of its certificate."""
        return 2 * self.verify[2048]

    @property
    def handshake(self) -> float:
        """The server's signature; the client's, and that of its certificate."""
        return self.sign[2048] + 2 * self.verify[2048]

    def issue(self, bits: int) -> float:
        """A certificate, whose signature is verified before it leaves."""
        return self.sign[bits] + self.verify[bits]


@cache
def measure() -> Floor:
    """Time all of it on one core."""
    sign, verify = {}, {}
    for bits in (2048, 4096):
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        signature = key.sign(_CONTENT, _PADDING, hashes.SHA256())
        sign[bits] = _milliseconds(partial(key.sign, _CONTENT, _PADDING, hashes.SHA256()))
        verify[bits] = _milliseconds(partial(key.public_key().verify, signature, _CONTENT, _PADDING, hashes.SHA256()))
    pem = make_csr().encode()
    csr = _milliseconds(lambda: x509.load_pem_x509_csr(pem).is_signature_valid)
    return Floor(sign=sign, verify=verify, csr=csr, code=_milliseconds(lambda: _hash("un code")))


def _milliseconds(act: Callable[[], Any]) -> float:
    act()
    began = time.thread_time()
    for _ in range(_REPEAT):
        act()
    return 1000 * (time.thread_time() - began) / _REPEAT
