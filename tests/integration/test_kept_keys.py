"""Keys wherever they are kept: one suite for files, tokens (SoftHSM 2) and transit engines (OpenBao).

Source: docs/igc.md, "Keys"; docs/cles.md.
"""

import copy
import pickle
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import ocsp

from pfcng.pki import names
from pfcng.pki.keys import load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import KeyUnavailable, WrongKey
from pfcng.pki.signers.pkcs11_token import PAUSE
from pfcng.pki.signers.sources import CredentialError, FileKey, KeySource, SecretFile, SecretVariable
from support.monotonic import Monotonic
from support.places import KINDS, OUTSIDE, PASSWORD_VARIABLE, Place, open_place

PKCS1 = padding.PKCS1v15()
MESSAGE = "à signer".encode()
OUTSIDE_ONLY = pytest.mark.parametrize("place", OUTSIDE, indirect=True)
"""A key in a file is inside, once loaded."""
HASHES = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSWORD_VARIABLE, "un mot de passe d’essai")
        with open_place(request.param, tmp_path_factory.mktemp(request.param)) as opened:
            yield opened


@pytest.fixture(scope="module")
def source(place: Place) -> KeySource:
    """A key of 2 048 bits that was made there."""
    source = place.source("essai")
    with Keyring() as keyring:
        keyring.at(source).make(2048)
    return source


@pytest.fixture
def key(keyring: Keyring, source: KeySource) -> rsa.RSAPrivateKey:
    found = keyring.at(source).find()
    assert found is not None
    return found


def certificate_of(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name, now = names.parse("CN=essai,C=FR"), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def pem_file(folder: Path, certificate: x509.Certificate) -> Path:
    path = folder / "certificat.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


def verify(key: rsa.RSAPrivateKey, signature: bytes) -> None:
    key.public_key().verify(signature, MESSAGE, PKCS1, hashes.SHA256())


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda algorithm: algorithm.name)
def test_signature_is_the_one_that_the_public_key_verifies(
    key: rsa.RSAPrivateKey, algorithm: hashes.HashAlgorithm
) -> None:
    """PKCS #1 v1.5, whoever pads; and the same bytes each time."""
    signature = key.sign(MESSAGE, PKCS1, algorithm)
    key.public_key().verify(signature, MESSAGE, PKCS1, algorithm)
    assert key.sign(MESSAGE, PKCS1, algorithm) == signature


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda algorithm: algorithm.name)
def test_digest_made_before_gives_the_same_signature(key: rsa.RSAPrivateKey, algorithm: hashes.HashAlgorithm) -> None:
    """A large CRL is hashed as it is written."""
    hasher = hashes.Hash(algorithm)
    hasher.update(MESSAGE)
    assert key.sign(hasher.finalize(), PKCS1, utils.Prehashed(algorithm)) == key.sign(MESSAGE, PKCS1, algorithm)


def test_digest_of_another_length_is_refused(key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="digest"):
        key.sign(b"court", PKCS1, utils.Prehashed(hashes.SHA256()))


def test_builders_take_the_key(key: rsa.RSAPrivateKey) -> None:
    """Certificates, CRLs, OCSP answers and CMS."""
    certificate, now = certificate_of(key), datetime.now(UTC)
    certificate.verify_directly_issued_by(certificate)
    crl = x509.CertificateRevocationListBuilder(certificate.subject, now, now + timedelta(days=1))
    assert crl.sign(key, hashes.SHA256()).is_signature_valid(key.public_key())
    answer = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            certificate,
            certificate,
            hashes.SHA256(),
            ocsp.OCSPCertStatus.GOOD,
            now,
            now,
            None,
            None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .sign(key, hashes.SHA256())
    )
    key.public_key().verify(answer.signature, answer.tbs_response_bytes, PKCS1, hashes.SHA256())
    signer = pkcs7.PKCS7SignatureBuilder().set_data(MESSAGE).add_signer(certificate, key, hashes.SHA256())
    assert signer.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature])


def test_openssl_accepts_what_the_key_signed(key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    """An independent reader of the same certificate."""
    path = pem_file(tmp_path, certificate_of(key))
    subprocess.run(["openssl", "verify", "-CAfile", path, path], check=True, capture_output=True)


def test_several_threads_sign_with_one_key(key: rsa.RSAPrivateKey) -> None:
    """Signatures do not mix."""
    messages = [f"message {number}".encode() for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        signatures = list(threads.map(lambda message: key.sign(message, PKCS1, hashes.SHA256()), messages))
    for message, signature in zip(messages, signatures, strict=True):
        key.public_key().verify(signature, message, PKCS1, hashes.SHA256())


def test_key_is_found_again(keyring: Keyring, source: KeySource, key: rsa.RSAPrivateKey) -> None:
    """By its description alone; by its public half, it is opened."""
    found = keyring.at(source).open(key.public_key())
    verify(found, found.sign(MESSAGE, PKCS1, hashes.SHA256()))
    assert found.key_size == 2048
    assert found.public_key() == key.public_key()


def test_key_that_was_never_made_is_not_found(keyring: Keyring, place: Place) -> None:
    assert keyring.at(place.source("personne")).find() is None


def test_key_is_never_made_twice(keyring: Keyring, source: KeySource, key: rsa.RSAPrivateKey) -> None:
    """What is there stays as it is."""
    with pytest.raises(CredentialError, match="existe déjà"):
        keyring.at(source).make(2048)
    found = keyring.at(source).find()
    assert found is not None
    assert found.public_key() == key.public_key()


def test_credential_is_proven_at_start(
    keyring: Keyring, source: KeySource, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    """The certificate is the key's."""
    certificate = certificate_of(key)
    credential = load_kept(pem_file(tmp_path, certificate), source, keyring)
    assert (credential.certificate, credential.chain) == (certificate, ())
    verify(key, credential.key.sign(MESSAGE, PKCS1, hashes.SHA256()))


def test_certificate_of_another_key_is_refused_at_start(keyring: Keyring, source: KeySource, tmp_path: Path) -> None:
    """An authority that would sign under another's name does not start."""
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(CredentialError, match="clé"):
        load_kept(pem_file(tmp_path, certificate_of(stranger)), source, keyring)


def test_key_of_4096_bits_is_made(keyring: Keyring, place: Place) -> None:
    """The size of the real authorities."""
    key = keyring.at(place.source(f"grande-{uuid4()}")).make(4096)
    assert key.key_size == 4096
    verify(key, key.sign(MESSAGE, PKCS1, hashes.SHA256()))


@OUTSIDE_ONLY
def test_outside_key_signs_nothing_but_pkcs1_over_sha2(key: rsa.RSAPrivateKey) -> None:
    """What the profiles do not use is not asked of the device."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    for how, algorithm in (
        (pss, hashes.SHA256()),
        (PKCS1, hashes.SHA1()),  # noqa: S303 - refused
        (PKCS1, hashes.SHA3_256()),
        (PKCS1, utils.Prehashed(hashes.SHA512_256())),
    ):
        with pytest.raises(UnsupportedAlgorithm):
            key.sign(bytes(32), how, algorithm)


@OUTSIDE_ONLY
def test_outside_key_gives_nothing_away(key: rsa.RSAPrivateKey) -> None:
    """Neither numbers nor bytes, nor a secret in what is printed; copies are the key itself."""
    for ask in (
        key.private_numbers,
        lambda: key.decrypt(bytes(256), PKCS1),
        lambda: key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    ):
        with pytest.raises(UnsupportedAlgorithm):
            ask()
    assert copy.copy(key) is copy.deepcopy(key) is key
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert repr(key).endswith("PrivateKey 2048 bits>")
    assert "essai" in str(key)


@OUTSIDE_ONLY
def test_outage_passes(
    place: Place, keyring: Keyring, source: KeySource, key: rsa.RSAPrivateKey, monotonic: Monotonic
) -> None:
    """While it lasts the key is unavailable; after it, the same key signs, without a new start."""
    verify(key, key.sign(MESSAGE, PKCS1, hashes.SHA256()))
    place.lose()
    try:
        for _ in range(2):
            with pytest.raises(KeyUnavailable):
                key.sign(MESSAGE, PKCS1, hashes.SHA256())
        with pytest.raises(KeyUnavailable):
            keyring.at(source).find()
    finally:
        place.restore()
    monotonic.now += PAUSE
    verify(key, key.sign(MESSAGE, PKCS1, hashes.SHA256()))


@OUTSIDE_ONLY
def test_key_that_is_away_does_not_stop_a_start(
    place: Place, source: KeySource, key: rsa.RSAPrivateKey, tmp_path: Path, monotonic: Monotonic
) -> None:
    """Its authority is unavailable; when the key is back it proves itself, then signs."""
    path = pem_file(tmp_path, certificate_of(key))
    with Keyring(monotonic) as keyring:
        place.lose()
        try:
            credential = load_kept(path, source, keyring)
            with pytest.raises(KeyUnavailable):
                credential.key.sign(MESSAGE, PKCS1, hashes.SHA256())
        finally:
            place.restore()
        monotonic.now += PAUSE
        verify(key, credential.key.sign(MESSAGE, PKCS1, hashes.SHA256()))


@OUTSIDE_ONLY
def test_other_key_under_the_name_signs_nothing(
    place: Place, source: KeySource, key: rsa.RSAPrivateKey, tmp_path: Path, monotonic: Monotonic
) -> None:
    """A key that was away and comes back as another one is refused before its first signature."""
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = pem_file(tmp_path, certificate_of(stranger))
    with Keyring(monotonic) as keyring:
        place.lose()
        try:
            credential = load_kept(path, source, keyring)
        finally:
            place.restore()
        monotonic.now += PAUSE
        with pytest.raises(WrongKey, match="pas avec la clé de son certificat"):
            credential.key.sign(MESSAGE, PKCS1, hashes.SHA256())
    assert key.public_key() != stranger.public_key()


class TestFiles:
    """What is particular to files."""

    def test_key_that_anybody_can_read_is_refused(self, tmp_path: Path, keyring: Keyring) -> None:
        """The sentence says what to do."""
        source = FileKey(path=tmp_path / "ac.key")
        keyring.at(source).make(2048)
        source.path.chmod(0o644)
        with pytest.raises(CredentialError, match=r"ouvert à tous les comptes.*chmod o="):
            keyring.at(source).find()

    def test_made_file_is_its_owners(self, tmp_path: Path, keyring: Keyring) -> None:
        """And it is encrypted when a password is given."""
        secret = tmp_path / "secret"
        secret.touch(mode=0o600)
        secret.write_text("mot de passe\n")
        source = FileKey(path=tmp_path / "ac.key", password=SecretFile(path=secret))
        keyring.at(source).make(2048)
        assert source.path.stat().st_mode & 0o777 == 0o600
        assert b"ENCRYPTED" in source.path.read_bytes()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["ac.key", "secret"]

    @pytest.mark.parametrize("value", ["", "un autre"])
    def test_wrong_password_is_told(
        self, tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """Empty, or another; the message does not have it."""
        source = FileKey(path=tmp_path / "ac.key", password=SecretVariable(name="PFCNG_ESSAI"))
        monkeypatch.setenv("PFCNG_ESSAI", "le bon")
        keyring.at(source).make(2048)
        monkeypatch.setenv("PFCNG_ESSAI", value)
        with pytest.raises(CredentialError) as caught:
            keyring.at(source).find()
        assert "mot de passe est incorrect" in str(caught.value) or "PFCNG_ESSAI" in str(caught.value)
        assert "un autre" not in str(caught.value)

    def test_secret_file_that_anybody_can_read_is_refused(self, tmp_path: Path) -> None:
        """A PIN, a password or a token is kept as a key is."""
        path = tmp_path / "pin"
        path.write_text("246810\n")
        path.chmod(0o604)
        with pytest.raises(CredentialError, match="chmod o="):
            SecretFile(path=path).read()
