"""The products, and table 11 as data: which element each product requires, allows or forbids.

Server rules, client checks and the documentation read the same rows. Source: guide §7.1, §8 table 7, §14.1 table 11.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

MAX_DEMANDES: Final = 20
"""Demandes in one lot (guide §14)."""
MAX_FQDN: Final = 5
"""FQDN in one demande (guide §14.1 table 11)."""
MAX_MESSAGE_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one request (guide §19, WSMG-00000024)."""
MAX_CSR_CHARACTERS: Final = 1536
"""Base64 characters of a CSR, armour and white space not counted (guide §14.1; table 17's 768 is an erratum)."""
GAMME: Final = "EL"
"""The only gamme the Web Service orders (guide §14.1 table 11)."""


class Environment(StrEnum):
    """The two worlds that never see each other (guide §13)."""

    TEST = "TEST"
    PRODUCTION = "PRODUCTION"


class Offre(StrEnum):
    """Guide §7.1."""

    PS = "PS"
    PRO = "PRO"
    ORG = "ORG"
    SERV = "SERV"


class Usage(StrEnum):
    """Guide §8 table 7."""

    AUTH = "AUTH"
    AUTH_CLI = "AUTH_CLI"
    SIGN = "SIGN"
    SMIME = "S/MIME"
    SSL_SERV = "SSL_SERV"
    CONF = "CONF"


class TypeDemande(StrEnum):
    """What a suivi lists (guide §18.1 table 19)."""

    DEMANDES_CERTIFICAT = "DEMANDES_CERTIFICAT"
    PRODUITS = "PRODUITS"
    DEMANDES_REVOCATION = "DEMANDES_REVOCATION"


class Motif(StrEnum):
    """Why a certificate is revoked (guide §16.1 table 15)."""

    VOL = "VOL"
    PERTE = "PERTE"
    FIN_DACTIVITE = "FIN_DACTIVITE"
    AUTRE = "AUTRE"


class Presence(Enum):
    """Whether an element must, may or must not be there."""

    OBLIGATOIRE = "obligatoire"
    FACULTATIF = "facultatif"
    INTERDIT = "interdit"


@dataclass(frozen=True, slots=True)
class Product:
    """One of the thirteen certificates that can be ordered: an offre and one of its usages."""

    offre: Offre
    usage: Usage

    @property
    def label(self) -> str:
        """The name of guide §7.1, for example ``ORG_AUTH_CLI``."""
        return f"{self.offre}_{self.usage}"


USAGES: Final[dict[Offre, tuple[Usage, ...]]] = {
    Offre.PS: (Usage.AUTH, Usage.SIGN, Usage.CONF),
    Offre.PRO: (Usage.AUTH, Usage.SIGN, Usage.CONF),
    Offre.ORG: (Usage.AUTH_CLI, Usage.SIGN, Usage.CONF),
    Offre.SERV: (Usage.SSL_SERV, Usage.SIGN, Usage.SMIME, Usage.CONF),
}
"""The usages of each offre (guide §8 table 7)."""

PRODUCTS: Final = tuple(Product(offre, usage) for offre, usages in USAGES.items() for usage in usages)
"""The thirteen products."""

_O, _F, _I = Presence.OBLIGATOIRE, Presence.FACULTATIF, Presence.INTERDIT

CONDITIONAL_ELEMENTS: Final = ("idNatStruct", "idNatBeneficiaire", "nomApplicatif", "FQDN", "UPN", "mailSujet")
"""The elements of a demande whose presence depends on the product, in the order of table 11 (usage left out)."""

TABLE_11: Final[dict[Product, dict[str, Presence]]] = {
    Product(offre, usage): dict(zip(CONDITIONAL_ELEMENTS, row, strict=True))
    for offre, usage, *row in (
        # offre       usage            struct benef  nomApp FQDN  UPN  mailSujet
        (Offre.PS,    Usage.AUTH,      _I,    _I,    _I,    _I,   _F,  _I),
        (Offre.PS,    Usage.SIGN,      _I,    _I,    _I,    _I,   _I,  _F),
        (Offre.PS,    Usage.CONF,      _I,    _I,    _I,    _I,   _I,  _F),
        (Offre.PRO,   Usage.AUTH,      _O,    _O,    _I,    _I,   _F,  _I),
        (Offre.PRO,   Usage.SIGN,      _O,    _O,    _I,    _I,   _I,  _F),
        (Offre.PRO,   Usage.CONF,      _O,    _O,    _I,    _I,   _I,  _F),
        (Offre.ORG,   Usage.AUTH_CLI,  _O,    _I,    _O,    _I,   _I,  _I),
        (Offre.ORG,   Usage.SIGN,      _O,    _I,    _O,    _I,   _I,  _I),
        (Offre.ORG,   Usage.CONF,      _O,    _I,    _O,    _I,   _I,  _I),
        (Offre.SERV,  Usage.SSL_SERV,  _O,    _I,    _I,    _O,   _I,  _I),
        (Offre.SERV,  Usage.SIGN,      _O,    _I,    _O,    _I,   _I,  _O),
        (Offre.SERV,  Usage.SMIME,     _O,    _I,    _O,    _I,   _I,  _O),
        (Offre.SERV,  Usage.CONF,      _O,    _I,    _O,    _I,   _I,  _O),
    )
}  # fmt: skip
"""Table 11: product → element → presence."""
