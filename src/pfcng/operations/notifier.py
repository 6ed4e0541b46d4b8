"""M1: the mails of a change, written with it and put into the workers' queue, in its transaction (docs/later.md)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment
from pfcng.contract.refusal import Refusal
from pfcng.notifications.catalogue import Notification, Role
from pfcng.operations.context import Arrival
from pfcng.pki import names
from pfcng.store import courrier, revocations
from pfcng.store.courrier import NewMail
from pfcng.store.database import DbConnection, Row

_NO_TEXT = ("mail_demandeur", "mail_a_informer")
"""Columns that say where a mail goes; no text has them."""


def notify(
    connection: DbConnection,
    notification: Notification,
    numeros: Sequence[int],
    arrival: Arrival,
    details: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Tell the demandeur and the person to inform of each demande.

    Args:
        connection: The transaction of the change.
        notification: What is told.
        numeros: The demandes; none is fine.
        arrival: The request, or the act of a worker, that made the change.
        details: What the text needs beyond the demande and its produit, by number.
    """
    if numeros:
        facts = courrier.read_facts(connection, numeros)
        notify_of(connection, notification, {numero: facts[numero] for numero in numeros}, arrival, details)


def notify_of(
    connection: DbConnection,
    notification: Notification,
    facts: Mapping[int, Row],
    arrival: Arrival,
    details: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """The same where what mails tell of the demandes is known, by number."""
    mails: list[NewMail] = []
    for numero, row in facts.items():
        told = {**_facts(row), **_plain((details or {}).get(numero, {}))}
        mails += _mails(notification, row, told, arrival, demande=numero)
    if mails:
        _write(connection, mails, arrival)


def notify_revocation(
    connection: DbConnection,
    notification: Notification,
    numero: int,
    arrival: Arrival,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Tell of a révocation, to the addresses that it came with; each notification once a révocation.

    Args:
        connection: The transaction of the change.
        notification: What is told.
        numero: The révocation.
        arrival: The request, or the act of a worker, that made the change.
        details: What the text needs beyond the révocation, its demande and its produit.
    """
    if courrier.is_told(connection, notification.code, numero):
        return
    revocation = revocations.find_revocation(connection, numero)
    demande = revocation["numero_demande"]
    told = _facts(courrier.read_facts(connection, [demande])[demande])
    told |= _plain({name: revocation[name] for name in ("motif", "autre_description", "date_effet", "revoque_le")})
    told["automatique"] = revocation["canal"] == "AUTO"
    told |= _plain(details or {})
    mails = _mails(notification, revocation, told, arrival, demande=demande, revocation=numero)
    _write(connection, mails, arrival)


def notify_request(
    connection: DbConnection,
    notification: Notification,
    environment: Environment,
    *,
    addresses: tuple[str, str],
    contenu: Mapping[str, Any],
    arrival: Arrival,
) -> None:
    """Tell what became of a request of which nothing was kept, to the two addresses that it had.

    The text has nothing but what the request said: who sent it may have no right to more.
    """
    row: Row = dict(zip(_NO_TEXT, addresses, strict=True)) | {"environnement": environment}
    _write(connection, _mails(notification, row, _plain(contenu), arrival), arrival)


def failure_details(numero: int, refusal: Refusal, now: datetime, *, kept: bool = False) -> dict[str, Any]:
    """What the texts of NMG-005 and NMG-006 say beyond the demande: why, when, and whether the demande is kept."""
    return {"raison": refusal.message, "refuse_le": now, "objet": str(numero), "conservee": kept}


def _mails(
    notification: Notification,
    row: Row,
    contenu: Mapping[str, Any],
    arrival: Arrival,
    *,
    demande: int | None = None,
    revocation: int | None = None,
) -> Iterable[NewMail]:
    addresses = {Role.DEMANDEUR: row["mail_demandeur"], Role.A_INFORMER: row["mail_a_informer"]}
    for role in notification.value.recipients:
        if not addresses[role]:  # of a demande that was brought in from PFCNG-IGC (docs/restore.md)
            continue
        yield NewMail(
            notification=notification.code,
            role=role,
            destinataire=addresses[role],
            environment=Environment(row["environnement"]),
            contenu=contenu,
            incident=arrival.incident,
            demande=demande,
            revocation=revocation,
        )


def _write(connection: DbConnection, mails: Iterable[NewMail], arrival: Arrival) -> None:
    courrier.insert(connection, list(mails), arrival.now)


def _facts(row: Row) -> dict[str, Any]:
    """The columns that a text may name; of the issuing authority its name alone (§15.3)."""
    told = _plain({name: value for name, value in row.items() if name not in _NO_TEXT})
    return told | {"autorite": _authority(row["autorite"])}


def _authority(dn: str | None) -> str | None:
    return dn and (names.first(names.parse(dn), NameOID.COMMON_NAME) or dn)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: times and days in ISO 8601."""
    return {name: value.isoformat() if isinstance(value, datetime | date) else value for name, value in values.items()}
