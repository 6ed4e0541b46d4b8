"""A whole obtention signed by a card: SoftHSM holds the sandbox's, the platform verifies."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pkcs11 import Attribute, CertificateType, ObjectClass
from pkcs11.util.rsa import decode_rsa_private_key

from pfcng.pki.keys import load_pem
from support.live import Sandbox
from support.parc import Run
from support.softhsm import PIN, SoftToken, soft_token


@pytest.fixture
def token() -> Iterator[SoftToken]:
    with tempfile.TemporaryDirectory() as folder, soft_token(Path(folder)) as token:
        yield token


def put_on(token: SoftToken, certificate: Path, key: Path, identifier: bytes) -> None:
    """A pair of the sandbox's card, as the CPx hold theirs."""
    pair = load_pem(certificate, key)
    module = pkcs11.lib(str(token.source.module))
    with module.get_token(token_label=token.source.label).open(rw=True, user_pin=PIN) as session:
        numbers = pair.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        private = {Attribute.ID: identifier, Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SENSITIVE: True}
        session.create_object({**decode_rsa_private_key(numbers), **private})
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.ID: identifier,
                Attribute.SUBJECT: pair.certificate.subject.public_bytes(),
                Attribute.VALUE: pair.certificate.public_bytes(Encoding.DER),
                Attribute.TOKEN: True,
                Attribute.PRIVATE: False,
            }
        )


@pytest.fixture
def profile(sandbox: Sandbox, token: SoftToken, tmp_path: Path) -> Path:
    """Messages signed by the card, the connection opened by a server's certificate."""
    card, server = sandbox.description["cartes"]["cpa-editeur"], sandbox.description["serveurs"]["editeur"]
    for identifier, use in ((b"\x20", "auth"), (b"\x10", "sign")):
        put_on(token, sandbox.path(card[use]["certificat"]), sandbox.path(card[use]["cle"]), identifier)
    (tmp_path / "pin").touch(mode=0o600)
    (tmp_path / "pin").write_text(PIN)
    file = tmp_path / "carte.toml"
    file.write_text(
        f'url = "{sandbox.description["urls"]["ws_srv"]}"\nconfiance = "{sandbox.anchors}"\n'
        f'autorites = "{sandbox.directory}/profils/autorites.pem"\n'
        f'[tls]\ncertificat = "{sandbox.path(server["certificat"])}"\ncle = "{sandbox.path(server["cle"])}"\n'
        f'[signature]\npkcs11 = "{token.source.module}"\npin_fichier = "pin"\n'
    )
    return file


def test_a_card_obtains_a_certificate(profile: Path, tmp_path: Path) -> None:
    """Two signatures of the card, demande and retrait; the JSON on the standard output stays JSON."""
    obtained = Run(
        *("obtenir", "--profil", profile, "--offre", "ORG", "--usage", "SIGN", "--struct", "1750099012"),
        *("--nom-applicatif", "carte", "--mail-demandeur", "a@hopital.example"),
        *(
            "--mail-informer",
            "b@hopital.example",
            "--sortie",
            tmp_path / "carte",
            "--parc",
            tmp_path / "parc",
            "--json",
        ),
    )
    assert obtained.status == 0, obtained.stdout + obtained.stderr
    assert obtained.document["sujet"].startswith("CN=carte,OU=1750099012")
    assert PIN not in obtained.stdout + obtained.stderr


def test_a_wrong_pin_is_a_fault_of_the_profile(profile: Path, tmp_path: Path) -> None:
    """Told before a folder is made; nothing is sent."""
    (tmp_path / "pin").write_text("999999")
    pkcs11.lib(str(_module(profile))).reinitialize()  # another test's log-in would be this one's
    refused = Run("suivre", "--profil", profile, "--offre", "ORG", "--struct", "1750099012", "--json")
    assert (refused.status, "refuse le code PIN" in refused.document["message"]) == (2, True)


def _module(profile: Path) -> str:
    return profile.read_text().partition('pkcs11 = "')[2].partition('"')[0]
