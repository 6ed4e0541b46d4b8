"""The profile: a TOML file that says which platform to talk to, and with which certificates.

```toml
url = "https://localhost:8443/ws-apt"    # or …/ws-srv (guide §3.2)
confiance = "pki/confiance.pem"          # the authorities trusted for the platform's own certificate, PEM
autorites = "pki/igc-sante.p7b"          # optional: the authorities of the certificates that are obtained
delai = 30                               # seconds to wait for the platform

[tls]                                    # the certificate shown to the platform (guide §10)
certificat = "cartes/auth.pem"           # PEM, the chain after it if any
cle = "cartes/auth.key"                  # PEM

[signature]                              # the certificate that signs the messages (guide §11)
pkcs12 = "cartes/sign.p12"
mot_de_passe_env = "MOT_DE_PASSE_CARTE"  # the environment variable that holds the password, never the password
```

Paths are relative to the profile. A card signs as well: ``client/credentials.py``.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509

from pfcng.client.credentials import FILE_KEYS, KEYS, AskPin, CredentialFault, CredentialReader
from pfcng.client.errors import ProfileError
from pfcng.client.files import file_fault
from pfcng.mistakes import toml_fault
from pfcng.pki.bundles import read_certificates
from pfcng.pki.keys import Credential

DEFAULT_DELAI: Final = 30.0
"""Seconds."""

_KEYS: Final = frozenset({"url", "confiance", "autorites", "tls", "signature", "delai"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything a client needs to know, read and checked.

    Attributes:
        url: The endpoint, ``…/ws-srv`` or ``…/ws-apt`` (guide §3.2).
        confiance: The authorities that may vouch for the platform's TLS certificate.
        tls: The certificate shown to the platform (guide §10).
        signature: The certificate that signs the messages (guide §11).
        autorites: Further authorities, for the chain of the certificates that are obtained.
        delai: Seconds to wait, for the connection and then for the answer.
    """

    url: str
    confiance: tuple[x509.Certificate, ...]
    tls: Credential = field(repr=False)
    signature: Credential = field(repr=False)
    autorites: tuple[x509.Certificate, ...] = ()
    delai: float = DEFAULT_DELAI

    @classmethod
    def load(cls, file: Path, *, ask_pin: AskPin | None = None) -> "Profile":
        """Read a profile and every file it names; a card shows that its key signs.

        Args:
            file: The profile.
            ask_pin: Asks for the PIN of a card that the profile gives no PIN for.

        Raises:
            ProfileError: With all the faults at once.
        """
        try:
            document = tomllib.loads(file.read_text("utf-8"))
        except OSError as error:
            raise ProfileError([f"Le fichier ne peut pas être lu : {file_fault(error)}."], file=file) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            fault = toml_fault(error)
            raise ProfileError([f"{fault[0].upper()}{fault[1:]}."], file=file) from error
        reader = _Reader(folder=file.parent, faults=[], ask_pin=ask_pin)
        reader.unknown_keys(document, _KEYS, "")
        url = reader.url(document)
        confiance = reader.certificates(document, "confiance")
        autorites = reader.certificates(document, "autorites") if "autorites" in document else ()
        tls = reader.credential(document, "tls", FILE_KEYS)
        signature = reader.credential(document, "signature", KEYS)
        delai = reader.delai(document)
        if reader.faults or url is None or tls is None or signature is None:
            raise ProfileError(reader.faults, file=file)
        return cls(url=url, confiance=confiance, autorites=autorites, tls=tls, signature=signature, delai=delai)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads the values of one profile and keeps every fault it meets."""

    folder: Path
    faults: list[str]
    ask_pin: AskPin | None

    def unknown_keys(self, table: Mapping[str, Any], known: Iterable[str], place: str) -> None:
        unknown = sorted(table.keys() - set(known))
        self.faults.extend(f"{place}« {key} » n’est pas une clé connue." for key in unknown)

    def url(self, document: Mapping[str, Any]) -> str | None:
        url = self.text(document, "url")
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            valid = (
                parts.scheme == "https" and parts.hostname and parts.port != 0 and not (parts.query or parts.fragment)
            )
        except ValueError:
            valid = False
        if not valid or "@" in url:
            self.faults.append("« url » doit être une adresse https sans identifiant, par exemple https://hôte/ws-srv.")
            return None
        return url

    def delai(self, document: Mapping[str, Any]) -> float:
        delai = document.get("delai", DEFAULT_DELAI)
        if isinstance(delai, bool) or not isinstance(delai, int | float) or not 0 < delai <= 3600:
            self.faults.append("« delai » doit être un nombre de secondes, de plus de 0 à 3600.")
            return DEFAULT_DELAI
        return float(delai)

    def certificates(self, document: Mapping[str, Any], key: str) -> tuple[x509.Certificate, ...]:
        content = self.file(document, key)
        if content is None:
            return ()
        try:
            return read_certificates(content)
        except ValueError:
            self.faults.append(f"« {key} » doit contenir un ou plusieurs certificats PEM.")
            return ()

    def credential(self, document: Mapping[str, Any], name: str, known: Iterable[str]) -> Credential | None:
        place = f"[{name}] "
        table = document.get(name)
        if not isinstance(table, dict):
            self.faults.append(f"La table [{name}] manque.")
            return None
        self.unknown_keys(table, known, place)
        try:
            reader = CredentialReader(folder=self.folder, ask_pin=self.ask_pin)
            return reader.read({key: value for key, value in table.items() if key in known})
        except CredentialFault as fault:
            self.faults.append(f"{place}{fault}")
            return None

    def file(self, table: Mapping[str, Any], key: str) -> bytes | None:
        name = self.text(table, key)
        if name is None:
            return None
        try:
            return (self.folder / name).read_bytes()
        except (OSError, ValueError) as error:
            self.faults.append(f"« {key} » : {self.folder / name} ne peut pas être lu : {file_fault(error)}.")
            return None

    def text(self, table: Mapping[str, Any], key: str) -> str | None:
        value = table.get(key)
        if isinstance(value, str) and value:
            return value
        self.faults.append(f"« {key} » manque." if value is None else f"« {key} » doit être un texte.")
        return None
