"""The vault: revocation codes and passwords of PKCS#12 files, one encrypted file.

Scrypt makes a key of the passphrase, AES-256-GCM encrypts the whole content with it, and the header (version, cost,
salt) is authenticated with it. The file is replaced at once; whoever changes it holds its lock and reads it anew first.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pfcng.client.errors import ClientError
from pfcng.client.files import exclusive, file_fault, replace_whole

FILE_NAME: Final = "coffre.json"
_VERSION: Final = 1
_COST: Final = {"n": 2**16, "r": 8, "p": 1}
"""64 MiB and about 0.2 s a guess (RFC 7914)."""
_MAX_COST: Final = 2**20
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class VaultError(ClientError):
    """The vault cannot be opened or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The secrets of one certificate.

    Attributes:
        identifiant: Of the certificate's obtention.
        nom: For people: the name of the folder.
        dossier: The folder, when the entry was made.
        creee_le: ISO 8601.
        code_revocation: What allows an emergency revocation (guide §15.1).
        mot_de_passe_p12: What opens the PKCS#12 files.
    """

    identifiant: str
    nom: str
    dossier: str
    creee_le: str
    code_revocation: str = field(repr=False)
    mot_de_passe_p12: str = field(repr=False)


class Vault:
    """An open vault: the key is made once, at opening."""

    def __init__(self, file: Path, passphrase: str) -> None:
        """Open the vault of ``file``; one that does not exist is made at the first ``put``.

        Raises:
            VaultError: It cannot be read, or the passphrase is wrong.
        """
        self._file = file
        document = _read(file)
        self._header = document["entete"] if document else _new_header()
        self._key = _derive(passphrase, self._header)
        if document:
            self._decrypt(document)

    def entries(self) -> list[Entry]:
        """Everything in it, oldest first.

        Raises:
            VaultError: It cannot be read, or it was changed by somebody who has not the passphrase.
        """
        document = _read(self._file)
        return self._decrypt(document) if document else []

    def find(self, identifiant: str) -> Entry | None:
        """One entry.

        Raises:
            VaultError: as ``entries``.
        """
        return next((entry for entry in self.entries() if entry.identifiant == identifiant), None)

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one of the same identifier; it is on the disk afterwards.

        Raises:
            VaultError: as ``entries``; also when the file cannot be written.
        """
        self._change(lambda entries: [*(e for e in entries if e.identifiant != entry.identifiant), entry])

    def remove(self, identifiant: str) -> None:
        """Forget an entry, if it is there.

        Raises:
            VaultError: as ``put``.
        """
        self._change(lambda entries: [entry for entry in entries if entry.identifiant != identifiant])

    def change_passphrase(self, passphrase: str) -> None:
        """Encrypt everything with another passphrase, and another salt.

        Raises:
            VaultError: as ``put``.
        """
        header = _new_header()
        key = _derive(passphrase, header)

        def swap(entries: list[Entry]) -> list[Entry]:
            self._header, self._key = header, key
            return entries

        self._change(swap)

    def _change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with exclusive(self._file.with_name(f".{self._file.name}.verrou")):
                replace_whole(self._file, self._encrypt(change(self.entries())))
        except OSError as error:
            raise VaultError(f"Le coffre {self._file} ne peut pas être écrit : {file_fault(error)}.") from error

    def _encrypt(self, entries: list[Entry]) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        content = json.dumps([asdict(entry) for entry in entries], ensure_ascii=False).encode()
        sealed = AESGCM(self._key).encrypt(nonce, content, _authenticated(self._header))
        document = {"entete": self._header, "nonce": _text(nonce), "contenu": _text(sealed)}
        return (json.dumps(document, indent=1) + "\n").encode()

    def _decrypt(self, document: Mapping[str, Any]) -> list[Entry]:
        try:
            nonce, sealed = _octets(document["nonce"]), _octets(document["contenu"])
            content = AESGCM(self._key).decrypt(nonce, sealed, _authenticated(document["entete"]))
            return [Entry(**entry) for entry in json.loads(content)]
        except InvalidTag as error:
            raise VaultError(
                f"La phrase secrète n’est pas celle du coffre {self._file}, ou le coffre est abîmé."
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self._file) from error


def _read(file: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(file.read_bytes())
        header = document["entete"]
        known = header["version"] == _VERSION and 2 <= header["n"] <= _MAX_COST
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultError(f"Le coffre {file} ne peut pas être lu : {file_fault(error)}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(file) from error
    if not known:
        raise VaultError(f"Le coffre {file} est d’une version que ce programme ne connaît pas.")
    return dict(document)


def _damaged(file: Path) -> VaultError:
    return VaultError(f"Le fichier {file} n’est pas un coffre, ou il est abîmé.")


def _new_header() -> dict[str, Any]:
    return {
        "version": _VERSION,
        "kdf": "scrypt",
        **_COST,
        "sel": _text(os.urandom(_SALT_BYTES)),
        "chiffre": "AES-256-GCM",
    }


def _derive(passphrase: str, header: Mapping[str, Any]) -> bytes:
    kdf = Scrypt(salt=_octets(header["sel"]), length=32, n=header["n"], r=header["r"], p=header["p"])
    return kdf.derive(passphrase.encode())


def _authenticated(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True).encode()


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
