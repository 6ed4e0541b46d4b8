"""Signing messages with a card: SoftHSM stands for it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pkcs11
import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from lxml import etree
from pkcs11 import Attribute, CertificateType, ObjectClass
from pkcs11.util.rsa import decode_rsa_private_key

from pfcng.client import Profile, ProfileError
from pfcng.pki.cards import Card, choose, find_module, open_card
from pfcng.pki.products import key_usage
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.sources import CredentialError, SecretText
from pfcng.xml import dsig
from pfcng.xml.soap import BODY, SOAP_SEC
from support.softhsm import PIN, SoftToken, soft_token

NOW = datetime.now(UTC)


def make(key: rsa.RSAPrivateKey, *, signs: bool, name: str = "899700075064", days: int = 30) -> x509.Certificate:
    """One of the two certificates of a card."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = key_usage("content_commitment" if signs else "digital_signature")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=90))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def store(token: SoftToken, certificate: x509.Certificate, key: rsa.RSAPrivateKey, identifier: int, label: str) -> None:
    """Put a pair on the card, as the CPx have them: CKA_ID 0x10 for signature, 0x20 for authentication."""
    session = pkcs11.lib(str(token.source.module)).get_token(token_label=token.source.label).open(rw=True, user_pin=PIN)
    identity = bytes([identifier])
    attributes = decode_rsa_private_key(
        key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    private = {Attribute.ID: identity, Attribute.LABEL: label, Attribute.PRIVATE: True, Attribute.TOKEN: True}
    session.create_object({**attributes, **private, Attribute.SENSITIVE: True})
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.CERTIFICATE,
            Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
            Attribute.ID: identity,
            Attribute.SUBJECT: certificate.subject.public_bytes(),
            Attribute.VALUE: certificate.public_bytes(Encoding.DER),
            Attribute.TOKEN: True,
            Attribute.PRIVATE: False,
        }
    )
    session.close()


@pytest.fixture(scope="module")
def token() -> Iterator[SoftToken]:
    """A card with its two certificates."""
    with tempfile.TemporaryDirectory() as folder, soft_token(Path(folder)) as token:
        for identifier, label, signs in ((0x10, "CPS_PRIV_SIG", True), (0x20, "CPS_PRIV_AUT", False)):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            store(token, make(key, signs=signs), key, identifier, label)
        yield token


def card(token: SoftToken, pin: str = PIN, **options: object) -> Card:
    return Card(module=token.source.module, pin=SecretText(value=pin), **options)  # type: ignore[arg-type]


def test_the_card_signs_what_libxmlsec1_verifies(token: SoftToken) -> None:
    """Whatever default namespaces the ancestors of the Body and of SignedInfo declare (C14N 1.0 §2.3)."""
    signature = open_card(card(token), now=NOW)
    payload = etree.fromstring('<a xmlns="urn:x"><b xmlns="">é</b><c xmlns:d="urn:d" d:e="1">&amp;</c></a>')
    message = dsig.sign(payload, certificate=signature.certificate, key=signature.key, default_namespace="urn:autre")
    root = etree.fromstring(message)
    assert root.nsmap[None] == "urn:autre"
    [element] = root.iter("{http://www.w3.org/2000/09/xmldsig#}Signature")
    [body] = root.iter(BODY)
    context = xmlsec.SignatureContext()
    public_key = signature.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    context.key = xmlsec.Key.from_memory(public_key, xmlsec.constants.KeyDataFormatPem)
    context.register_id(body, "id", SOAP_SEC)
    context.verify(element)


def test_the_certificate_with_non_repudiation_is_chosen(token: SoftToken) -> None:
    """The other one is for authentication (guide §11)."""
    chosen = open_card(card(token), now=NOW).certificate
    assert chosen.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    with pytest.raises(CredentialError, match="pas de certificat de signature"):
        open_card(card(token, serial=1), now=NOW)


def test_a_wrong_pin_is_told_and_never_shown(token: SoftToken) -> None:
    """Nor presented twice: a card locks itself."""
    module = pkcs11.lib(str(token.source.module))
    module.finalize()  # another test's log-in would be this one's
    module.initialize()
    with pytest.raises(KeyUnavailable, match="refuse le code PIN") as caught:
        open_card(card(token, pin="999999"), now=NOW)
    assert "999999" not in str(caught.value)


def test_an_expired_certificate_is_told_with_its_end() -> None:
    """The platform would only say that the signature is invalid."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    from pfcng.pki.cards import _OnCard  # noqa: PLC0415 - what the module itself reads

    old = _OnCard(make(key, signs=True, days=-1), b"\x10")
    with pytest.raises(CredentialError, match=f"fin : {NOW - timedelta(days=1):%d/%m/%Y}"):
        choose([old], serial=None, now=NOW)
    two = [_OnCard(make(key, signs=True), b"\x10"), _OnCard(make(key, signs=True), b"\x11")]
    with pytest.raises(CredentialError, match="choisissez par « serie »"):
        choose(two, serial=None, now=NOW)
    assert choose([old, two[1]], serial=None, now=NOW) is two[1]
    assert choose(two, serial=two[0].certificate.serial_number, now=NOW) is two[0]


def test_the_cryptolib_is_found_where_it_is_installed(tmp_path: Path) -> None:
    """Paths of each system, the newest generation first; else the places that were looked at are told."""
    old, new = tmp_path / "cps.so", tmp_path / "cps3.so"
    modules = {"linux": (str(new), str(old))}
    with pytest.raises(CredentialError, match="Cryptolib CPS n’est pas installée"):
        find_module("linux", modules)
    old.touch()
    assert find_module("linux", modules) == old
    new.touch()
    assert find_module("linux", modules) == new
    with pytest.raises(CredentialError):
        find_module("plan9", modules)


PROFILE = """
url = "https://plateforme.example/ws-srv"
confiance = "confiance.pem"
[tls]
certificat = "client.pem"
cle = "client.key"
[signature]
pkcs11 = "{module}"
"""


@pytest.fixture
def folder(token: SoftToken, tmp_path: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = make(key, signs=False).public_bytes(Encoding.PEM)
    for name in ("client.pem", "confiance.pem"):
        (tmp_path / name).write_bytes(certificate)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "client.key").write_bytes(pem)
    (tmp_path / "profil.toml").write_text(PROFILE.format(module=token.source.module))
    return tmp_path


def test_the_pin_comes_from_a_variable_a_file_or_a_person(
    folder: Path, token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from the command line."""
    profile = folder / "profil.toml"
    with pytest.raises(ProfileError, match="Le code PIN de la carte manque"):
        Profile.load(profile)
    asked: list[str] = []
    Profile.load(profile, ask_pin=lambda name: asked.append(name) or PIN)  # type: ignore[func-returns-value]
    assert asked == ["la carte"]
    text = PROFILE.format(module=token.source.module)
    monkeypatch.setenv("PIN_CARTE", PIN)
    profile.write_text(text + 'pin_env = "PIN_CARTE"\njeton = "igc"\n')
    Profile.load(profile)
    (folder / "pin").touch(mode=0o600)
    (folder / "pin").write_text(PIN)
    profile.write_text(text + 'pin_fichier = "pin"\n')
    Profile.load(profile)


def test_a_card_cannot_open_the_connection(folder: Path) -> None:
    """OpenSSL takes the key of [tls] from a file: said, rather than failing later."""
    head, _, end = (folder / "profil.toml").read_text().partition("[signature]")
    card_table = head.partition("[tls]")[0] + '[tls]\npkcs11 = "auto"\n'
    (folder / "profil.toml").write_text(f"{card_table}[signature]{end}")
    with pytest.raises(ProfileError, match=r"\[tls\] « pkcs11 » n’est pas une clé connue"):
        Profile.load(folder / "profil.toml")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)")
@pytest.mark.parametrize(
    "options", [("-legacy",), ("-legacy", "-certpbe", "NONE"), ("-legacy", "-descert"), ()], ids=" ".join
)
def test_old_pkcs12_files_open(folder: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """3DES with SHA-1, certificates in the clear as the platform makes them, RC2-40 of old OpenSSL."""
    source: tuple[str | Path, ...] = (
        "-inkey",
        folder / "client.key",
        "-in",
        folder / "client.pem",
        "-passout",
        "pass:secret",
    )
    command = ["openssl", "pkcs12", "-export", *options, *source, "-out", folder / "carte.p12"]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setenv("MDP", "secret")
    text = (folder / "profil.toml").read_text().partition("[signature]")[0]
    (folder / "profil.toml").write_text(f'{text}[signature]\npkcs12 = "carte.p12"\nmot_de_passe_env = "MDP"\n')
    profile = Profile.load(folder / "profil.toml")
    assert profile.signature.certificate == profile.tls.certificate
