"""What an operator decides about the rules of the guide."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pfcng.contract.catalogue import Product

_RETRY_MINUTES: Final = (1, 5, 15, 60, *([60] * 24))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The guide's parameters.

    Attributes:
        closed_products: Products that are not open to ordering (RMT_ERR_002).
        strict_nom_applicatif: Hold nomApplicatif to RFC 1035, as table 11 says; the real platform lets spaces, ``_``
            and more pass.
        retrait_delay: Time from validation to cancellation of what was not withdrawn (RMT_ERR_008).
        remise_delay: Time from issue to revocation of what was not delivered (RMT_ERR_009).
        rappels: How many days before the end of a produit it is reminded of.
        revocation_retries: Waits between the attempts of a révocation that PFCNG-IGC does not answer; after the last
            one it is « Demande non traitée » (RMT_ERR_012). Soon at first, then hourly for a day.
    """

    closed_products: frozenset[Product] = frozenset()
    strict_nom_applicatif: bool = True
    retrait_delay: timedelta = timedelta(days=30)
    remise_delay: timedelta = timedelta(days=7)
    rappels: tuple[int, ...] = (60, 30, 7)
    revocation_retries: tuple[timedelta, ...] = tuple(timedelta(minutes=minutes) for minutes in _RETRY_MINUTES)
