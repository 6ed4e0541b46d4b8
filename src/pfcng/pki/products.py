"""What tells the certificate of one product from another: usages, policy, category.

What was read in real certificates is certain; what is only inferred from a neighbouring profile is marked [I].
Source: guide §7.1; the certificates that the IGC-Santé issued.
"""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from pfcng.contract.catalogue import Environment, Offre, Product, Usage

MAX_ORGANISATION: Final = 40
"""Characters of the raison sociale that the O keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usages:
    """What a key may do.

    Attributes:
        key: keyUsage.
        extended: extKeyUsage, in order.
        has_period: Whether a privateKeyUsagePeriod is written (signature keys).
    """

    key: x509.KeyUsage
    extended: tuple[x509.ObjectIdentifier, ...]
    has_period: bool = False


def key_usage(*names: str) -> x509.KeyUsage:
    """A keyUsage with these bits, by cryptography's names."""
    bits = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**{**bits, **dict.fromkeys(names, True)})


_SIGN: Final = Usages(
    key=key_usage("digital_signature", "content_commitment"), extended=(Eku.EMAIL_PROTECTION,), has_period=True
)
SIGN_PERSON: Final = Usages(key=key_usage("content_commitment"), extended=(Eku.EMAIL_PROTECTION,), has_period=True)
_CONF: Final = Usages(key=key_usage("key_encipherment"), extended=(Eku.EMAIL_PROTECTION, Eku.ANY_EXTENDED_KEY_USAGE))
_AUTH: Final = Usages(key=key_usage("digital_signature"), extended=(Eku.CLIENT_AUTH,))
AUTH_UPN: Final = Usages(key=key_usage("digital_signature"), extended=(Eku.CLIENT_AUTH, Eku.SMARTCARD_LOGON))

USAGES: Final = {
    Product(Offre.ORG, Usage.AUTH_CLI): _AUTH,
    Product(Offre.ORG, Usage.SIGN): _SIGN,
    Product(Offre.ORG, Usage.CONF): _CONF,
    Product(Offre.SERV, Usage.SSL_SERV): Usages(
        key=key_usage("digital_signature", "key_encipherment"), extended=(Eku.SERVER_AUTH, Eku.CLIENT_AUTH)
    ),
    Product(Offre.SERV, Usage.SIGN): _SIGN,  # [I] as ORG_SIGN
    Product(Offre.SERV, Usage.SMIME): Usages(  # [I]
        key=key_usage("digital_signature", "key_encipherment"), extended=(Eku.EMAIL_PROTECTION,)
    ),
    Product(Offre.SERV, Usage.CONF): _CONF,  # [I] as ORG_CONF
    Product(Offre.PS, Usage.AUTH): _AUTH,  # [I] as the cards
    Product(Offre.PS, Usage.SIGN): SIGN_PERSON,
    Product(Offre.PS, Usage.CONF): _CONF,  # [I] as ORG_CONF
    Product(Offre.PRO, Usage.AUTH): _AUTH,  # [I] as the cards
    Product(Offre.PRO, Usage.SIGN): SIGN_PERSON,  # [I] as PS_SIGN
    Product(Offre.PRO, Usage.CONF): _CONF,  # [I] as ORG_CONF
}
"""Usages by product; an AUTH with a UPN also opens a Windows session (`AUTH_UPN`)."""

TEST_POLICY: Final = x509.ObjectIdentifier("1.2.250.1.213.1.7.2.1.1.1.1")
_POLICY_ARC: Final = "1.2.250.1.213.1.7.1.1"
"""Production, gamme ELEMENTAIRE; below it the population, the profile and the version."""

PRODUCTION_POLICIES: Final = {
    product: x509.ObjectIdentifier(f"{_POLICY_ARC}.{last}")
    for product, last in {
        Product(Offre.ORG, Usage.SIGN): "2.3.1",
        Product(Offre.ORG, Usage.AUTH_CLI): "2.4.1",
        Product(Offre.SERV, Usage.SSL_SERV): "2.5.1",
        # [I] No production certificate of the products below was seen: numbers of the same arc that are free there.
        Product(Offre.ORG, Usage.CONF): "2.6.1",
        Product(Offre.SERV, Usage.SIGN): "2.7.1",
        Product(Offre.SERV, Usage.SMIME): "2.8.1",
        Product(Offre.SERV, Usage.CONF): "2.9.1",
        Product(Offre.PS, Usage.AUTH): "1.1.1",
        Product(Offre.PS, Usage.SIGN): "1.2.1",
        Product(Offre.PS, Usage.CONF): "1.3.1",
        Product(Offre.PRO, Usage.AUTH): "1.4.1",
        Product(Offre.PRO, Usage.SIGN): "1.5.1",
        Product(Offre.PRO, Usage.CONF): "1.6.1",
    }.items()
}

SOFTWARE: Final = {Environment.PRODUCTION: 0x03, Environment.TEST: 0x83}
"""Product category (TRE_G01): certificat logiciel, and its test twin."""
CARD: Final = {Environment.PRODUCTION: 0x00, Environment.TEST: 0x80}
"""Product category (TRE_G01): card, and its test twin."""
