"""Whom the service of PFCNG-IGC answers: a white list of its own, of names and of the authorities that certify them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pfcng.pki import names


class PeerRefused(Exception):
    """The peer is not answered; ``sentence`` is for it, ``reason`` for the log."""

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason


@dataclass(slots=True)
class Peers:
    """The white list.

    Attributes:
        authorities: One of them must itself have issued the client's certificate; others may take their place.
        subjects: The names that are let in, as `names.canonical` has them.
    """

    authorities: tuple[x509.Certificate, ...]
    subjects: frozenset[str]

    @classmethod
    def of(cls, authorities: Iterable[x509.Certificate], subjects: Iterable[str]) -> "Peers":
        """A white list of names in any of the forms that `names.parse` reads."""
        return cls(tuple(authorities), frozenset(names.canonical(names.parse(subject)) for subject in subjects))

    def admit(self, certificate: x509.Certificate | None, now: datetime) -> str:
        """Let a peer in and give its name, RFC 4514.

        The dates are looked at for each request: a connection may outlive the certificate that opened it.

        Raises:
            PeerRefused: It is not to be answered.
        """
        if certificate is None:
            raise PeerRefused("Accès refusé : cette adresse exige un certificat client.", "no client certificate")
        subject = names.rfc4514(certificate.subject)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise PeerRefused("Accès refusé : le certificat client n’est pas dans ses dates.", subject)
        if not any(_issued(certificate, authority) for authority in self.authorities):
            raise PeerRefused("Accès refusé : le certificat client n’est pas d’une autorité admise ici.", subject)
        if names.canonical(certificate.subject) not in self.subjects:
            raise PeerRefused("Accès refusé : le DN du certificat client n’est pas dans la liste blanche.", subject)
        return subject


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
