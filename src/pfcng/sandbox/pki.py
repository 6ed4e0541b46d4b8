"""The certificates of the sandbox: authorities, servers, cards.

What is missing, changed or about to expire is made; the rest stays as it is. A key is not replaced while its file is
there, so a certificate that is made again keeps its key; a damaged key is told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pfcng.igc import builder
from pfcng.igc.builder import VALIDITY_YEARS, Holder
from pfcng.igc.cards import CardSpec, CardUse, card_holder
from pfcng.igc.hierarchy import ca_extensions
from pfcng.igc.serials import random_serial
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, EMULATEUR, ROOTS, AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.trust import key_identifier
from pfcng.sandbox.hierarchy import make_authority
from pfcng.sandbox.pairs import Pair, ensure_keys, write
from pfcng.sandbox.servers import client_holder, server_holder

LEAF_KEY_BITS: Final = 2048
CLIENTS: Final = ("editeur", "intrus")
"""Client server certificates: one for the white list, one that is not on it."""
_OVERLAP: Final = timedelta(days=30)
"""A certificate that ends sooner is made again."""
_LEAF_AGE: Final = timedelta(days=1)
_EXPIRED_SINCE: Final = timedelta(days=30)

Make = Callable[[bytes], Holder]
"""From the SubjectPublicKeyInfo to what the certificate says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFiles:
    """An authority of the sandbox."""

    name: AuthorityName
    pair: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFiles:
    """A card of the sandbox: its two certificates, each followed by its authority's, and their keys."""

    spec: CardSpec
    auth: Pair
    sign: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPki:
    """Where everything is; all of it exists.

    Attributes:
        authorities: Roots and authorities of both environments, by CN.
        server: The platform's TLS certificate, followed by its authority's.
        clients: Client server certificates, by name (`CLIENTS`).
        cards: By the name of their spec, in the order they were given.
        anchors: PEM of all the roots.
    """

    authorities: Mapping[str, AuthorityFiles]
    server: Pair
    clients: Mapping[str, Pair]
    cards: Mapping[str, CardFiles]
    anchors: Path


def ensure_pki(
    directory: Path,
    *,
    cards: Iterable[CardSpec],
    urls: PublicationUrls,
    host: str,
    ca_key_bits: int,
    now: datetime,
    machine_now: datetime | None = None,
    heading: bytes = b"",
) -> SandboxPki:
    """Make what is not there yet, or not as asked.

    Args:
        directory: Made when it does not exist.
        cards: The cards to make; those of an earlier start that are not among them stay, unused.
        urls: Where certificates say that CRLs and authorities are published.
        host: Name or address the platform is reached at, besides localhost, 127.0.0.1 and ::1.
        ca_key_bits: Size of the authorities' keys, for those that are made.
        now: The present of the sandbox: that of the cards and the CRLs.
        machine_now: The present of the machine, when it is another: that of the server and the authorities, whose
            dates clients check by their own clocks.
        heading: What the key files of the authorities that are made begin with.

    Raises:
        DamagedKeyError: A key that is there is of no use.
    """
    pki = plan_pki(directory, cards)
    leaves = [
        pki.server,
        *pki.clients.values(),
        *(pair for card in pki.cards.values() for pair in (card.auth, card.sign)),
    ]
    authority_pairs = [files.pair for files in pki.authorities.values()]
    authorities = ((pair, ca_key_bits, heading) for pair in authority_pairs)
    ensure_keys([*authorities, *((pair, LEAF_KEY_BITS, b"") for pair in leaves)])
    _Maker(pki, urls=urls, now=now, machine_now=machine_now or now).make_all(host)
    return pki


def plan_pki(directory: Path, cards: Iterable[CardSpec]) -> SandboxPki:
    """Where everything will be, before any of it is made."""

    def pair(folder: str, name: str) -> Pair:
        return Pair(directory / folder / f"{name}.pem", directory / folder / f"{name}.key")

    return SandboxPki(
        authorities={
            name.common_name: AuthorityFiles(name=name, pair=pair("autorites", name.file_stem))
            for name in (*ROOTS, *AUTHORITIES)
        },
        server=pair("serveurs", "plateforme"),
        clients={name: pair("serveurs", name) for name in CLIENTS},
        cards={
            spec.name: CardFiles(
                spec=spec, auth=pair("cartes", f"{spec.name}-auth"), sign=pair("cartes", f"{spec.name}-sign")
            )
            for spec in cards
        },
        anchors=directory / "confiance.pem",
    )


class _Maker:
    """One pass over the files, authorities first."""

    def __init__(self, pki: SandboxPki, *, urls: PublicationUrls, now: datetime, machine_now: datetime) -> None:
        self._pki = pki
        self._urls = urls
        self._now = now
        self._machine_now = machine_now
        self._issuers: dict[AuthorityName, x509.Certificate] = {}
        self._keys: dict[AuthorityName, rsa.RSAPrivateKey] = {}

    def make_all(self, host: str) -> None:
        for files in self._pki.authorities.values():
            self._authority(files)
        self._leaf(self._pki.server, partial(server_holder, host=host), now=self._machine_now)
        for name, pair in self._pki.clients.items():
            self._leaf(pair, partial(client_holder, name=name))
        for card in self._pki.cards.values():
            self._card(card)
        anchors = b"".join(self._issuers[root].public_bytes(Encoding.PEM) for root in ROOTS)
        if not self._pki.anchors.exists() or self._pki.anchors.read_bytes() != anchors:
            write(self._pki.anchors, anchors)

    def _authority(self, files: AuthorityFiles) -> None:
        """Roots come before what they sign (`plan_pki`)."""
        name, pair = files.name, files.pair
        certificate = pair.load_certificate()
        root = None if name.is_root else self._issuers[name.root]
        if certificate is None or not self._is_as_planned(name, certificate, root or certificate):
            above = None if root is None else self._signer(name.root)
            certificate = make_authority(name, pair.load_key(), above, urls=self._urls, now=self._machine_now)
            pair.store(certificate)
        self._issuers[name] = certificate

    def _is_as_planned(self, name: AuthorityName, certificate: x509.Certificate, root: x509.Certificate) -> bool:
        public_key = certificate.public_key()
        return (
            isinstance(public_key, rsa.RSAPublicKey)
            and certificate.subject == name.distinguished_name(EMULATEUR)
            and _issued(certificate, root)
            and _content(certificate) == _lasting(ca_extensions(name, public_key, key_identifier(root), self._urls))
            # An authority ends after everything it may still sign.
            and certificate.not_valid_after_utc > builder.not_after(self._now) + _OVERLAP
        )

    def _card(self, card: CardFiles) -> None:
        for use, pair in ((CardUse.AUTH, card.auth), (CardUse.SIGN, card.sign)):
            self._leaf(pair, partial(card_holder, card.spec, use), expired=card.spec.expired)

    def _leaf(self, pair: Pair, make: Make, *, expired: bool = False, now: datetime | None = None) -> None:
        now = now or self._now
        certificate, *chain = pair.load_chain() or (None,)
        if certificate is not None and self._is_as_asked(certificate, make, now, expired=expired):
            issuer = self._issuers[make(_spki(certificate)).authority]
            if chain != [issuer]:
                pair.store(certificate, issuer)
            return
        holder = make(_spki(pair.load_key()))
        signer = self._signer(holder.authority)
        certificate = builder.build(
            holder,
            issuer=signer.certificate,
            serial=random_serial(),
            not_before=_first_second(now, expired=expired),
            urls=self._urls,
        ).sign(signer.key, hashes.SHA256())
        pair.store(certificate, signer.certificate)

    def _signer(self, name: AuthorityName) -> Credential:
        """An authority whose certificate was made; its key was checked at the start (`ensure_keys`)."""
        if name not in self._keys:
            self._keys[name] = self._pki.authorities[name.common_name].pair.load_key()
        return Credential(certificate=self._issuers[name], chain=(), key=self._keys[name])

    def _is_as_asked(self, certificate: x509.Certificate, make: Make, now: datetime, *, expired: bool) -> bool:
        holder = make(_spki(certificate))
        issuer = self._issuers[holder.authority]
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return (
            (last < now if expired else first <= now < last - _OVERLAP)
            and certificate.subject == holder.subject
            and _issued(certificate, issuer)
            and _content(certificate)
            == _lasting(builder.extensions(holder, issuer=issuer, not_before=first, urls=self._urls))
        )


def _spki(owner: x509.Certificate | rsa.RSAPrivateKey) -> bytes:
    return owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _first_second(now: datetime, *, expired: bool) -> datetime:
    """A day ago, so that a clock a little behind accepts the certificate; or three years before its end."""
    if not expired:
        return now - _LEAF_AGE
    return now - timedelta(days=366 * VALIDITY_YEARS) - _EXPIRED_SINCE


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


_ADDRESSED: Final = (
    x509.AuthorityInformationAccess,
    x509.CertificatePolicies,
    x509.CRLDistributionPoints,
    x509.FreshestCRL,
)


def _content(certificate: x509.Certificate) -> list[x509.ExtensionType]:
    return _lasting(extension.value for extension in certificate.extensions)


def _lasting(extensions: Iterable[x509.ExtensionType]) -> list[x509.ExtensionType]:
    """The extensions without addresses: a start on another port keeps the certificates that users have copied."""
    return [extension for extension in extensions if not isinstance(extension, _ADDRESSED)]
