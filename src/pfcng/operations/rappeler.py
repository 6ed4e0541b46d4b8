"""Reminders: 60, 30 and 7 days before a certificate ends, once each (docs/later.md)."""

from datetime import datetime

from pfcng.contract.paris import paris_day
from pfcng.domain.rules import Rules
from pfcng.notifications.catalogue import Notification
from pfcng.operations.context import Arrival
from pfcng.operations.notifier import notify
from pfcng.operations.one_by_one import OneByOne
from pfcng.store import echeances
from pfcng.store.database import Database, Row

_BATCH = 500


def rappeler(*, database: Database, rules: Rules, arrival: Arrival) -> int:
    """Write the reminders that are due; how many. Each is one commit: that it was made, the mails, their jobs.

    Raises:
        PartlyDone: Some failed.
    """
    reminded, turn, after = 0, OneByOne(arrival), (arrival.now, 0)
    while True:
        with database.transaction() as connection:
            due = echeances.find_expiring(connection, arrival.now, rules.rappels, after=after, limit=_BATCH)
        if not due:
            return turn.end(reminded)
        for produit in due:
            with turn.row("demande", produit["demande"]):
                reminded += _remind(database, produit, arrival)
        after = due[-1]["fin_validite"], due[-1]["numero"]


def _remind(database: Database, produit: Row, arrival: Arrival) -> bool:
    """Remind of one produit, unless another worker did."""
    with database.transaction() as connection:
        if not echeances.record_reminder(connection, produit["numero"], produit["jours"], arrival.now):
            return False
        demande = produit["demande"]
        told = {demande: {"echeance": _told(produit, arrival.now)}}
        notify(connection, Notification.RAPPEL, [demande], arrival, told)
        return True


def _told(produit: Row, now: datetime) -> str:
    """How far the end is, by the days of Paris."""
    days = (paris_day(produit["fin_validite"]) - paris_day(now)).days
    return "aujourd’hui" if days < 1 else "demain" if days == 1 else f"dans {days} jours"
