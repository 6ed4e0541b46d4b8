"""The profile: a TOML file that says which platform to talk to, and with which certificates.

```toml
url = "https://localhost:8443/ws-apt"    # or …/ws-srv (guide §3.2)
confiance = "pki/confiance.pem"          # the authorities trusted for the platform's own certificate, PEM
delai = 30                               # seconds to wait for the platform

[tls]                                    # the certificate shown to the platform (guide §10)
certificat = "cartes/auth.pem"           # PEM, the chain after it if any
cle = "cartes/auth.key"                  # PEM

[signature]                              # the certificate that signs the messages (guide §11)
pkcs12 = "cartes/sign.p12"
mot_de_passe_env = "MOT_DE_PASSE_CARTE"  # the environment variable that holds the password, never the password
```

Paths are relative to the profile.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509

from pfcng.client.errors import ProfileError
from pfcng.client.files import file_fault
from pfcng.pki.keys import Credential, from_pem, from_pkcs12
from pfcng.pki.signers.sources import CredentialError

DEFAULT_DELAI: Final = 30.0
"""Seconds."""

_KEYS: Final = frozenset({"url", "confiance", "tls", "signature", "delai"})
_CREDENTIAL_KEYS: Final = frozenset({"certificat", "cle", "pkcs12", "mot_de_passe_env"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything a client needs to know, read and checked.

    Attributes:
        url: The endpoint, ``…/ws-srv`` or ``…/ws-apt`` (guide §3.2).
        confiance: The authorities that may vouch for the platform's TLS certificate.
        tls: The certificate shown to the platform (guide §10).
        signature: The certificate that signs the messages (guide §11).
        delai: Seconds to wait, for the connection and then for the answer.
    """

    url: str
    confiance: tuple[x509.Certificate, ...]
    tls: Credential = field(repr=False)
    signature: Credential = field(repr=False)
    delai: float = DEFAULT_DELAI

    @classmethod
    def load(cls, file: Path) -> "Profile":
        """Read a profile and every file it names.

        Raises:
            ProfileError: With all the faults at once.
        """
        try:
            document = tomllib.loads(file.read_text("utf-8"))
        except OSError as error:
            raise ProfileError([f"Le fichier ne peut pas être lu : {file_fault(error)}."], file=file) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ProfileError([f"Ce n’est pas un fichier TOML en UTF-8 ({error})."], file=file) from error
        reader = _Reader(folder=file.parent, faults=[])
        reader.unknown_keys(document, _KEYS, "")
        url = reader.url(document)
        confiance = reader.anchors(document)
        tls = reader.credential(document, "tls")
        signature = reader.credential(document, "signature")
        delai = reader.delai(document)
        if reader.faults or url is None or tls is None or signature is None:
            raise ProfileError(reader.faults, file=file)
        return cls(url=url, confiance=confiance, tls=tls, signature=signature, delai=delai)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads the values of one profile and keeps every fault it meets."""

    folder: Path
    faults: list[str]

    def unknown_keys(self, table: Mapping[str, Any], known: Iterable[str], place: str) -> None:
        unknown = sorted(table.keys() - set(known))
        self.faults.extend(f"{place}« {key} » n’est pas une clé connue." for key in unknown)

    def url(self, document: Mapping[str, Any]) -> str | None:
        url = self.text(document, "url", "")
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

    def anchors(self, document: Mapping[str, Any]) -> tuple[x509.Certificate, ...]:
        content = self.file(document, "confiance", "")
        if content is None:
            return ()
        try:
            return tuple(x509.load_pem_x509_certificates(content))
        except ValueError:
            self.faults.append("« confiance » doit contenir un ou plusieurs certificats PEM.")
            return ()

    def credential(self, document: Mapping[str, Any], name: str) -> Credential | None:
        place = f"[{name}] "
        table = document.get(name)
        if not isinstance(table, dict):
            self.faults.append(f"La table [{name}] manque.")
            return None
        self.unknown_keys(table, _CREDENTIAL_KEYS, place)
        password = self.password(table, place)
        if ("pkcs12" in table) == ("certificat" in table or "cle" in table):
            self.faults.append(f"{place}Donnez « certificat » et « cle », ou bien « pkcs12 ».")
            return None
        try:
            if "pkcs12" in table:
                content = self.file(table, "pkcs12", place)
                return None if content is None else from_pkcs12(content, password)
            certificate, key = self.file(table, "certificat", place), self.file(table, "cle", place)
            return None if certificate is None or key is None else from_pem(certificate, key, password)
        except CredentialError as error:
            self.faults.append(f"{place}{error}")
            return None

    def password(self, table: Mapping[str, Any], place: str) -> str | None:
        if "mot_de_passe_env" not in table:
            return None
        variable = self.text(table, "mot_de_passe_env", place)
        if variable is None:
            return None
        value = os.environ.get(variable)
        if value is None:
            self.faults.append(
                f"{place}La variable d’environnement {variable} (« mot_de_passe_env ») n’est pas définie."
            )
            return None
        return value

    def file(self, table: Mapping[str, Any], key: str, place: str) -> bytes | None:
        name = self.text(table, key, place)
        if name is None:
            return None
        try:
            return (self.folder / name).read_bytes()
        except (OSError, ValueError) as error:
            self.faults.append(f"{place}« {key} » : {self.folder / name} ne peut pas être lu : {file_fault(error)}.")
            return None

    def text(self, table: Mapping[str, Any], key: str, place: str) -> str | None:
        value = table.get(key)
        if isinstance(value, str) and value:
            return value
        self.faults.append(f"{place}« {key} » manque." if value is None else f"{place}« {key} » doit être un texte.")
        return None
