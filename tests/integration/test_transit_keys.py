"""What is particular to transit engines: the token's life, outages, TLS.

Source: docs/cles.md; OpenBao's API, "transit" and "auth/token".
"""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pfcng.pki.signers import transit
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.sources import CredentialError, SecretText, SecretVariable, TransitKey
from pfcng.pki.signers.transit import TransitEngine
from pfcng.pki.signers.transit_token import TokenRefused
from support.monotonic import Monotonic
from support.openbao import OpenBao, open_bao


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with open_bao(tmp_path_factory.mktemp("transit")) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(server: OpenBao) -> TransitKey:
    source = TransitKey(engine=server.source, name="essai")
    with Keyring() as keyring:
        keyring.at(source).make(2048)
    return source


@pytest.fixture
def engine(server: OpenBao, monotonic: Monotonic) -> Iterator[TransitEngine]:
    """Whose token is kept by the test."""
    opened = TransitEngine(server.source, monotonic)
    yield opened
    opened.close()


@pytest.fixture
def key(server: OpenBao, keyring: Keyring, source: TransitKey) -> rsa.RSAPrivateKey:
    server.give_token(ttl="1h")
    found = keyring.at(source).find()
    assert found is not None
    return found


def sign(key: rsa.RSAPrivateKey) -> None:
    signature = key.sign(b"essai", padding.PKCS1v15(), hashes.SHA256())
    key.public_key().verify(signature, b"essai", padding.PKCS1v15(), hashes.SHA256())


def renewals(server: OpenBao, token: str) -> int:
    """When the server last renewed it, in seconds since 1970; 0 for never."""
    facts = server.admin("POST", "auth/token/lookup", {"token": token})["data"]
    return int(facts.get("last_renewal_time") or 0)


def test_token_is_renewed_before_half_of_its_life(server: OpenBao, engine: TransitEngine, monotonic: Monotonic) -> None:
    """And not at each look."""
    token = server.give_token(ttl="90s")
    assert engine._token.keep() == pytest.approx(30, abs=1)
    monotonic.now += 29
    engine._token.keep()
    assert renewals(server, token) == 0
    monotonic.now += 2
    assert 44 >= engine._token.keep() > 25
    assert renewals(server, token) > 0


def test_token_that_cannot_be_renewed_is_used_to_its_end(server: OpenBao, engine: TransitEngine) -> None:
    """It is said in the log; an agent may write another one."""
    server.token_file.write_text(
        server.admin("POST", "auth/token/create", {"policies": ["igc"], "ttl": "90s", "renewable": False})["auth"][
            "client_token"
        ]
    )
    assert engine._token.keep() == 60
    assert engine._token._renew_at == float("inf")


def test_outage_while_renewing_is_tried_again_soon(server: OpenBao, engine: TransitEngine) -> None:
    """A signature does not wait for the token's renewal, and the token stays."""
    server.give_token(ttl="90s")
    server.stop()
    try:
        assert engine._token.keep() == 5
    finally:
        server.start()
    assert engine._token.keep() > 25


def test_revoked_token_is_read_again(server: OpenBao, key: rsa.RSAPrivateKey) -> None:
    """An agent writes a new one in the file before the old one ends."""
    sign(key)
    old = server.token_file.read_text()
    server.admin("POST", "auth/token/revoke", {"token": old})
    with pytest.raises(TokenRefused, match="refuse le jeton"):
        sign(key)
    server.give_token(ttl="1h")
    sign(key)


def test_keeper_takes_the_new_token(server: OpenBao, engine: TransitEngine) -> None:
    """Even when nobody signs."""
    old = server.give_token(ttl="1h")
    engine._token.keep()
    server.admin("POST", "auth/token/revoke", {"token": old})
    engine._token._renew_at = 0
    assert engine._token.keep() == 5
    new = server.give_token(ttl="1h")
    assert engine._token.keep() == 0
    assert engine._token.current() == new


def test_token_without_rights_is_an_outage(server: OpenBao, key: rsa.RSAPrivateKey) -> None:
    """403, as a refused token."""
    poor = server.admin("POST", "auth/token/create", {"policies": ["default"], "ttl": "1h"})["auth"]["client_token"]
    with Keyring() as keyring:
        source = TransitKey(engine=replace(server.source, token=SecretText(value=poor)), name="essai")
        with pytest.raises(KeyUnavailable, match="403") as caught:
            sign(keyring.at(source).open(key.public_key()))
    assert poor not in str(caught.value)


def test_token_that_is_not_there_is_an_outage(server: OpenBao, key: rsa.RSAPrivateKey, keyring: Keyring) -> None:
    """A secret that an agent has not written yet does not stop the program."""
    nowhere = replace(server.source, token=SecretVariable(name="PFCNG_ESSAI_ABSENTE"))
    with pytest.raises(KeyUnavailable, match="PFCNG_ESSAI_ABSENTE"):
        sign(keyring.at(TransitKey(engine=nowhere, name="essai")).open(key.public_key()))


def test_sealed_engine_is_an_outage(server: OpenBao, key: rsa.RSAPrivateKey) -> None:
    """503, until somebody unseals it."""
    server.seal()
    try:
        with pytest.raises(KeyUnavailable, match="scellé"):
            sign(key)
    finally:
        server.unseal()
    sign(key)


def test_engine_that_does_not_answer_is_an_outage(
    server: OpenBao, source: TransitKey, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the ten seconds of who waits for the certificate."""
    assert sum(filter(None, (transit.TIMEOUT.connect, transit.TIMEOUT.read))) < 10
    monkeypatch.setattr(transit, "TIMEOUT", httpx.Timeout(0.3))
    with Keyring() as keyring:
        impatient = keyring.at(source).open(key.public_key())
        server.freeze()
        try:
            with pytest.raises(KeyUnavailable, match="pas à temps"):
                sign(impatient)
        finally:
            server.thaw()
        sign(impatient)


def test_engine_that_was_restarted_signs_at_the_first_try(server: OpenBao, key: rsa.RSAPrivateKey) -> None:
    """The kept connection is dead: the call is made again on a new one."""
    sign(key)
    server.stop()
    server.start()
    sign(key)


def test_server_of_another_authority_is_not_believed(server: OpenBao, key: rsa.RSAPrivateKey) -> None:
    """The token is not sent to whoever holds the address."""
    with Keyring() as keyring:
        source = TransitKey(engine=replace(server.source, ca=None), name="essai")
        with pytest.raises(KeyUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            sign(keyring.at(source).open(key.public_key()))


@pytest.mark.parametrize("address", ["http://bao.example:8200", "http://10.0.0.1:8200", "ftp://localhost", "bao:8200"])
def test_address_in_the_clear_is_refused(server: OpenBao, keyring: Keyring, address: str) -> None:
    """A token that was seen on the network signs for anybody."""
    with pytest.raises(CredentialError, match="https://"):
        keyring.at(TransitKey(engine=replace(server.source, address=address), name="essai"))


def test_proxy_of_the_environment_is_not_used(
    source: TransitKey, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asked for the token to go there."""
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Keyring() as keyring:
        sign(keyring.at(source).open(key.public_key()))


def test_rotation_in_the_engine_changes_nothing(server: OpenBao, source: TransitKey, key: rsa.RSAPrivateKey) -> None:
    """The certificate is that of one version; the next one is another key."""
    server.admin("POST", "transit/keys/essai/rotate")
    sign(key)
    with Keyring() as keyring:
        second = keyring.at(replace(source, version=2)).find()
        assert second is not None
        assert second.public_key() != key.public_key()
        with pytest.raises(CredentialError, match="cette version"):
            keyring.at(replace(source, version=3)).find()


def test_key_of_another_kind_is_refused(server: OpenBao, keyring: Keyring) -> None:
    """The IGC-Santé signs with RSA."""
    server.admin("POST", "transit/keys/courbe", {"type": "ecdsa-p256"})
    with pytest.raises(CredentialError, match="RSA"):
        keyring.at(TransitKey(engine=server.source, name="courbe")).find()


def test_size_that_the_engine_does_not_make_is_refused(server: OpenBao, keyring: Keyring) -> None:
    with pytest.raises(CredentialError, match="1024 bits"):
        keyring.at(TransitKey(engine=server.source, name="petite")).make(1024)
