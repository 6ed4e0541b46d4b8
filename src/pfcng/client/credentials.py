"""The certificates of a profile: PEM, PKCS#12, or a card; and where the secret is that opens each.

```toml
[tls]                                    # a file: OpenSSL needs the key of the connection
certificat = "cartes/auth.pem"
cle = "cartes/auth.key"

[signature]                              # a file as well, or a card
pkcs11 = "auto"                          # the Cryptolib's module, or the path of another one
pin_env = "PIN_CARTE"                    # or pin_fichier; without them the PIN is asked for
jeton = "CPS-2800636234"                 # only where several cards are in
serie = "63DAFFCF…"                      # only where a card has several signature certificates
```
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pfcng.client.files import file_fault
from pfcng.pki.keys import Credential, from_pem, from_pkcs12
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.sources import CredentialError, Secret, SecretFile, SecretText, SecretVariable

AskPin = Callable[[str], str | None]
"""Asks a person for the PIN of what is named; None when nobody can be asked."""

_SECRETS: Final = frozenset({"mot_de_passe_env", "mot_de_passe_fichier"})
_PEM: Final = frozenset({"certificat", "cle"})
_CARD: Final = frozenset({"pkcs11", "pin_env", "pin_fichier", "jeton", "serie"})
FILE_KEYS: Final = _PEM | _SECRETS | {"pkcs12"}
"""The keys of a table that names files."""
KEYS: Final = FILE_KEYS | _CARD
"""The keys of a table that may name a card."""
AUTO: Final = "auto"
"""The Cryptolib's module, wherever it is."""


class CredentialFault(Exception):
    """A table of the profile cannot be used; the text is a French sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReader:
    """Reads one table.

    Attributes:
        folder: What paths are relative to.
        ask_pin: Asks for a PIN that the table does not lead to.
    """

    folder: Path
    ask_pin: AskPin | None

    def read(self, table: Mapping[str, Any]) -> Credential:
        """The certificate and its key.

        Raises:
            CredentialFault: With the first fault.
        """
        wrong = next((key for key, value in table.items() if not isinstance(value, str) or not value), None)
        if wrong:
            raise CredentialFault(f"« {wrong} » doit être un texte.")
        kinds = ("pkcs11" in table, "pkcs12" in table, bool(_PEM & table.keys()))
        if sum(kinds) != 1:
            card = "" if "pkcs11" not in table else ", ou bien « pkcs11 »"
            raise CredentialFault(f"Donnez « certificat » et « cle », ou bien « pkcs12 »{card}.")
        try:
            return self._card(table) if kinds[0] else self._files(table)
        except (CredentialError, KeyUnavailable) as error:
            raise CredentialFault(str(error)) from error

    def _files(self, table: Mapping[str, str]) -> Credential:
        secret = self._secret(table, "mot_de_passe")
        password = secret.read() if secret else None
        if "pkcs12" in table:
            return from_pkcs12(self._content(table, "pkcs12"), password)
        return from_pem(self._content(table, "certificat"), self._content(table, "cle"), password)

    def _card(self, table: Mapping[str, str]) -> Credential:
        from pfcng.pki import cards  # noqa: PLC0415 - only who has a card needs python-pkcs11

        module = cards.find_module() if table["pkcs11"] == AUTO else self.folder / table["pkcs11"]
        card = cards.Card(
            module=module,
            pin=self._secret(table, "pin") or self._asked(table.get("jeton", "la carte")),
            label=table.get("jeton"),
            serial=_serial(table.get("serie")),
        )
        return cards.open_card(card, now=datetime.now(UTC))

    def _secret(self, table: Mapping[str, str], name: str) -> Secret | None:
        variable, file = table.get(f"{name}_env"), table.get(f"{name}_fichier")
        if variable and file:
            raise CredentialFault(f"Donnez soit « {name}_env », soit « {name}_fichier ».")
        if variable and variable not in os.environ:
            raise CredentialFault(f"La variable d’environnement {variable} (« {name}_env ») n’est pas définie.")
        if variable:
            return SecretText(value=os.environ[variable]) if name == "mot_de_passe" else SecretVariable(name=variable)
        return SecretFile(path=self.folder / file) if file else None

    def _asked(self, card: str) -> Secret:
        pin = self.ask_pin(card) if self.ask_pin else None
        if not pin:
            raise CredentialFault(
                "Le code PIN de la carte manque : donnez « pin_env » ou « pin_fichier », ou lancez la commande dans un "
                "terminal."
            )
        return SecretText(value=pin)

    def _content(self, table: Mapping[str, str], key: str) -> bytes:
        if key not in table:
            raise CredentialFault(f"« {key} » manque.")
        file = self.folder / table[key]
        try:
            return file.read_bytes()
        except (OSError, ValueError) as error:
            raise CredentialFault(f"« {key} » : {file} ne peut pas être lu : {file_fault(error)}.") from error


def _serial(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text.replace(":", "").replace(" ", ""), 16)
    except ValueError as error:
        raise CredentialFault("« serie » doit être un numéro de série en hexadécimal.") from error
