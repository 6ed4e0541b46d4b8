"""The tables of PFCNG-IGC: a chain of revisions of its own, since they may live in another database."""

from pathlib import Path
from typing import Final

from pfcng.store.migrations import Chain

IGC: Final = Chain(Path(__file__).parent, "igc", oldest="0002")
