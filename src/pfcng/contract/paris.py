"""The guide's calendar: its days and hours are those of Paris."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

PARIS: Final = ZoneInfo("Europe/Paris")


def paris_day(moment: datetime) -> date:
    """The day in Paris of a moment."""
    return moment.astimezone(PARIS).date()
