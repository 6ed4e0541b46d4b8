"""What is particular to PKCS#11 tokens: PINs, lost sessions, keys that never leave.

Source: docs/cles.md; PKCS #11 v3.0.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass

from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.pkcs11_token import PAUSE
from pfcng.pki.signers.sources import CredentialError, SecretText, SecretVariable, TokenKey
from support.monotonic import Monotonic
from support.softhsm import PIN, SoftToken, soft_token


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    with soft_token(tmp_path_factory.mktemp("jeton")) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(token: SoftToken) -> TokenKey:
    source = TokenKey(token=token.source, label="essai")
    with Keyring() as keyring:
        keyring.at(source).make(2048)
    return source


def sign(key: rsa.RSAPrivateKey) -> None:
    signature = key.sign(b"essai", padding.PKCS1v15(), hashes.SHA256())
    key.public_key().verify(signature, b"essai", padding.PKCS1v15(), hashes.SHA256())


def found(keyring: Keyring, source: TokenKey) -> rsa.RSAPrivateKey:
    key = keyring.at(source).find()
    assert key is not None
    return key


def objects(token: SoftToken, label: str) -> list[pkcs11.Object]:
    """As the module shows them."""
    return list(token.open().get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: label}))


def test_made_key_never_leaves(token: SoftToken, keyring: Keyring, source: TokenKey) -> None:
    """Sensitive and not extractable since it was made, inside, and it does nothing but sign."""
    sign(found(keyring, source))
    (key,) = objects(token, "essai")
    assert all(
        key[name] is True
        for name in (
            Attribute.PRIVATE,
            Attribute.SENSITIVE,
            Attribute.ALWAYS_SENSITIVE,
            Attribute.NEVER_EXTRACTABLE,
            Attribute.LOCAL,
            Attribute.SIGN,
        )
    )
    assert not any(key[name] for name in (Attribute.EXTRACTABLE, Attribute.DECRYPT, Attribute.UNWRAP))
    with pytest.raises(pkcs11.AttributeSensitive):
        key[Attribute.PRIVATE_EXPONENT]


def test_key_is_found_by_its_id(token: SoftToken, keyring: Keyring, source: TokenKey) -> None:
    """Keys that another program made may have no label; the id of ours is the label's bytes."""
    by_id = TokenKey(token=token.source, id=b"essai")
    assert found(keyring, by_id).public_key() == found(keyring, source).public_key()
    assert keyring.at(replace(by_id, id=b"autre")).find() is None


def test_key_without_a_name_is_no_description(token: SoftToken) -> None:
    with pytest.raises(CredentialError, match="étiquette"):
        TokenKey(token=token.source)


def test_name_of_two_keys_is_refused(token: SoftToken, keyring: Keyring, source: TokenKey) -> None:
    """Which one would sign is nobody's guess."""
    sign(found(keyring, source))
    session = token.open(rw=True)
    for number in (b"1", b"2"):
        session.generate_keypair(
            KeyType.RSA,
            2048,
            id=number,
            label="double",
            store=True,
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        )
    double = TokenKey(token=token.source, label="double")
    with pytest.raises(KeyUnavailable, match="pas la seule"):
        keyring.at(double).find()
    sign(found(keyring, replace(double, id=b"2")))


def test_two_keyrings_of_one_process_share_the_log_in(keyring: Keyring, source: TokenKey) -> None:
    """A token is opened once for a process, and closed for all of it: the other one opens it again."""
    first = found(keyring, source)
    with Keyring() as other:
        sign(found(other, source))
        sign(first)
    sign(first)


@pytest.mark.parametrize("how", ["reinitialize", "finalize"])
def test_module_that_another_part_of_the_process_resets_is_opened_again(
    token: SoftToken, keyring: Keyring, source: TokenKey, how: str
) -> None:
    """Every session and handle is void: the next signature finds the token again."""
    key = found(keyring, source)
    reset: Callable[[], None] = getattr(pkcs11.lib(str(token.source.module)), how)
    reset()
    sign(key)


def test_refused_pin_is_presented_once(
    token: SoftToken, source: TokenKey, monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token locks itself after a few: nothing is tried until the PIN has changed."""
    monkeypatch.setenv("PFCNG_ESSAI_PIN", "999999")
    variable = replace(source, token=replace(token.source, pin=SecretVariable(name="PFCNG_ESSAI_PIN")))
    pkcs11.lib(str(token.source.module)).reinitialize()  # nobody is logged in
    with Keyring(monotonic) as keyring:
        with pytest.raises(KeyUnavailable, match=r"refuse le code PIN \(PinIncorrect\)"):
            keyring.at(variable).find()
        for _ in range(20):
            monotonic.now += PAUSE
            with pytest.raises(KeyUnavailable, match="pas présenté une seconde fois") as caught:
                keyring.at(variable).find()
            assert "999999" not in str(caught.value)
        monkeypatch.setenv("PFCNG_ESSAI_PIN", PIN)
        sign(found(keyring, variable))


def test_pin_that_is_not_there_is_an_outage(token: SoftToken, keyring: Keyring) -> None:
    """A secret that an agent has not written yet does not stop the program."""
    pkcs11.lib(str(token.source.module)).reinitialize()
    nowhere = replace(token.source, pin=SecretVariable(name="PFCNG_ESSAI_ABSENTE"))
    with pytest.raises(KeyUnavailable, match="PFCNG_ESSAI_ABSENTE"):
        keyring.at(TokenKey(token=nowhere, label="essai")).find()


def test_secrets_are_not_shown(token: SoftToken) -> None:
    """In no text that may reach a log."""
    source = TokenKey(token=replace(token.source, pin=SecretText(value=PIN)), label="essai")
    assert PIN not in f"{source!r}{source}"


def test_token_of_the_same_name_without_the_key_is_an_outage(
    token: SoftToken, keyring: Keyring, source: TokenKey, monotonic: Monotonic
) -> None:
    """Someone initialised another token: no key is made by itself, and the true one is found when it is back."""
    key = found(keyring, source)
    token.lose()
    try:
        token.replace()
        with pytest.raises(KeyUnavailable, match="n’existe pas"):
            key.sign(b"essai", padding.PKCS1v15(), hashes.SHA256())
    finally:
        token.restore()
    monotonic.now += PAUSE
    sign(key)


def test_module_is_not_initialised_again_at_every_signature(
    token: SoftToken, keyring: Keyring, source: TokenKey, monotonic: Monotonic
) -> None:
    """Each time ends the sessions of the module's other tokens."""
    key = found(keyring, source)
    sign(key)
    token.lose()
    try:
        token.folder.mkdir()  # a module that sees no token is initialised well
        with pytest.raises(KeyUnavailable, match="ne répond pas"):
            sign(key)
    finally:
        token.restore()
    with pytest.raises(KeyUnavailable, match="ne répond pas"):
        sign(key)
    monotonic.now += PAUSE
    sign(key)


def test_module_that_is_not_there_is_an_outage(token: SoftToken, keyring: Keyring, tmp_path: Path) -> None:
    """Named by what was looked for."""
    absent = replace(token.source, module=tmp_path / "absent.so")
    with pytest.raises(KeyUnavailable, match="jeton « igc » ne répond pas"):
        keyring.at(TokenKey(token=absent, label="essai")).find()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_process_does_not_use_its_parents_token(keyring: Keyring, source: TokenKey) -> None:
    """A module must be initialised anew after a fork (PKCS #11 v3.0 §5.6): refused, and the parent goes on."""
    key = keyring.at(source).find()
    assert key is not None
    sign(key)
    child = os.fork()
    if not child:
        try:
            sign(key)
        except KeyUnavailable:
            os._exit(7)
        os._exit(8)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    sign(key)
