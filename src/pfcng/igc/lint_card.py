"""The last look before a certificate of a test card is signed (`igc.lint`): no authority, no other holder."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pfcng.igc.cards import CardUse
from pfcng.igc.lint import (
    GuardedKey,
    check_dates,
    check_head,
    check_issuer,
    check_key,
    key_usages,
    parse_certificate,
    value,
)
from pfcng.pki import names

_USAGES = {CardUse.AUTH: {"digital_signature"}, CardUse.SIGN: {"content_commitment"}}


def guarded_for_card(
    key: rsa.RSAPrivateKey,
    *,
    issuer: x509.Certificate,
    public_key: rsa.RSAPublicKey,
    serial: int,
    dates: tuple[datetime, datetime],
    id_nat: str,
    use: CardUse,
) -> GuardedKey:
    """The authority's key, for one certificate of a card.

    Args:
        key: Signs.
        issuer: The authority's certificate.
        public_key: The card's.
        serial: Of the certificate.
        dates: Its first and last second.
        id_nat: Its holder's.
        use: What it is for.
    """
    check = partial(_lint, issuer=issuer, public_key=public_key, serial=serial, dates=dates, id_nat=id_nat, use=use)
    return GuardedKey(key, lambda tbs: list(check(tbs)))


def _lint(
    tbs: bytes,
    *,
    issuer: x509.Certificate,
    public_key: rsa.RSAPublicKey,
    serial: int,
    dates: tuple[datetime, datetime],
    id_nat: str,
    use: CardUse,
) -> Iterator[str]:
    certificate = parse_certificate(tbs)
    yield from check_head(tbs, serial)
    yield from check_issuer(certificate, issuer)
    yield from check_key(certificate, public_key)
    yield from check_dates(certificate, *dates)
    if names.first(certificate.subject, NameOID.COMMON_NAME) != id_nat:
        yield "the holder is another"
    if value(certificate, x509.BasicConstraints) != x509.BasicConstraints(ca=False, path_length=None):
        yield "it is no holder's certificate"
    if key_usages(certificate) != _USAGES[use]:
        yield "the key usage is another"
