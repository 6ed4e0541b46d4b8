"""Test cards of a PFCNG-IGC: issued and revoked by its exploitant, who has neither the real ones nor their office.

TEST alone: the cards of PRODUCTION are the IGC-Santé's.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pfcng.contract.catalogue import Environment
from pfcng.igc import builder, others, revocations
from pfcng.igc.cards import CardSpec, CardUse, card_holder
from pfcng.igc.lint import UnfitToSign
from pfcng.igc.lint_card import guarded_for_card
from pfcng.igc.others import Known, Purpose
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import random_serial, to_octets
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.keys import Credential, authority_of
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database


class CardRefused(Exception):
    """The card is not issued, or not revoked; the message is French."""


def choose_authority(spec: CardSpec, authorities: Sequence[Credential]) -> Credential:
    """Which of these issues such a card.

    Raises:
        CardRefused: None does, or the card is no test card.
    """
    if spec.environment is not Environment.TEST:
        raise CardRefused("Les cartes de PRODUCTION sont celles de l’IGC-Santé.")
    for one in authorities:
        if authority_of(one.certificate) == spec.authority:
            return one
    raise CardRefused(
        f"Les réglages n’ont pas « {spec.authority.common_name} », qui émet les cartes {spec.card_type} : "
        "ajoutez-la, avec sa clé, à « autres_autorites »."
    )


def issue(
    spec: CardSpec,
    use: CardUse,
    public_key: rsa.RSAPublicKey,
    authority: Credential,
    *,
    urls: PublicationUrls,
    database: Database,
    now: datetime,
) -> x509.Certificate:
    """One certificate of a card; it is known to OCSP before anybody has it.

    Raises:
        CardRefused: The database was restored and not compared since, or a certificate cannot say what is asked.
        KeyUnavailable: The authority's key cannot sign now.
    """
    if not database.is_attested():
        raise CardRefused(f"Rien n’est émis : {database.suspicion} ; lancez « pfcng reconcilier » sur la plateforme.")
    serial, first = random_serial(), now.replace(microsecond=0)
    key = guarded_for_card(
        authority.key,
        issuer=authority.certificate,
        public_key=public_key,
        serial=serial,
        dates=(first, builder.not_after(first)),
        id_nat=spec.id_nat,
        use=use,
    )
    try:
        holder = card_holder(spec, use, public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        unsigned = builder.build(holder, issuer=authority.certificate, serial=serial, not_before=first, urls=urls)
        certificate = unsigned.sign(key, hashes.SHA256())
    except (ValueError, UnfitToSign) as error:
        raise CardRefused("Aucun certificat de cette autorité ne peut dire ce qui est demandé.") from error
    certificate.verify_directly_issued_by(authority.certificate)
    with database.transaction() as connection:
        others.register(connection, [Known(key_identifier(authority.certificate), Purpose.CARD, certificate)])
    return certificate


def revoke(certificate: x509.Certificate, *, database: Database, now: datetime) -> bool:
    """Oppose a certificate of a card that was issued here, for ever; False when it was already.

    Raises:
        CardRefused: It is none.
    """
    issuer = _issuer(certificate)
    with database.transaction() as connection:
        if not others.is_known(connection, Known(issuer, Purpose.CARD, certificate)):
            raise CardRefused("Ce certificat n’est pas celui d’une carte émise ici.")
        return revocations.insert(
            connection,
            Revocation(
                issuer=issuer,
                serial=to_octets(certificate.serial_number),
                numero=None,
                reason=None,
                revoked_at=now,
                not_after=certificate.not_valid_after_utc,
            ),
        )


def _issuer(certificate: x509.Certificate) -> bytes:
    """The key identifier of its authority, as it says itself; empty when it says none."""
    try:
        told = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return b""
    return told.key_identifier or b""
