"""DNs as Java, .NET and OpenSSL print them, to the letter."""

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
from pfcng.pki.name_forms import FORMS

ORGANISATION = names.build(
    ((NameOID.COUNTRY_NAME, "FR"),),
    ((NameOID.STATE_OR_PROVINCE_NAME, "Rhône (69)"),),
    ((NameOID.ORGANIZATION_NAME, "AGENCE DES SYSTEMES D'INFORMATION PARTAG"),),
    ((NameOID.COMMON_NAME, "INSI-AUTO"),),
)
PERSON = names.build(
    ((NameOID.COUNTRY_NAME, "FR"),),
    ((NameOID.TITLE, "Médecin"),),
    ((NameOID.GIVEN_NAME, "CECILE"), (NameOID.COMMON_NAME, "899700075064"), (NameOID.SURNAME, "SAGECH0007506")),
)
ODD = names.build(
    ((NameOID.COUNTRY_NAME, "FR"),),
    ((NameOID.ORGANIZATION_NAME, 'A, "B" + C; <D> = \\E/F#'),),
    ((NameOID.ORGANIZATIONAL_UNIT_NAME, " #x "),),
    ((NameOID.ORGANIZATIONAL_UNIT_NAME, "#debut"),),
    ((NameOID.PSEUDONYM, "EMPLOYE000000018"), (NameOID.COMMON_NAME, "3760021832/000000018")),
    ((NameOID.SERIAL_NUMBER, "12"),),
    ((NameOID.EMAIL_ADDRESS, "a@b.fr"),),
    ((NameOID.COMMON_NAME, "a  b"),),
)
NAMES = {"organisation": ORGANISATION, "person": PERSON, "odd": ODD}

EXPECTED = {
    "java": "GIVENNAME=CECILE + CN=899700075064 + SURNAME=SAGECH0007506, T=Médecin, C=FR",
    "java_rfc2253": (
        "2.5.4.42=#0c06434543494c45+CN=899700075064+2.5.4.4=#0c0d53414745434830303037353036,"
        "2.5.4.12=#0c084dc3a9646563696e,C=FR"
    ),
    "dotnet": "G=CECILE + CN=899700075064 + SN=SAGECH0007506, T=Médecin, C=FR",
    "openssl": r"C = FR, title = M\C3\A9decin, GN = CECILE + CN = 899700075064 + SN = SAGECH0007506",
    "openssl_rfc2253": r"SN=SAGECH0007506+CN=899700075064+GN=CECILE,title=M\C3\A9decin,C=FR",
    "openssl_barres": r"/C=FR/title=M\xC3\xA9decin/GN=CECILE+CN=899700075064+SN=SAGECH0007506",
}


@pytest.mark.parametrize("form", FORMS)
def test_person_is_written_as_the_tool_does(form: str) -> None:
    """A multi-valued RDN and an accent, in each tool's own way."""
    assert FORMS[form](PERSON) == EXPECTED[form]


def test_dotnet_quotes_and_abbreviates() -> None:
    """S for the state; a value with a separator in quotes, its own quotes doubled."""
    text = FORMS["dotnet"](ODD)
    assert 'O="A, ""B"" + C; <D> = \\E/F#"' in text
    assert FORMS["dotnet"](ORGANISATION).startswith("CN=INSI-AUTO, O=AGENCE DES SYSTEMES D'INFORMATION PARTAG, S=Rhône")


_VALUES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cn", "Zl", "Zp"), blacklist_characters="\\", max_codepoint=0x2FFF),
    min_size=1,
    max_size=14,
).filter(lambda value: value.strip() == value)
_TYPES = st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.SURNAME, NameOID.PSEUDONYM])


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(st.dictionaries(_TYPES, _VALUES, min_size=1, max_size=3), min_size=1, max_size=3))
def test_every_form_is_read_back(form: str, rdns: list[dict[x509.ObjectIdentifier, str]]) -> None:
    """A white list in any form names the same holder (a backslash apart, which .NET and the bars leave ambiguous)."""
    name = names.build([(NameOID.COUNTRY_NAME, "FR")], *(rdn.items() for rdn in rdns))
    assert names.canonical(names.parse(FORMS[form](name))) == names.canonical(name)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, printed_key: rsa.RSAPrivateKey) -> dict[str, Path]:
    """A certificate for each name."""
    folder, now = tmp_path_factory.mktemp("noms"), datetime.now(UTC)
    for label, name in NAMES.items():
        builder = x509.CertificateBuilder(name, name, printed_key.public_key(), 1, now, now + timedelta(days=1))
        certificate = builder.sign(printed_key, hashes.SHA256())
        folder.joinpath(f"{label}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return {label: folder / f"{label}.pem" for label in NAMES}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("label", NAMES)
@pytest.mark.parametrize(
    ("form", "option"), [("openssl", "oneline"), ("openssl_rfc2253", "RFC2253"), ("openssl_barres", "compat")]
)
def test_openssl_prints_the_same(files: dict[str, Path], label: str, form: str, option: str) -> None:
    """The real program, on the same certificate."""
    command = ["openssl", "x509", "-in", str(files[label]), "-noout", "-subject", "-nameopt", option]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.rstrip("\n").removeprefix("subject=") == FORMS[form](NAMES[label])


JAVA = """
import java.io.*; import java.security.cert.*;
public class Noms { public static void main(String[] files) throws Exception {
  var out = new PrintStream(System.out, true, "UTF-8");
  for (var file : files) {
    var made = CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(file));
    var name = ((X509Certificate) made).getSubjectX500Principal();
    out.println(name); out.println(name.getName()); } } }
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")
def test_java_prints_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    """The real class, on the same certificates."""
    program = tmp_path / "Noms.java"
    program.write_text(JAVA)
    command = ["java", str(program), *(str(files[label]) for label in NAMES)]
    lines = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.splitlines()
    assert lines == [FORMS[form](name) for name in NAMES.values() for form in ("java", "java_rfc2253")]
