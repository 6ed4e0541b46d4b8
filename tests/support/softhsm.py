"""A PKCS#11 token for the tests: SoftHSM 2, of Debian's package."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pkcs11
import pytest

from pfcng.pki.signers.sources import SecretFile, Token

LIBRARIES: Final = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
)
PIN: Final = "246810"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftToken:
    """A token that can be taken away and brought back."""

    source: Token
    folder: Path

    def open(self, *, rw: bool = False) -> pkcs11.Session:
        """A session of the test's own; what is private shows if somebody in the process is logged in."""
        return pkcs11.lib(str(self.source.module)).get_token(token_label=self.source.label).open(rw=rw)

    @property
    def away(self) -> Path:
        """Where its files are while it is away."""
        return self.folder.with_name("ailleurs")

    def lose(self) -> None:
        """Take the token away."""
        self.folder.rename(self.away)

    def restore(self) -> None:
        """Bring it back; what came in its place goes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.away.rename(self.folder)

    def replace(self) -> None:
        """Another token of the same label, empty, in the place of one that is away."""
        self.folder.mkdir()
        _initialise(self.source.label)


@contextmanager
def soft_token(folder: Path, code: str = PIN) -> Iterator[SoftToken]:
    """A new token with that PIN; SoftHSM is told by the environment where tokens are."""
    library = next((path for path in LIBRARIES if path.exists()), None)
    if library is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM 2 is not installed")
    tokens = folder / "jetons"
    tokens.mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    pin = folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text(f"{code}\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    try:
        _initialise("igc", code)
        yield SoftToken(source=Token(module=library, label="igc", pin=SecretFile(path=pin)), folder=tokens)
    finally:
        pkcs11.lib(str(library)).finalize()  # it reads its file of settings once
        os.environ.pop("SOFTHSM2_CONF")
        if before is not None:
            os.environ["SOFTHSM2_CONF"] = before


def import_key(token: SoftToken, key: Path, label: str, code: str) -> None:
    """Bring in a key that was made outside."""
    subprocess.run(
        [
            *("softhsm2-util", "--import", key, "--token", token.source.label),
            *("--label", label, "--id", label.encode().hex(), "--pin", code),
        ],
        check=True,
        capture_output=True,
    )


def _initialise(label: str, code: str = PIN) -> None:
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", code, "--so-pin", "13579135"],
        check=True,
        capture_output=True,
    )
