"""What PFCNG-IGC knows of the sandbox's own certificates: that they exist, and which cards are opposed."""

from collections.abc import Iterator

from pfcng.igc import others, revocations
from pfcng.igc.others import Known, Purpose
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import to_octets
from pfcng.pki.trust import key_identifier
from pfcng.sandbox.pairs import Pair
from pfcng.sandbox.pki import CardFiles, SandboxPki
from pfcng.store.database import DbConnection


def save(connection: DbConnection, pki: SandboxPki) -> set[bytes]:
    """Make every certificate known, and bring the cards' revocations to what the demonstration says.

    Returns:
        Key identifiers of the authorities from whose CRL a card has to leave.
    """
    cards = {card.spec.name: list(_of_card(card)) for card in pki.cards.values()}
    others.register(connection, [*_of_others(pki), *(known for pair in cards.values() for known in pair)])
    for card in pki.cards.values():
        if card.spec.revoked:
            for known in cards[card.spec.name]:
                revocations.insert(connection, _revocation(known))
    free = [known for card in pki.cards.values() if not card.spec.revoked for known in cards[card.spec.name]]
    return revocations.withdraw(connection, [to_octets(known.certificate.serial_number) for known in free])


def _of_others(pki: SandboxPki) -> Iterator[Known]:
    authorities = {name: files.pair.load_chain()[0] for name, files in pki.authorities.items()}
    for name, certificate in authorities.items():
        root = authorities[pki.authorities[name].name.root.common_name]
        yield Known(key_identifier(root), Purpose.AUTHORITY, certificate)
    for pair in (pki.server, *pki.clients.values()):
        yield _known(pair, Purpose.SERVER)


def _of_card(card: CardFiles) -> Iterator[Known]:
    for pair in (card.auth, card.sign):
        yield _known(pair, Purpose.CARD)


def _known(pair: Pair, purpose: Purpose) -> Known:
    """A certificate whose authority follows in the file."""
    certificate, authority = pair.load_chain()
    return Known(key_identifier(authority), purpose, certificate)


def _revocation(known: Known) -> Revocation:
    certificate = known.certificate
    return Revocation(
        issuer=known.issuer,
        serial=to_octets(certificate.serial_number),
        numero=None,
        reason=None,
        revoked_at=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )
