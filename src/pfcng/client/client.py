"""The client of the Web Service: signed SOAP messages over mutual TLS, typed on both sides."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from types import TracebackType
from typing import TypeVar, overload

from cryptography import x509

from pfcng.client import exchanges, requests
from pfcng.client.exchanges import Exchange, Reference, Retrait
from pfcng.client.listing import Listing, Progress
from pfcng.client.profile import Profile
from pfcng.client.transport import PAUSES, Transport
from pfcng.contract.catalogue import Motif
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemandeCertificats,
    ReponseRenouvellementCertificat,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    ReponseSuiviActivite,
    Request,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Response,
    Resultat,
)

_T = TypeVar("_T")


class Client:
    """Talks to one platform for the holder of one profile.

    Synchronous; connections are kept alive and threads may share a client. Close it, or use it in a ``with`` block::

        with Client(Profile.load(Path("profil.toml"))) as client:
            reply = client.demander_certificats([demande])

    A message that surely never arrived (no connection, no route) is sent again, twice at most. One that may have
    arrived is sent again only by ``retirer_certificat``, which gives the same certificate, and by the suivi, which
    changes nothing. A second demande or renouvellement would be a second order; a second révocation would be refused
    whatever became of the first. Every method raises:
        RequestError: The request does not follow the schema; it was not sent.
        FaultError: The platform answered with a SOAP fault.
        TransportError: No usable answer came; ``maybe_received`` tells whether the platform may have acted.

    Source: guide §10, §11.
    """

    def __init__(self, profile: Profile, *, pauses: Sequence[float] = PAUSES) -> None:
        """Open no connection yet.

        Args:
            profile: Which platform, and who talks to it.
            pauses: Seconds before each further try; none, and nothing is sent twice.
        """
        self._profile = profile
        self._transport = Transport(profile, pauses)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def demander_certificats(self, demandes: Iterable[DemandeCertificat]) -> ReponseDemandeCertificats:
        """Order 1 to 20 certificates in one lot.

        The reply has one answer per demande, in order. Some may be refused and the others accepted (statutLot ``KO``):
        read each ``statut_demande``. Not repeated once it may have arrived: after a ``TransportError`` with
        ``maybe_received``, find out what was registered (``suivre``, e-mails) before ordering again.

        Raises:
            RefusedError: The lot is refused whole and no demande was looked at.

        Source: guide §14.
        """
        return self._do(exchanges.demander(self._profile.signature, demandes))

    def retirer_certificat(self, indice_retrait: str, code_revocation: str, id_nat_tiers: str | None = None) -> Retrait:
        """Withdraw the certificate of one demande.

        Repeated when the answer is lost: until it is delivered, the same certificate comes back.

        Args:
            indice_retrait: As the reply to the demande gave it.
            code_revocation: 1 to 64 characters chosen by the caller, who keeps them: they allow a revocation later.
            id_nat_tiers: For an AdminASIP acting for somebody else only.

        Raises:
            RefusedError: With the platform's code.

        Source: guide §15.
        """
        request = requests.retrait(indice_retrait, code_revocation, id_nat_tiers)
        return self._do(exchanges.retirer(self._profile.signature, request))

    def revoquer_certificat(
        self,
        certificat: x509.Certificate | Reference,
        motif: Motif,
        *,
        mail_demandeur: str,
        mail_personne_a_informer: str,
        autre_description: str | None = None,
        date_effet: date | None = None,
        id_nat_tiers: str | None = None,
    ) -> ReponseRevocationCertificat:
        """Revoke a certificate for good, now or at the beginning of a later day.

        Not repeated once it may have arrived: ``suivre`` (DEMANDES_REVOCATION) tells whether it did.

        Args:
            certificat: The certificate, or what names it.
            motif: Why; a key stolen or lost is never certified again.
            mail_demandeur: Who is told.
            mail_personne_a_informer: Who is told too.
            autre_description: With ``Motif.AUTRE``, and only then.
            date_effet: A later day of Europe/Paris; at once without it.
            id_nat_tiers: For an AdminASIP acting for somebody else only.

        Raises:
            RefusedError: With the platform's code.
            ValueError: The certificate names no authority key.

        Source: guide §16.
        """
        request = requests.revocation(
            certificat,
            motif,
            mails=(mail_demandeur, mail_personne_a_informer),
            autre_description=autre_description,
            date_effet=date_effet,
            id_nat_tiers=id_nat_tiers,
        )
        return self._do(exchanges.revoquer(self._profile.signature, request))

    def renouveler_certificat(
        self,
        certificat: x509.Certificate | Reference,
        csr: str,
        *,
        mail_demandeur: str,
        mail_personne_a_informer: str,
        id_nat_tiers: str | None = None,
    ) -> ReponseRenouvellementCertificat:
        """Order the same certificate again for a new key; the old one stays valid until its end.

        The reply has the ``indice_retrait``. Not repeated once it may have arrived, as a demande.

        Args:
            certificat: The certificate, in force, or what names it.
            csr: PEM of the new CSR.
            mail_demandeur: Who is told.
            mail_personne_a_informer: Who is told too.
            id_nat_tiers: For an AdminASIP acting for somebody else only.

        Raises:
            RefusedError: With the platform's code.
            ValueError: The certificate names no authority key.

        Source: guide §17.
        """
        request = requests.renouvellement(
            certificat, csr, mails=(mail_demandeur, mail_personne_a_informer), id_nat_tiers=id_nat_tiers
        )
        return self._do(exchanges.renouveler(self._profile.signature, request))

    def suivre_activite(self, requete: RequeteSuiviActivite) -> ReponseSuiviActivite:
        """One page of a suivi, the 500 newest lines at most; ``avertissement`` tells that there are more.

        Repeated when the answer is lost: it changes nothing.

        Raises:
            RefusedError: With the platform's code; finding nothing is WSMG-00000007 or 08.

        Source: guide §18.
        """
        return self._do(exchanges.suivre(self._profile.signature, requete, none_is_refused=True))

    def suivre(
        self, requete: RequeteSuiviActivite, *, depuis: date | None = None, progress: Progress = lambda *_: None
    ) -> Iterator[Resultat]:
        """Every line of a suivi, however many there are; finding nothing gives none.

        Beyond 500 lines the search is made usage by usage, then day by day back to ``depuis`` (1 200 days ago without
        it): up to one request a day and usage.

        Args:
            requete: What to look for.
            depuis: The first day to look at, where days have to be looked at.
            progress: Told after each page: pages read, pages known of.

        Raises:
            RefusedError: With the platform's code.
            IncompleteError: At the end: some day has more than 500 lines of one usage; all others were given.

        Source: guide §18.
        """
        listing = Listing(requete, depuis, progress)
        while (page := listing.next_request()) is not None:
            reply = self._do(exchanges.suivre(self._profile.signature, page, none_is_refused=False))
            yield from listing.take(reply)

    @overload
    def call(self, request: RequeteDemandeCertificats) -> ReponseDemandeCertificats: ...
    @overload
    def call(self, request: RequeteRetraitCertificat) -> ReponseRetraitCertificat: ...
    @overload
    def call(self, request: RequeteRevocationCertificat) -> ReponseRevocationCertificat: ...
    @overload
    def call(self, request: RequeteRenouvellementCertificat) -> ReponseRenouvellementCertificat: ...
    @overload
    def call(self, request: RequeteSuiviActivite) -> ReponseSuiviActivite: ...
    def call(self, request: Request) -> Response:
        """Send any request and return its reply as it is, a refusal too: read its ``statut``."""
        return self._do(exchanges.any_request(self._profile.signature, request))

    def _do(self, exchange: Exchange[_T]) -> _T:
        return exchange.read(self._transport.post(exchange))
