"""A CRL as it is put together by hand, read back by others. Source: RFC 5280 §5."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from pfcng.igc import crl
from pfcng.igc.crl import Body, Entry, Frame
from pfcng.igc.lint import UnfitToSign
from pfcng.igc.serials import to_octets
from pfcng.pki.keys import Credential
from pfcng.pki.trust import TrustStore, key_identifier
from support.igc import NOW, Hierarchy, make_hierarchy

WHEN = NOW.replace(microsecond=0)
SERIALS = (1, 0x7F, 0x80, 0xFFFF, 2**120, 2**127 - 1, (0x1120 << 128) + 5)


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


def made(issuer: Credential, *entries: Entry, base: int | None = None, number: int = 1_772_445_630) -> bytes:
    frame = Frame(number=number, base=base, this_update=NOW, next_update=NOW + timedelta(days=6))
    return crl.sign(issuer, frame, crl.encode(entries))


def read(issuer: Credential, *entries: Entry, base: int | None = None) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(made(issuer, *entries, base=base))


def public_key(issuer: Credential) -> rsa.RSAPublicKey:
    return issuer.key.public_key()


def test_crl_is_signed_by_its_authority_and_dated(hierarchy: Hierarchy) -> None:
    """Version 2, the authority's name, whole seconds; the platform's own trust store believes it."""
    found = read(hierarchy.authority, (to_octets(5), NOW, None))
    assert found.is_signature_valid(public_key(hierarchy.authority))
    assert found.issuer == hierarchy.authority.certificate.subject
    assert (found.last_update_utc, found.next_update_utc) == (WHEN, WHEN + timedelta(days=6))
    TrustStore.load(
        [hierarchy.root.certificate], [hierarchy.authority.certificate], [found], now=NOW, crl_grace=timedelta(0)
    )


@pytest.mark.parametrize("serial", SERIALS)
def test_serials_are_written_as_numbers(hierarchy: Hierarchy, serial: int) -> None:
    """DER: no byte too many, never negative, whatever width the table holds them in."""
    [entry] = read(hierarchy.authority, (to_octets(serial), NOW, None))
    assert entry.serial_number == serial
    assert entry.revocation_date_utc == WHEN


@pytest.mark.parametrize("reason", [None, *x509.ReasonFlags])
def test_reason_is_written_only_when_there_is_one(hierarchy: Hierarchy, reason: x509.ReasonFlags | None) -> None:
    """The real CRLs have none; ``unspecified`` should be absent (RFC 5280 §5.3.1)."""
    [entry] = read(hierarchy.authority, (to_octets(5), NOW, reason and reason.value))
    told = [extension.value for extension in entry.extensions]
    if reason in {None, x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}:
        assert told == []
    else:
        assert told == [x509.CRLReason(reason)]


def test_crl_without_entries_has_no_list(hierarchy: Hierarchy) -> None:
    """RevokedCertificates MUST be absent when nothing is revoked (RFC 5280 §5.1.2.6)."""
    found = read(hierarchy.authority)
    assert len(found) == 0
    assert found.is_signature_valid(public_key(hierarchy.authority))


def test_extensions_are_in_the_order_of_the_real_ones(hierarchy: Hierarchy) -> None:
    """Authorities: key, number. Roots: number, key. A delta adds its critical indicator."""
    key, number = ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER
    assert [extension.oid for extension in read(hierarchy.authority).extensions] == [key, number]
    assert [extension.oid for extension in read(hierarchy.root).extensions] == [number, key]
    delta = read(hierarchy.authority, base=7)
    assert [(extension.oid, extension.critical) for extension in delta.extensions] == [
        (key, False),
        (number, False),
        (ExtensionOID.DELTA_CRL_INDICATOR, True),
    ]
    assert delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number == 7
    assert delta.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1_772_445_630
    identifier = delta.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert identifier.key_identifier == key_identifier(hierarchy.authority.certificate)


@pytest.mark.parametrize("year", [2049, 2050])
def test_dates_from_2050_on_are_generalized_times(hierarchy: Hierarchy, year: int) -> None:
    """RFC 5280 §5.1.2.4; ``cryptography`` refuses the wrong one."""
    instant = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    frame = Frame(number=1, base=None, this_update=instant, next_update=instant + timedelta(seconds=1))
    found = x509.load_der_x509_crl(crl.sign(hierarchy.authority, frame, crl.encode([(to_octets(5), instant, None)])))
    assert found.last_update_utc == instant
    assert [entry.revocation_date_utc for entry in found] == [instant]


def test_many_entries_are_all_there(hierarchy: Hierarchy) -> None:
    """Lengths of one to four bytes around the list."""
    for count in (2, 10, 2_000):
        entries: list[Entry] = [(to_octets(n + 1), NOW, None) for n in range(count)]
        assert [entry.serial_number for entry in read(hierarchy.authority, *entries)] == list(range(1, count + 1))


def test_wrong_signature_does_not_leave(hierarchy: Hierarchy) -> None:
    """A fault in the computation could give the key away."""
    wrong = Credential(certificate=hierarchy.authority.certificate, chain=(), key=hierarchy.root.key)
    with pytest.raises(InvalidSignature):
        made(wrong)


@pytest.mark.parametrize(
    "body",
    [
        Body(entries=crl.encode([(to_octets(5), NOW, None)]).entries, count=2),
        Body(entries=crl.encode([(to_octets(5), NOW, None)]).entries[:-1], count=1),
        Body(entries=bytearray(b"\x30\x03\x02\x01\x05"), count=1),
    ],
    ids=["one entry of two", "an entry cut short", "an entry without a date"],
)
def test_crl_whose_entries_are_not_those_that_were_read_is_not_signed(hierarchy: Hierarchy, body: Body) -> None:
    """What is about to be signed is read back, as a certificate is (docs/igc.md, Keys)."""
    frame = Frame(number=7, base=None, this_update=NOW, next_update=NOW + timedelta(days=6))
    with pytest.raises(UnfitToSign):
        crl.sign(hierarchy.authority, frame, body)


def test_delta_that_is_not_newer_than_its_base_is_not_signed(hierarchy: Hierarchy) -> None:
    """RFC 5280 §5.2.4: numbers grow."""
    with pytest.raises(UnfitToSign, match="newer"):
        made(hierarchy.authority, base=7, number=7)


def test_openssl_reads_and_verifies_it(hierarchy: Hierarchy, tmp_path: Path) -> None:
    """Another reader than the one that the code is written with."""
    path, issuer = tmp_path / "crl.der", tmp_path / "issuer.pem"
    path.write_bytes(made(hierarchy.authority, (to_octets(255), NOW, "keyCompromise"), base=5, number=6))
    issuer.write_bytes(hierarchy.authority.certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "crl", "-inform", "DER", "-in", str(path), "-CAfile", str(issuer), "-noout", "-text"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "verify OK" in done.stderr
    for told in ("Serial Number: FF", "Key Compromise", "X509v3 Delta CRL Indicator: critical"):
        assert told in done.stdout
