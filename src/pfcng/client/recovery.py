"""After a kill between an order and its answer: whether it was registered, and its number (docs/client.md, O4)."""

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

from pfcng.client.client import Client
from pfcng.client.errors import RefusedError
from pfcng.client.listing import today
from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, TypeDemande
from pfcng.contract.codes import Raison
from pfcng.contract.messages import DemandeCertificat, RequeteSuiviActivite, Resultat
from pfcng.contract.paris import paris_day

VALIDEE: Final = "Demande validée"
"""The state of a demande that waits for its withdrawal (guide §14.2)."""
_PRESENTED: Final = re.compile(re.escape(Raison.CLE_DEJA_PRESENTEE.value.partition("{numero}")[0]) + r"(\d+)")


def find_order(client: Client, demande: DemandeCertificat, since: datetime, known: Collection[str]) -> list[str]:
    """The numbers of the demandes that may be the one sent since then.

    Args:
        client: Of who sent it.
        demande: What was ordered.
        since: When it began to be sent.
        known: Numbers that belong to other folders.

    Raises:
        ClientError: The suivi cannot be read.
    """
    lines = _lines_since(client, demande, since)
    return [str(line.numero) for line in lines if line.numero not in known and _is_it(line, demande, since)]


def find_line(client: Client, demande: DemandeCertificat, since: datetime, numero: str) -> Resultat | None:
    """The line of a demande whose number is known.

    Raises:
        ClientError: The suivi cannot be read.
    """
    return next((line for line in _lines_since(client, demande, since) if line.numero == numero), None)


def presented_number(error: RefusedError) -> str | None:
    """The number of the demande that has our key already, from the refusal of a second one (guide §17.4)."""
    found = _PRESENTED.search(error.message) if error.code == codes.WSMG_09.value else None
    return found.group(1) if found else None


def _lines_since(client: Client, demande: DemandeCertificat, since: datetime) -> Iterator[Resultat]:
    """A minute before midnight counts for both days; the platform's clock may be ahead of ours."""
    first = paris_day(since)
    days = max((today() - first).days, 0) + 1
    for day in (first + timedelta(days=after) for after in range(days + 1)):
        yield from client.suivre(_request(demande, day))


def _request(demande: DemandeCertificat, day: date) -> RequeteSuiviActivite:
    return RequeteSuiviActivite(
        type_demande=TypeDemande.DEMANDES_CERTIFICAT,
        offre=demande.offre,
        usage=demande.usage,
        date_creation_demande=day,
        id_nat_beneficiaire=demande.id_nat_beneficiaire if demande.offre is Offre.PRO else None,
        id_nat_struct=demande.id_nat_struct,
        id_nat_tiers=demande.id_nat_tiers,
    )


def _is_it(line: Resultat, demande: DemandeCertificat, since: datetime) -> bool:
    """Whether everything that a line shows is what was ordered; a second is as fine as its time goes."""
    try:
        made = datetime.fromisoformat(line.creation_date or "")
    except ValueError:
        return False
    shown = (
        (line.etat, VALIDEE),
        (line.usage, demande.usage.value),
        (line.id_nat_struct, demande.id_nat_struct),
        (line.nom_applicatif, demande.nom_applicatif),
        (line.email_sujet, demande.mail_sujet),
        (line.email_acteur, demande.mail_demandeur),
        (line.email_notification, demande.mail_personne_a_informer),
    )
    return (
        made >= since.replace(microsecond=0)
        and all((told or None) == (asked or None) for told, asked in shown)
        and _names(line.domaines) == {name.lower() for name in demande.fqdn}
    )


def _names(text: str | None) -> set[str]:
    return {name.lower() for name in _split(text) if name}


def _split(text: str | None) -> Iterable[str]:
    return re.split(r"[\s,;|]+", text or "")
