"""How many signatures a second each place of keys gives, and what looking at a certificate before signing it costs.

Prints, for keys in files, in a token (SoftHSM 2) and in a transit engine (OpenBao, on this machine, over TLS), the
signatures a second of one thread and of four; then the milliseconds of the look. Takes two minutes:

    PYTHONPATH=src:tests python bench/cles.py
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pfcng.contract.catalogue import PRODUCTS, Environment
from pfcng.igc.lint import GuardedKey
from pfcng.igc.lint_product import Intent, lint_product
from pfcng.igc.profiles import certificate_builder, issuing_authority
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.keys import Credential
from pfcng.pki.signers.keyring import Keyring
from pfcng.sandbox.hierarchy import make_authority
from support.certificate_requests import request_for
from support.places import KINDS, PASSWORD_VARIABLE, open_place

SIZES = (2048, 3072, 4096)
THREADS = 4


def main() -> None:
    """Measure every place and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured")
    seconds = arguments.parse_args().seconds
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    os.environ[PASSWORD_VARIABLE] = "un mot de passe"
    print(f"{'lieu':8} {'bits':>5} {'1 fil /s':>10} {THREADS} fils /s")
    for kind in KINDS:
        with TemporaryDirectory() as folder, open_place(kind, Path(folder)) as place, Keyring() as keyring:
            for bits in SIZES:
                key = keyring.at(place.source(f"k{bits}")).make(bits)
                one, several = (rate(key, threads, seconds) for threads in (1, THREADS))
                print(f"{kind:8} {bits:>5} {one:10.0f} {several:10.0f}")
    for label, milliseconds in look(seconds).items():
        print(f"regard avant signature, {label:14} {milliseconds:.2f} ms")


def rate(key: rsa.RSAPrivateKey, threads: int, seconds: float) -> float:
    """Signatures a second."""
    end = time.perf_counter() + seconds

    def sign(_: int) -> int:
        count = 0
        while time.perf_counter() < end:
            key.sign(b"mesure", padding.PKCS1v15(), hashes.SHA256())
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(sign, range(threads))) / seconds


def look(seconds: float) -> dict[str, float]:
    """Milliseconds of the look at some products."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    found = {}
    for product in PRODUCTS:
        if product.label in {"ORG_AUTH_CLI", "SERV_SSL_SERV", "PRO_SIGN"}:
            found[product.label] = 1000 / per_second(*_prepared(product.label, key), seconds=seconds / 3)
    return found


def per_second(action: Callable[[], object], *, seconds: float) -> float:
    """How many times a second."""
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        action()
        count += 1
    return count / seconds


def _prepared(label: str, key: rsa.RSAPrivateKey) -> tuple[Callable[[], object]]:
    now = datetime.now(UTC)
    product = next(one for one in PRODUCTS if one.label == label)
    request = request_for(product, Environment.TEST, key)
    name = issuing_authority(request)
    own = make_authority(name.root, key, None, urls=PublicationUrls(), now=now)
    issuer = make_authority(name, key, Credential(certificate=own, chain=(), key=key), urls=PublicationUrls(), now=now)
    intent = Intent(request=request, issuer=issuer, serial=1, not_before=now, urls=PublicationUrls())
    tbs = _tbs(intent, key)
    return (lambda: lint_product(tbs, intent),)


def _tbs(intent: Intent, key: rsa.RSAPrivateKey) -> bytes:
    seen: list[bytes] = []

    def see(tbs: bytes) -> list[str]:
        seen.append(tbs)
        return []

    unsigned: x509.CertificateBuilder = certificate_builder(
        intent.request, issuer=intent.issuer, serial=1, not_before=intent.not_before, urls=intent.urls
    )
    unsigned.sign(GuardedKey(key, see), hashes.SHA256())
    return seen[0]


if __name__ == "__main__":
    main()
