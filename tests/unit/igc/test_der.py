"""The DER that is read by hand: strangers' bytes give values or MalformedDer, nothing else."""

from contextlib import suppress

import pytest
from cryptography import x509
from hypothesis import given, strategies as st

from pfcng.igc import der
from pfcng.igc.der import MalformedDer, Value


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_what_is_written_is_read_back(length: int) -> None:
    """Lengths of every size."""
    written = der.sequence(der.tlv(der.OCTET_STRING, b"x" * length), der.integer(b"\x05"))
    octets, number = Value.read(written).children()
    assert (octets.content, number.content) == (b"x" * length, b"\x05")
    assert der.sequence(octets.whole, number.whole) == written


@pytest.mark.parametrize(
    "raw",
    ["", "30", "3001", "30800000", "30810100", "3082000100", "3085" + "01" * 9, "1f0100", "300000", "3100", "3081"],
)
def test_anything_else_is_malformed(raw: str) -> None:
    """Cut short, indefinite, not minimal, immense, long tags, something after it, another tag."""
    with pytest.raises(MalformedDer):
        Value.read(bytes.fromhex(raw))


@given(st.binary(max_size=200))
def test_garbage_never_fails_otherwise(raw: bytes) -> None:
    """Nothing but MalformedDer."""

    def walk(value: Value) -> None:
        if value.tag & 0x20:
            for child in value.children():
                walk(child)

    with suppress(MalformedDer):
        walk(Value.read(raw))


@pytest.mark.parametrize("dotted", ["1.3.6.1.5.5.7.48.1.2", "2.5.29.21", "1.2.840.113549.1.1.11", "1.2.250.1.71.1.2.5"])
def test_object_identifiers_are_those_of_cryptography(dotted: str) -> None:
    """An unrecognised extension of that type holds the same bytes."""
    identifier = x509.ObjectIdentifier(dotted)
    assert der.oid(identifier) in x509.CertificatePolicies([x509.PolicyInformation(identifier, None)]).public_bytes()
