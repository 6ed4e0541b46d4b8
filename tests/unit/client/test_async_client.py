"""The client for an event loop: what is shared with the other one is tested there."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from pfcng.client import AsyncClient, Client, Profile, RefusedError, TransportError
from pfcng.contract.catalogue import Motif
from pfcng.contract.messages import (
    ReponseRenouvellementCertificat,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
)
from unit.client.local_platform import LocalPlatform, TestPki, reply
from unit.client.test_client import ACCEPTED, DEMANDE, UNKNOWN_INDEX
from unit.client.test_repeats import BUSY, MAILS, PRODUITS, REFERENCE


def run(profile: Profile, ask: Callable[[AsyncClient], Awaitable[object]]) -> object:
    async def main() -> object:
        async with AsyncClient(profile, pauses=(0, 0)) as client:
            return await ask(client)

    return anyio.run(main)


def test_the_five_operations_are_there(profile: Profile, platform: LocalPlatform, pki: TestPki) -> None:
    """One method per operation, typed in and out."""
    platform.will_answer(reply(ACCEPTED))
    assert run(profile, lambda client: client.demander_certificats([DEMANDE])) == ACCEPTED
    delivered = ReponseRetraitCertificat(statut="OK", message="", certificat=pki.server.pem)
    platform.will_answer(reply(delivered))
    retrait = run(profile, lambda client: client.retirer_certificat("59", "code"))
    assert getattr(retrait, "certificate", None) == pki.server.certificate
    revoked = ReponseRevocationCertificat(statut="OK", message="")
    platform.will_answer(reply(revoked))
    assert run(profile, lambda client: client.revoquer_certificat(REFERENCE, Motif.VOL, **MAILS)) == revoked
    renewed = ReponseRenouvellementCertificat(indice_retrait="60", statut="OK", message="")
    platform.will_answer(reply(renewed))
    assert run(profile, lambda client: client.renouveler_certificat(REFERENCE, "TUlJ", **MAILS)) == renewed


def test_refusals_and_repeats_are_those_of_the_client(profile: Profile, platform: LocalPlatform) -> None:
    """Same errors, same advice, same number of tries."""
    platform.will_answer(reply(UNKNOWN_INDEX))
    with pytest.raises(RefusedError, match="WSMG-00000027") as caught:
        run(profile, lambda client: client.retirer_certificat("59", "code"))
    assert "environnement de la carte" in caught.value.conseil
    platform.received.clear()
    platform.will_answer(BUSY)
    with pytest.raises(TransportError):
        run(profile, lambda client: client.suivre_activite(PRODUITS))
    assert len(platform.received) == 3


def test_tasks_share_a_client(profile: Profile, platform: LocalPlatform) -> None:
    """Requests go out together over kept connections."""
    platform.will_answer(reply(ACCEPTED))

    async def main() -> None:
        async with AsyncClient(profile) as client, anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(client.demander_certificats, [DEMANDE])

    anyio.run(main)
    assert len(platform.received) == 4


def test_both_clients_have_the_same_methods() -> None:
    """Nothing is in one and not in the other but ``call``, for requests made by hand."""
    public = [{name for name in vars(kind) if not name.startswith("_")} for kind in (Client, AsyncClient)]
    assert public[0] - {"call"} == public[1]
