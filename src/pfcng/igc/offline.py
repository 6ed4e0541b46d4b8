"""CRLs whose key is elsewhere, a root's in its safe: published as they were made, while they are newer."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.igc import published
from pfcng.igc.due import Published
from pfcng.igc.published import MadeCrl
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database

log = structlog.get_logger()


class RefusedCrl(ValueError):
    """A file is not a complete CRL of one of these authorities; the message is for the log."""


class OfflineCrls:
    """Files that somebody brings from time to time.

    Args:
        database: Holds the schema ``igc``.
        authorities: Whose CRLs they may be.
        paths: PEM or DER.
    """

    def __init__(self, database: Database, *, authorities: Iterable[x509.Certificate], paths: Sequence[Path]) -> None:
        self._database = database
        self._authorities = tuple(authorities)
        self._paths = tuple(paths)

    def take_in(self) -> None:
        """Publish every file whose number is greater than what is published; one that will not do is logged."""
        for path in self._paths:
            try:
                self._take(path.read_bytes())
            except (OSError, ValueError) as error:
                log.error("crl.not_taken_in", path=str(path), cause=str(error))  # noqa: TRY400 - the trace tells no more

    def _take(self, content: bytes) -> None:
        crl = x509.load_pem_x509_crl(content) if content.startswith(b"-----") else x509.load_der_x509_crl(content)
        issuer = key_identifier(self._issuer(crl))
        taken = _published(crl)
        with self._database.transaction() as connection:
            # Two processes that come at once find the unique number: one of them comes back in a minute.
            newest = published.newest_number(connection, issuer, is_delta=False)
            if newest is None or taken.number > newest:
                made = MadeCrl(published=taken, count=len(crl), der=crl.public_bytes(Encoding.DER))
                published.store(connection, issuer, made)
                log.info("crl.taken_in", issuer=issuer.hex(), number=taken.number)

    def _issuer(self, crl: x509.CertificateRevocationList) -> x509.Certificate:
        for authority in self._authorities:
            key = authority.public_key()
            if isinstance(key, rsa.RSAPublicKey) and crl.issuer == authority.subject and crl.is_signature_valid(key):
                return authority
        raise RefusedCrl("of no known authority, or its signature is wrong")


def _published(crl: x509.CertificateRevocationList) -> Published:
    critical = [extension.oid.dotted_string for extension in crl.extensions if extension.critical]
    if critical or crl.next_update_utc is None:
        raise RefusedCrl(f"incremental, partial or without nextUpdate: {critical}")
    try:
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound as error:
        raise RefusedCrl("without a number") from error
    return Published(
        number=number,
        base=None,
        cutoff=0,
        this_update=crl.last_update_utc,
        next_update=crl.next_update_utc,
        duration=timedelta(0),
    )
