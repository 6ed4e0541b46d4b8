"""The sandbox's authorities: their certificates, shaped like the real ones but for ``OU=EMULATEUR``."""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.igc.hierarchy import AuthorityPlan, authority_serial, certify
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import EMULATEUR, AuthorityName
from pfcng.pki.keys import Credential

AGE: Final = timedelta(days=5 * 365)
"""Authorities are made this old, so that an expired card is not older than who issued it."""
VALIDITY: Final = timedelta(days=20 * 365)


def make_authority(
    name: AuthorityName, key: rsa.RSAPrivateKey, root: Credential | None, *, urls: PublicationUrls, now: datetime
) -> x509.Certificate:
    """The certificate of a root (``root`` is None) or of an authority below it."""
    first = (now - AGE).replace(microsecond=0)
    plan = AuthorityPlan(
        name=name,
        markers=(EMULATEUR,),
        serial=authority_serial(),
        not_before=first,
        not_after=first + VALIDITY,
        urls=urls,
    )
    return certify(plan, key.public_key(), root or key)
