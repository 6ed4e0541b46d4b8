"""Durations as a user types them: ``60j``, ``12h``, ``10m``, ``30s``, ``3a``, or several in a row (``1a6h``)."""

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    "a": timedelta(days=365),
    "sem": timedelta(weeks=1),
    "j": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_PART: Final = re.compile(r"(\d{1,9})\s*(sem|[ajhms])\s*")


def parse_duration(text: str) -> timedelta | None:
    """The duration; None when it is none, or nothing at all."""
    rest, total = text.strip().lower(), timedelta()
    while rest:
        found = _PART.match(rest)
        if found is None:
            return None
        try:
            total += int(found[1]) * _UNITS[found[2]]
        except OverflowError:
            return None
        rest = rest[found.end() :]
    return total or None


def format_duration(seconds: int) -> str:
    """As `parse_duration` reads it, in days at most: ``9m59s``."""
    parts, left = "", seconds
    for name in ("j", "h", "m", "s"):
        count, left = divmod(left, int(_UNITS[name].total_seconds()))
        parts += f"{count}{name}" if count else ""
    return parts or "0s"
