"""What revocation and its publication cost, with ten revoked certificates and with a million.

    python bench/publication.py [revoked]

In a database of its own; the authority's key has 4096 bits, as the real ones. Everything is fictitious.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from pfcng.contract.catalogue import Environment
from pfcng.igc import revocations
from pfcng.igc.migrations import IGC
from pfcng.igc.ocsp import issuer_ids
from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import random_serial, to_octets
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import Gamme, Population, find
from pfcng.pki.keys import Credential, load_pem
from pfcng.pki.trust import TrustStore, key_identifier
from pfcng.sandbox.hierarchy import make_authority
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import migrate
from pfcng.web.crl_sources import TableSource
from pfcng.web.trust import LiveTrust

REVOKED: Final = 1_000_000
FEW: Final = 10
REVOCATIONS: Final = 300
ANSWERS: Final = 500
KEY_BITS: Final = 4096
NAME: Final = find(Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS)


def main(revoked: int) -> None:
    """Measure, print."""
    with TemporaryDirectory(prefix="pfcng-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        root, signer = _hierarchy(folder)
        server = EmbeddedPostgres(folder / "data")
        try:
            migrate(server.dsn, IGC)
            database = Database(server.dsn)
            columns = [
                _measure(folder, server.dsn, database=database, root=root, signer=signer, count=count)
                for count in (FEW, revoked)
            ]
            for (label, few), (_, many) in zip(*columns, strict=True):
                print(f"{label:44} {few:>12} {many:>12}")
            database.close()
        finally:
            server.stop()


def _measure(
    folder: Path, dsn: str, *, database: Database, root: x509.Certificate, signer: Credential, count: int
) -> list[tuple[str, str]]:
    issuer = key_identifier(signer.certificate)
    _fill(dsn, issuer, count)
    complete, processor, memory = _publish_elsewhere(folder, dsn)
    latency = _revoke(database, issuer)
    soon = _now() + timedelta(seconds=61)  # the delta is due, and the complete CRL of a million is not
    delta = _seconds(lambda: Publisher(database, signers=[signer], clock=lambda: soon).turn())
    wall, cpu = _answer(database, signer, issuer)
    return [
        ("certificats révoqués", str(count)),
        ("CRL complète : lire, signer, enregistrer", f"{complete:.2f} s"),
        ("  temps de processeur, base non comprise", f"{processor:.2f} s"),
        ("  mémoire du processus, au plus", f"{memory:.0f} Mo"),
        ("  taille", f"{_size(dsn) / 1e6:.1f} Mo"),
        (f"delta de {REVOCATIONS} entrées", f"{delta:.3f} s"),
        ("révoquer, médiane", f"{median(latency) * 1000:.2f} ms"),
        ("révoquer, 99e centile", f"{sorted(latency)[len(latency) * 99 // 100] * 1000:.2f} ms"),
        ("OCSP, par réponse et par cœur", f"{1 / wall:.0f} /s"),
        ("  temps de processeur", f"{cpu * 1000:.2f} ms"),
        ("croire la CRL (lire et vérifier)", f"{_believe(database, root, signer):.2f} s"),
    ]


def _hierarchy(folder: Path) -> tuple[x509.Certificate, Credential]:
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS) for _ in range(2)]
    root = make_authority(NAME.root, keys[0], None, urls=PublicationUrls(), now=_now())
    above = Credential(certificate=root, chain=(), key=keys[0])
    certificate = make_authority(NAME, keys[1], above, urls=PublicationUrls(), now=_now())
    (folder / "ac.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    key = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ac.key").write_bytes(key)
    return root, load_pem(folder / "ac.pem", folder / "ac.key")


def _now() -> datetime:
    return datetime.now(UTC)


def _fill(dsn: str, issuer: bytes, count: int) -> None:
    """So many revocations and no CRL yet, a third of them with each reason and a third without."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE igc.revocation, igc.crl")
        connection.execute(
            """
            INSERT INTO igc.revocation (emetteur, numero_serie, raison, revoque_le, fin_validite)
            SELECT %s, set_bit(decode(md5(n::text), 'hex'), 7, 0),
                   CASE n %% 3 WHEN 0 THEN 'keyCompromise' WHEN 1 THEN 'cessationOfOperation' END,
                   now() - n * interval '1 minute', now() + interval '2 years'
            FROM generate_series(1, %s) AS n
            """,
            (issuer, count),
        )
        connection.execute("VACUUM ANALYZE")


def _publish_elsewhere(folder: Path, dsn: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak memory (MB) of the first publication, in a process of its own, start and end."""
    program = [sys.executable, __file__, "--publier", dsn, str(folder)]
    start = time.perf_counter()
    pid = os.posix_spawn(sys.executable, program, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit("la publication a échoué")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def publish(dsn: str, folder: str) -> None:
    """What the process of its own does."""
    database = Database(dsn)
    Publisher(database, signers=[load_pem(Path(folder, "ac.pem"), Path(folder, "ac.key"))], clock=_now).turn()
    database.close()


def _size(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT max(octet_length(der)) FROM igc.crl").fetchone()
    return 0 if row is None else row[0]


def _revoke(database: Database, issuer: bytes) -> list[float]:
    """Seconds of each of some revocations, one after the other."""

    def revoke() -> None:
        with database.transaction() as connection:
            revocations.insert(
                connection,
                Revocation(
                    issuer=issuer,
                    serial=to_octets(random_serial()),
                    numero=None,
                    reason="keyCompromise",
                    revoked_at=_now(),
                    not_after=_now() + timedelta(days=900),
                ),
            )

    return [_seconds(revoke) for _ in range(REVOCATIONS)]


def _answer(database: Database, signer: Credential, issuer: bytes) -> tuple[float, float]:
    """Seconds and CPU seconds of an OCSP answer for revoked serials."""
    responder = Responder(database, signers=[signer], clock=_now)
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT numero_serie FROM igc.revocation WHERE emetteur = %s ORDER BY ordre DESC LIMIT 100", (issuer,)
        ).fetchall()
    asked = [_request(signer.certificate, int.from_bytes(row["numero_serie"], "big")) for row in rows]
    responder.answer(asked[0])
    cpu = time.thread_time()
    wall = _seconds(lambda: [responder.answer(asked[number % len(asked)]) for number in range(ANSWERS)])
    return wall / ANSWERS, (time.thread_time() - cpu) / ANSWERS


def _request(issuer: x509.Certificate, serial: int) -> bytes:
    named = issuer_ids(issuer)[0]
    algorithm = hashes.SHA1()  # noqa: S303 - what every client uses to name an issuer
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(named.name, named.key, serial, algorithm)
    return builder.build().public_bytes(Encoding.DER)


def _believe(database: Database, root: x509.Certificate, signer: Credential) -> float:
    """Seconds until a platform judges by the complete CRL."""
    store = TrustStore.load([root], [signer.certificate], (), now=_now(), crl_grace=timedelta(0))
    source = TableSource(database, frozenset({key_identifier(signer.certificate)}))
    return _seconds(LiveTrust(store, clock=_now, near=[source]).refresh)


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1:2] == ["--publier"]:
        publish(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else REVOKED)
