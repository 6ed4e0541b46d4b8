"""Serial numbers: random, and never used before (the store's unique constraint)."""

import secrets
from typing import Final

SERIAL_BYTES: Final = 16


def random_serial() -> int:
    """A serial number of 128 bits, the first one clear since the DER INTEGER is signed: 127 from the OS, never zero."""
    return secrets.randbits(8 * SERIAL_BYTES - 1) or random_serial()
