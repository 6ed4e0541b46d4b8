"""Distinguished names: forms read, form written, comparison."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, strategies as st

from pfcng.pki import names
from pfcng.pki.names import canonical, parse, rfc4514

EMPLOYEE = names.build(
    [(NameOID.COUNTRY_NAME, "FR")],
    [(NameOID.STATE_OR_PROVINCE_NAME, "Côte-d'Or (21)")],
    [(NameOID.ORGANIZATION_NAME, 'HOPITAL, "LES LILAS" + FILS')],
    [(NameOID.ORGANIZATIONAL_UNIT_NAME, "300000000028969")],
    [(NameOID.TITLE, "Personnel santé ou social")],
    [
        (NameOID.GIVEN_NAME, "DENISE"),
        (NameOID.COMMON_NAME, "500000000028969/CPAT0002"),
        (NameOID.SURNAME, "AGENT0000028960002"),
    ],
)

FORMS = {
    "RFC 4514": (
        "givenName=DENISE+CN=500000000028969/CPAT0002+SN=AGENT0000028960002,title=Personnel santé ou social,"
        r"OU=300000000028969,O=HOPITAL\, \"LES LILAS\" \+ FILS,ST=Côte-d'Or (21),C=FR"
    ),
    "RFC 4514, numbers and BER": (
        "2.5.4.42=#0c0644454e495345+CN=500000000028969/CPAT0002+2.5.4.4=#13124147454e5430303030303238393630303032,"
        r"2.5.4.12=Personnel sant\C3\A9 ou social,OU=300000000028969,O=HOPITAL\2C \22LES LILAS\22 \2B FILS,"
        "ST=Côte-d'Or (21),C=FR"
    ),
    "Java": (
        "CN=500000000028969/CPAT0002 + OID.2.5.4.4=AGENT0000028960002 + OID.2.5.4.42=DENISE, "
        "T=Personnel santé ou social, OU=300000000028969, "
        """O="HOPITAL, \\"LES LILAS\\" + FILS", ST=Côte-d'Or (21), C=FR"""
    ),
    "keytool": (
        "SURNAME=AGENT0000028960002 + GIVENNAME=DENISE + CN=500000000028969/CPAT0002, "
        "T=Personnel santé ou social, OU=300000000028969, "
        """O="HOPITAL, \\"LES LILAS\\" + FILS", S=Côte-d'Or (21), C=FR"""
    ),
    ".NET": (
        "SN=AGENT0000028960002 + G=DENISE + CN=500000000028969/CPAT0002, T=Personnel santé ou social, "
        """OU=300000000028969, O="HOPITAL, ""LES LILAS"" + FILS", S=Côte-d'Or (21), C=FR"""
    ),
    "OpenSSL with commas": (
        r"""C = FR, ST = C\C3\B4te-d'Or (21), O = "HOPITAL, \"LES LILAS\" + FILS", OU = 300000000028969, """
        r"title = Personnel sant\C3\A9 ou social, GN = DENISE + SN = AGENT0000028960002 + CN = 500000000028969/CPAT0002"
    ),
    "OpenSSL with slashes": (
        r"""/C=FR/ST=C\xC3\xB4te-d'Or (21)/O=HOPITAL, "LES LILAS" + FILS/OU=300000000028969"""
        r"/title=Personnel sant\xC3\xA9 ou social/GN=DENISE+SN=AGENT0000028960002+CN=500000000028969/CPAT0002"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_text_form_is_the_same_name(form: str) -> None:
    """Java, .NET and OpenSSL print one name in different ways; all are read as that name."""
    assert canonical(parse(FORMS[form])) == canonical(EMPLOYEE)


def test_sample_of_the_guide_is_read() -> None:
    """§11, the X509SubjectName of the sample signature."""
    name = parse(
        "CN=500000000028969/CPAT0002 + \nOID.2.5.4.4=AGENT0000028960002 + OID.2.5.4.42=DENISE, "
        "OU=300000000028969, \nL=Paris (75), O=TEST, C=FR"
    )
    assert names.first(name, NameOID.COMMON_NAME) == "500000000028969/CPAT0002"
    assert names.first(name, NameOID.GIVEN_NAME) == "DENISE"
    assert [attribute.value for attribute in name.rdns[0]] == ["FR"]


def test_not_nominative_card_is_read() -> None:
    """A CPE without name has a pseudonym and neither SN nor GN."""
    name = parse("CN=3760021832/000000018+pseudonym=EMPLOYE000000018,OU=1760021832,C=FR")
    assert names.first(name, NameOID.PSEUDONYM) == "EMPLOYE000000018"
    assert names.first(name, NameOID.SURNAME) is None


@pytest.mark.parametrize(
    "other",
    [
        "CN=Portail  Ville,O=HOPITAL,C=fr",
        "cn=portail ville, o=Hopital, c=FR",
        "/C=FR/O=HOPITAL/CN=PORTAIL VILLE",
        r"CN=\ Portail Ville\ ,O=HOPITAL,C=FR",
    ],
)
def test_case_and_spaces_do_not_count(other: str) -> None:
    """RFC 5280 §7.1."""
    assert canonical(parse(other)) == canonical(parse("CN=Portail Ville,O=HOPITAL,C=FR"))


def test_string_types_do_not_count() -> None:
    """Old cards write PrintableString or T61String where the new ones write UTF8String."""
    assert canonical(parse("CN=#130141,OU=#1401e9,O=#1e0400480048,C=FR")) == canonical(parse("CN=A,OU=é,O=HH,C=FR"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=a,O=b,C=FR", "CN=a,OU=b,C=FR"),
        ("CN=a,O=b,C=FR", "O=b,CN=a,C=FR"),
        ("CN=a+O=b,C=FR", "CN=a,O=b,C=FR"),
        (r"CN=a\+2.5.4.10\=b,C=FR", "CN=a+O=b,C=FR"),
        (r"CN=a\,2.5.4.10\=b,C=FR", "CN=a,O=b,C=FR"),
        ("CN=é,C=FR", "CN=e,C=FR"),
        ("CN=a b,C=FR", "CN=ab,C=FR"),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    """Types, order of the RDNs, their grouping and every character that is not case or space."""
    assert canonical(parse(one)) != canonical(parse(other))


@pytest.mark.parametrize(
    "text", ["", "a", "CN", "CN=a,", "=a", "CN=a,,C=FR", 'CN="a', 'CN=a"b', "FOO=a", "CN=#zz", "CN=#0c05", "CN=a\\"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    """A white list with a fault says so instead of matching nothing."""
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def test_country_is_printable_and_the_rest_utf8() -> None:
    """String types of every real certificate."""
    der = parse("CN=a,C=FR").public_bytes()
    assert der.hex(" ") == "30 19 31 0b 30 09 06 03 55 04 06 13 02 46 52 31 0a 30 08 06 03 55 04 03 0c 01 61"


_VALUES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cn"), max_codepoint=0x2FFF), min_size=1, max_size=14
).filter(lambda value: value.strip() == value)
_TYPES = st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.SURNAME, NameOID.TITLE])
_RDNS = st.lists(st.dictionaries(_TYPES, _VALUES, min_size=1, max_size=3), min_size=1, max_size=4)


@given(_RDNS)
def test_what_is_written_is_read_back(rdns: list[dict[x509.ObjectIdentifier, str]]) -> None:
    """`parse` reverses `rfc4514`, whatever the values hold."""
    name = names.build(*(rdn.items() for rdn in rdns))
    assert parse(rfc4514(name)) == name


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    "option", ["RFC2253", "oneline", "compat", "RFC2253,sep_comma_plus_space,dn_rev", "oneline,utf8,-esc_msb"]
)
def test_forms_that_openssl_prints_are_read(option: str, tmp_path: Path, printed_key: rsa.RSAPrivateKey) -> None:
    """What an administrator copies into a white list."""
    name = names.build(*([(part.oid, str(part.value)) for part in rdn] for rdn in parse(FORMS["RFC 4514"]).rdns))
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(name, name, printed_key.public_key(), 1, now, now + timedelta(days=1)).sign(
        printed_key, hashes.SHA256()
    )
    file = tmp_path / "certificat.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "x509", "-in", str(file), "-noout", "-subject", "-nameopt", option]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert canonical(parse(printed.strip().removeprefix("subject="))) == canonical(EMPLOYEE)
