"""Serial numbers: random, and never used before (the store's unique constraint)."""

import secrets
from typing import Final

SERIAL_BYTES: Final = 16


def random_serial() -> int:
    """A serial number of 128 bits, the first one clear since the DER INTEGER is signed: 127 from the OS, never zero."""
    return secrets.randbits(8 * SERIAL_BYTES - 1) or random_serial()


def to_octets(serial: int) -> bytes:
    """As the tables hold it: 16 bytes, or as many as a longer one needs, the first bit clear.

    Raises:
        OverflowError: It is negative.
    """
    return serial.to_bytes(max(SERIAL_BYTES, serial.bit_length() // 8 + 1), "big")
