"""Which tables a platform's database has."""

from pfcng.igc.migrations import IGC
from pfcng.settings import Settings
from pfcng.store.migrations import PLATFORM, Chain


def platform_schemas(settings: Settings) -> list[Chain]:
    """The platform's own, and PFCNG-IGC's when an authority's key is here."""
    return [PLATFORM, IGC] if settings.igc is None or settings.autres_autorites else [PLATFORM]
