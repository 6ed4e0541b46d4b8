"""CPx cards and tokens: where their PKCS#11 module is, and which of their certificates signs messages.

A card has two certificates, for authentication and for signature; only the second carries nonRepudiation, and its key
shows after the PIN was given. The private key never leaves the card.
Source: guide §11; the Cryptolib CPS of the ANS.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from pkcs11 import Attribute, CertificateType, ObjectClass

from pfcng.pki import names
from pfcng.pki.keys import Credential
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.pkcs11_token import TokenPlace, TokenSession
from pfcng.pki.signers.sources import CredentialError, Secret, Token, TokenKey

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "win32": (
        r"C:\Windows\System32\cps3_pkcs11_w64.dll",
        r"C:\Windows\System32\cps3_pkcs11_w32.dll",
        r"C:\Windows\System32\cps_pkcs11_w32.dll",
        r"C:\Windows\System32\cps_pkcs11_pcsc_w32.dll",
    ),
    "darwin": ("/usr/local/lib/libcps3_pkcs11_osx.dylib",),
    "linux": (
        "/usr/local/lib/libcps3_pkcs11_lux.so",
        "/usr/lib/libcps3_pkcs11_lux.so",
        "/usr/lib/x86_64-linux-gnu/libcps3_pkcs11_lux.so",
    ),
}
"""Where the Cryptolib CPS puts its module, by ``sys.platform``; the newest generation first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Which card to sign with.

    Attributes:
        module: The PKCS#11 library.
        label: The token's label; None where there is only one token.
        serial: The certificate's serial number, where the token has several for signature.
        pin: Where the PIN is.
    """

    module: Path
    pin: Secret
    label: str | None = None
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class _OnCard:
    certificate: x509.Certificate
    identifier: bytes


def find_module(platform: str = sys.platform, modules: Mapping[str, tuple[str, ...]] = MODULES) -> Path:
    """The Cryptolib's module on this machine.

    Raises:
        CredentialError: It is not installed where it usually is.
    """
    known = modules.get(platform, ())
    found = next((Path(path) for path in known if Path(path).exists()), None)
    if found is None:
        places = ", ".join(known) or "aucun emplacement connu sur ce système"
        raise CredentialError(f"La Cryptolib CPS n’est pas installée ({places}) ; donnez le chemin de son module.")
    return found


def open_card(card: Card, *, now: datetime) -> Credential:
    """The signature certificate of a card, and its key, which has just signed a proof.

    Raises:
        CredentialError: No module, no card, or no certificate to sign with.
        KeyUnavailable: The card does not answer, or refuses the PIN.
    """
    if not card.module.exists():
        raise CredentialError(f"Le module PKCS#11 {card.module} n’existe pas.")
    token = Token(module=card.module, label=card.label or _only_label(card.module), pin=card.pin)
    session = TokenSession(token)
    chosen = choose(session.use(_certificates), serial=card.serial, now=now)
    public_key = chosen.certificate.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise CredentialError("La clé de signature de la carte n’est pas une clé RSA.")
    key = TokenPlace(session, TokenKey(token=token, id=chosen.identifier)).open(public_key)
    key.prove()
    return Credential(certificate=chosen.certificate, chain=(), key=key)


def choose(found: Iterable[_OnCard], *, serial: int | None, now: datetime) -> _OnCard:
    """The one certificate that signs: nonRepudiation, in force, and the serial number when it was given.

    Raises:
        CredentialError: There is none, or there are several.
    """
    signing = [one for one in found if _signs(one.certificate) and serial in {None, one.certificate.serial_number}]
    if not signing:
        raise CredentialError("La carte n’a pas de certificat de signature (nonRepudiation) qui convienne.")
    current = [
        one for one in signing if one.certificate.not_valid_before_utc <= now <= one.certificate.not_valid_after_utc
    ]
    match current:
        case [one]:
            return one
        case []:
            last = max(one.certificate.not_valid_after_utc for one in signing)
            raise CredentialError(f"Le certificat de signature de la carte n’est pas en cours (fin : {last:%d/%m/%Y}).")
    listed = " ; ".join(
        f"{one.certificate.serial_number:X} ({names.rfc4514(one.certificate.subject)})" for one in current
    )
    raise CredentialError(f"La carte a plusieurs certificats de signature, choisissez par « serie » : {listed}.")


def _signs(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    except (x509.ExtensionNotFound, ValueError):
        return False


def _only_label(module: Path) -> str:
    """The label of the one token that is there.

    Raises:
        CredentialError: There is none, or there are several.
        KeyUnavailable: The module does not work.
    """
    try:
        slots = pkcs11.lib(str(module)).get_slots(token_present=True)
        labels = [label for slot in slots if (label := _label(slot))]
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise KeyUnavailable(f"Le module PKCS#11 {module} ne fonctionne pas ({type(error).__name__}).") from error
    match labels:
        case [label]:
            return label
        case []:
            raise CredentialError("Aucune carte n’est dans le lecteur.")
    raise CredentialError(f"Il y a plusieurs cartes, choisissez par « jeton » : {', '.join(labels)}.")


def _label(slot: Any) -> str:
    """The label of a slot's token; a token that was never given a PIN counts for none."""
    token = slot.get_token()
    return token.label if pkcs11.TokenFlag.USER_PIN_INITIALIZED in token.flags else ""


def _certificates(session: pkcs11.Session) -> list[_OnCard]:
    """Every X.509 certificate of the token. The whole list: a search that is left half-way stays open."""
    wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.CERTIFICATE_TYPE: CertificateType.X_509}
    found = []
    for item in list(session.get_objects(wanted)):
        try:
            certificate = x509.load_der_x509_certificate(item[Attribute.VALUE])
        except ValueError:
            continue  # another object of the card, of no use here
        found.append(_OnCard(certificate, item[Attribute.ID]))
    return found
