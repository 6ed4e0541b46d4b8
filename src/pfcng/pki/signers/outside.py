"""A private key that is somewhere else: what is signed is hashed here, the digest is signed there.

`cryptography` takes it wherever it takes one of its own keys: builders of certificates, CRLs, OCSP answers and CMS.
"""

from abc import abstractmethod
from typing import Any, Final, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as paddings, rsa, utils

PROOF: Final = b"pfcng: this key belongs to this certificate"
"""What a key signs to show whose it is."""

DIGEST_INFO: Final = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What goes before the digest in an RSASSA-PKCS1-v1_5 signature, by the hash's name (RFC 8017 §9.2 note 1)."""


class KeyUnavailable(Exception):
    """A key cannot sign now; the message is French, says why, and holds no secret."""


class WrongKey(KeyUnavailable):
    """What answers under the key's name is another key: no waiting mends it."""


class SigningKey(rsa.RSAPrivateKey):
    """A private key that signs and does nothing else; its numbers are nobody's business.

    Args:
        public_key: Its public half.
    """

    def __init__(self, public_key: rsa.RSAPublicKey) -> None:
        self._public_key = public_key

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key_size} bits>"

    def __copy__(self) -> "SigningKey":
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> "SigningKey":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key does not leave its process")

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """The public half."""
        return self._public_key

    def decrypt(self, *_: object) -> NoReturn:
        """Refused."""
        raise UnsupportedAlgorithm("this key only signs")

    def private_numbers(self) -> NoReturn:
        """Refused."""
        raise UnsupportedAlgorithm("this key keeps its numbers")

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        raise UnsupportedAlgorithm("this key keeps its numbers")


class OutsideKey(SigningKey):
    """A key that another device or server holds.

    Its first signature is one that proves it, and no signature leaves before the public key has verified it: neither
    another key under the same name nor a fault in the device shows.
    """

    def __init__(self, public_key: rsa.RSAPublicKey) -> None:
        super().__init__(public_key)
        self._proven = False

    def sign(self, data: Any, padding: paddings.AsymmetricPadding, algorithm: Any) -> bytes:
        """Sign with PKCS #1 v1.5 over SHA-256, 384 or 512.

        Raises:
            KeyUnavailable: the key cannot be reached, or what signs is another key.
            UnsupportedAlgorithm: another padding or hash.
            ValueError: a digest that is not of its hash's length.
        """
        if not isinstance(padding, paddings.PKCS1v15):
            raise UnsupportedAlgorithm("outside keys sign with PKCS #1 v1.5")
        digest, hash_algorithm = _digest(data, algorithm)
        if not self._proven:
            self.prove()
        return self._verified(digest, hash_algorithm)

    def prove(self) -> None:
        """Make the key show that it is the one of its public half.

        Raises:
            KeyUnavailable: it cannot be reached.
            WrongKey: it is another.
        """
        self._verified(*_digest(PROOF, hashes.SHA256()))
        self._proven = True

    @abstractmethod
    def sign_digest(self, digest: bytes, hash_name: str) -> bytes:
        """Have the digest signed.

        Args:
            digest: Of the hash's length.
            hash_name: A key of `DIGEST_INFO`.

        Raises:
            KeyUnavailable: it cannot be done now.
        """

    def _verified(self, digest: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
        signature = self.sign_digest(digest, algorithm.name)
        try:
            self._public_key.verify(signature, digest, paddings.PKCS1v15(), utils.Prehashed(algorithm))
        except InvalidSignature as error:
            self._proven = False
            raise WrongKey(f"{self} signe, mais pas avec la clé de son certificat.") from error
        return signature


def is_key_of(key: rsa.RSAPrivateKey, public_key: rsa.RSAPublicKey) -> bool:
    """Whether a key signs what the public key verifies.

    Raises:
        KeyUnavailable: it cannot be reached.
    """
    try:
        signature = key.sign(PROOF, paddings.PKCS1v15(), hashes.SHA256())
        public_key.verify(signature, PROOF, paddings.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError, WrongKey):
        return False
    return True


def _digest(data: Any, algorithm: object) -> tuple[bytes, hashes.HashAlgorithm]:
    """The digest, and which hash made it."""
    if isinstance(algorithm, utils.Prehashed):
        accepted = _accepted(algorithm._algorithm)  # noqa: SLF001 - there is no other way to read it
        digest = bytes(data)
        if len(digest) != accepted.digest_size:
            raise ValueError("the digest is not of its hash's length")
        return digest, accepted
    hasher = hashes.Hash(accepted := _accepted(algorithm))
    hasher.update(data)
    return hasher.finalize(), accepted


def _accepted(algorithm: object) -> hashes.HashAlgorithm:
    if not isinstance(algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        raise UnsupportedAlgorithm(f"outside keys do not sign {type(algorithm).__name__}")
    return algorithm
