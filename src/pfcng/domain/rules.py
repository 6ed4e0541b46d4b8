"""What an operator decides about the rules of the guide."""

from dataclasses import dataclass
from datetime import timedelta

from pfcng.contract.catalogue import Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The guide's parameters.

    Attributes:
        closed_products: Products that are not open to ordering (RMT_ERR_002).
        strict_nom_applicatif: Hold nomApplicatif to RFC 1035, as table 11 says; the real platform lets spaces, ``_``
            and more pass.
        retrait_delay: Time from validation to cancellation of what was not withdrawn (RMT_ERR_008).
    """

    closed_products: frozenset[Product] = frozenset()
    strict_nom_applicatif: bool = True
    retrait_delay: timedelta = timedelta(days=30)
