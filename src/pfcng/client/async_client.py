"""The same client for an event loop, asyncio's or trio's: what is signed and how answers are read is shared."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date
from functools import partial
from types import TracebackType
from typing import TypeVar

import anyio.to_thread
from cryptography import x509

from pfcng.client import exchanges, requests
from pfcng.client.exchanges import Exchange, Reference, Retrait
from pfcng.client.listing import Listing, Progress
from pfcng.client.profile import Profile
from pfcng.client.transport import PAUSES, AsyncTransport
from pfcng.contract.catalogue import Motif
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemandeCertificats,
    ReponseRenouvellementCertificat,
    ReponseRevocationCertificat,
    ReponseSuiviActivite,
    RequeteSuiviActivite,
    Resultat,
)

_T = TypeVar("_T")


class AsyncClient:
    """``Client`` for tasks: same methods, same arguments, same errors, same repeats; tasks may share one.

    Signing and reading are done in a thread: a card may take a second. Close it, or use it in ``async with``.
    """

    def __init__(self, profile: Profile, *, pauses: Sequence[float] = PAUSES) -> None:
        """As ``Client``."""
        self._profile = profile
        self._transport = AsyncTransport(profile, pauses)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def demander_certificats(self, demandes: Iterable[DemandeCertificat]) -> ReponseDemandeCertificats:
        """As ``Client.demander_certificats``: never repeated once it may have arrived."""
        return await self._do(partial(exchanges.demander, self._profile.signature, demandes))

    async def retirer_certificat(
        self, indice_retrait: str, code_revocation: str, id_nat_tiers: str | None = None
    ) -> Retrait:
        """As ``Client.retirer_certificat``: repeated when the answer is lost, the same certificate comes back."""
        request = requests.retrait(indice_retrait, code_revocation, id_nat_tiers)
        return await self._do(partial(exchanges.retirer, self._profile.signature, request))

    async def revoquer_certificat(
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
        """As ``Client.revoquer_certificat``: never repeated once it may have arrived."""
        request = requests.revocation(
            certificat,
            motif,
            mails=(mail_demandeur, mail_personne_a_informer),
            autre_description=autre_description,
            date_effet=date_effet,
            id_nat_tiers=id_nat_tiers,
        )
        return await self._do(partial(exchanges.revoquer, self._profile.signature, request))

    async def renouveler_certificat(
        self,
        certificat: x509.Certificate | Reference,
        csr: str,
        *,
        mail_demandeur: str,
        mail_personne_a_informer: str,
        id_nat_tiers: str | None = None,
    ) -> ReponseRenouvellementCertificat:
        """As ``Client.renouveler_certificat``: never repeated once it may have arrived."""
        request = requests.renouvellement(
            certificat, csr, mails=(mail_demandeur, mail_personne_a_informer), id_nat_tiers=id_nat_tiers
        )
        return await self._do(partial(exchanges.renouveler, self._profile.signature, request))

    async def suivre_activite(self, requete: RequeteSuiviActivite) -> ReponseSuiviActivite:
        """As ``Client.suivre_activite``: repeated when the answer is lost, it changes nothing."""
        return await self._do(partial(exchanges.suivre, self._profile.signature, requete, none_is_refused=True))

    async def suivre(
        self, requete: RequeteSuiviActivite, *, depuis: date | None = None, progress: Progress = lambda *_: None
    ) -> AsyncIterator[Resultat]:
        """As ``Client.suivre``: every line, however many there are."""
        listing = Listing(requete, depuis, progress)
        while (page := listing.next_request()) is not None:
            signature = self._profile.signature
            reply = await self._do(partial(exchanges.suivre, signature, page, none_is_refused=False))
            for line in listing.take(reply):
                yield line

    async def _do(self, make: Callable[[], Exchange[_T]]) -> _T:
        exchange = await anyio.to_thread.run_sync(make)
        answer = await self._transport.post(exchange)
        return await anyio.to_thread.run_sync(exchange.read, answer)
