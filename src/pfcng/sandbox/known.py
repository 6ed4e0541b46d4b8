"""What PFCNG-IGC knows of the sandbox's own certificates: that they exist, and which cards are opposed."""

from collections.abc import Collection

from cryptography import x509

from pfcng.igc import others, revocations
from pfcng.igc.others import Purpose
from pfcng.igc.revocations import Revocation
from pfcng.igc.serials import to_octets
from pfcng.pki.trust import key_identifier
from pfcng.sandbox.pairs import Pair
from pfcng.sandbox.pki import SandboxPki
from pfcng.store.database import DbConnection


def save(connection: DbConnection, pki: SandboxPki) -> Collection[bytes]:
    """Make every certificate known and bring the cards' revocations to what the demonstration says.

    Returns:
        Key identifiers of the authorities from whose CRL a card has to leave: no CRL is due for that.
    """
    for files in pki.authorities.values():
        above = pki.authorities[files.name.root.common_name]
        _register(connection, above.pair, Purpose.AUTHORITY, files.pair)
    for pair in (pki.server, *pki.clients.values()):
        _register(connection, None, Purpose.SERVER, pair)
    left = set()
    for card in pki.cards.values():
        for pair in (card.auth, card.sign):
            issuer, certificate = _register(connection, None, Purpose.CARD, pair)
            if card.spec.revoked:
                _revoke(connection, issuer, certificate)
            elif revocations.withdraw(connection, issuer, to_octets(certificate.serial_number)):
                left.add(issuer)
    return left


def _register(
    connection: DbConnection, issuer: Pair | None, purpose: Purpose, pair: Pair
) -> tuple[bytes, x509.Certificate]:
    """Without an issuer, it is the one that follows in the file."""
    certificate, *chain = pair.load_chain()
    key = key_identifier(issuer.load_chain()[0] if issuer else chain[0])
    others.register(connection, key, purpose, [certificate])
    return key, certificate


def _revoke(connection: DbConnection, issuer: bytes, certificate: x509.Certificate) -> None:
    revocations.insert(
        connection,
        Revocation(
            issuer=issuer,
            serial=to_octets(certificate.serial_number),
            numero=None,
            reason=None,
            revoked_at=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        ),
    )
