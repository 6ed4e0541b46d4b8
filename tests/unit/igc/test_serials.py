"""Serial numbers: 128 bits, positive, from the operating system's randomness."""

from collections import Counter

from pfcng.igc.serials import SERIAL_BYTES, random_serial

SAMPLE = 100_000


def test_serials_are_positive_and_fit_sixteen_bytes() -> None:
    """The first bit stays clear, as in the real ones since 2023; a lost sign bit once forced mass revocations."""
    serials = [random_serial() for _ in range(SAMPLE)]
    assert all(0 < serial < 1 << 127 for serial in serials)
    assert SERIAL_BYTES == 16
    assert len(set(serials)) == SAMPLE


def test_every_bit_of_a_serial_is_random() -> None:
    """Each of the 127 bits is set in half of the draws, within six standard deviations."""
    serials = [random_serial() for _ in range(SAMPLE)]
    set_bits = Counter(bit for serial in serials for bit in range(127) if serial >> bit & 1)
    deviation = 6 * (SAMPLE / 4) ** 0.5
    assert all(abs(set_bits[bit] - SAMPLE / 2) < deviation for bit in range(127))
