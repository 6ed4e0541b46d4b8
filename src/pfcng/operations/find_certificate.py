"""The certificate that a révocation or a renouvellement names: AKI and numéro de série (guide §16.1, §17.1)."""

import re
from typing import Final

from cryptography import x509

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment
from pfcng.contract.refusal import Refusal
from pfcng.store.database import DbConnection, Row
from pfcng.store.revocations import find_produits

_SEPARATORS: Final = re.compile(r"[:\- ]")


def find_certificate(connection: DbConnection, environment: Environment, aki: str, numero_serie: str) -> Row:
    """The produit of that certificate, with the state of its demande.

    A serial number may be written in hexadecimal or in decimal: both readings are looked up. They are random numbers of
    127 bits, so at most one of them is a certificate's.

    Raises:
        Refusal: WSMG-00000008 when there is none in this environment.
    """
    for produit in find_produits(connection, environment, _readings(numero_serie)):
        certificate = x509.load_der_x509_certificate(produit["certificat"])
        identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        if identifier is not None and identifier.hex().upper() == _SEPARATORS.sub("", aki).upper():
            return produit
    raise Refusal(codes.WSMG_08)


def _readings(numero_serie: str) -> set[str]:
    """The serial number as the store writes it, read as hexadecimal and as decimal."""
    digits = _SEPARATORS.sub("", numero_serie)
    readings = {f"{int(digits, 16):X}"}
    if digits.isdecimal():
        readings.add(f"{int(digits):X}")
    return readings
