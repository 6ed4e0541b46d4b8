"""What the client's commands ask of people and machines: profile, PIN of a card, passphrase of the vault."""

import getpass
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from pfcng.client import ClientError, Profile
from pfcng.client.home import default_home
from pfcng.client.parc import utc_now
from pfcng.client.vault import FILE_NAME, Vault
from pfcng.pki.signers.sources import CredentialError, SecretFile

CLOCK: Final = "PFCNG_HORLOGE"
"""Address of a sandbox's interface, whose clock counts instead of this machine's (docs/bac-a-sable.md)."""
PHRASE: Final = "PFCNG_COFFRE_PHRASE"
PHRASE_FILE: Final = "PFCNG_COFFRE_PHRASE_FICHIER"
_MIN_CHARACTERS: Final = 8


class NoPassphrase(ClientError):
    """Nobody and nothing gives the passphrase of the vault."""


def load_profile(file: Path) -> Profile:
    """A profile; the PIN of its card is asked for when somebody is there.

    Raises:
        ProfileError: With all the faults.
    """
    quiet_log()
    return Profile.load(file, ask_pin=_ask_pin if sys.stdin.isatty() else None)


def quiet_log() -> None:
    """What libraries log goes to the standard error, and only what matters."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def present() -> datetime:
    """The present: this machine's, or that of the sandbox that ``PFCNG_HORLOGE`` names.

    Raises:
        ClientError: It names none that answers.
    """
    address = os.environ.get(CLOCK)
    if not address:
        return utc_now()
    import httpx  # noqa: PLC0415 - only with a sandbox

    try:
        answer = httpx.get(address, timeout=10, trust_env=False).raise_for_status()
        return datetime.fromisoformat(answer.json()["maintenant"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{CLOCK} : {address} ne donne pas l’heure d’un bac à sable ouvert.") from error


def home(parc: Path | None) -> Path:
    """The folder of the vault and the inventory."""
    return parc if parc is not None else default_home()


def open_vault(parc: Path | None, phrase_file: Path | None) -> Vault:
    """The vault; its passphrase is asked for twice when it is new.

    Raises:
        ClientError: No passphrase, a wrong one, or a vault that cannot be read.
    """
    file = home(parc) / FILE_NAME
    return Vault(file, passphrase(file, phrase_file))


def passphrase(file: Path, phrase_file: Path | None) -> str:
    """The passphrase: of a file, of the environment, or typed.

    Raises:
        NoPassphrase: There is none, or it is too short for a new vault.
    """
    named = os.environ.get(PHRASE_FILE)
    source = phrase_file or (Path(named) if named else None)
    is_new = not file.exists()
    phrase = _read(source) if source else os.environ.get(PHRASE) or _ask_passphrase(new=is_new)
    return _long_enough(phrase) if is_new else phrase


def new_passphrase(file: Path | None) -> str:
    """Another passphrase: of a file, or typed twice, since nobody can tell it again later.

    Raises:
        NoPassphrase: There is none, or it is too short.
    """
    return _long_enough(_read(file) if file else _ask_passphrase(new=True))


def _read(file: Path) -> str:
    try:
        return SecretFile(path=file).read()
    except CredentialError as error:
        raise NoPassphrase(str(error)) from error


def _long_enough(phrase: str) -> str:
    if len(phrase) < _MIN_CHARACTERS:
        raise NoPassphrase(f"La phrase secrète d’un coffre a {_MIN_CHARACTERS} caractères au moins.")
    return phrase


def _ask_passphrase(*, new: bool) -> str:
    if not sys.stdin.isatty():
        raise NoPassphrase(
            f"La phrase secrète du coffre manque : donnez --phrase-fichier, {PHRASE_FILE} ou {PHRASE}, ou lancez la "
            "commande dans un terminal."
        )
    while True:
        phrase = getpass.getpass(f"Phrase secrète {'du nouveau ' if new else 'du '}coffre (saisie masquée) : ")
        if not new or getpass.getpass("La même, pour confirmer : ") == phrase:
            return phrase
        sys.stderr.write("Les deux saisies diffèrent.\n")


def _ask_pin(card: str) -> str | None:
    return getpass.getpass(f"Code PIN de {card} (saisie masquée) : ")


@contextmanager
def progress(*, shown: bool) -> Iterator[Callable[[str], None]]:
    """A line on the standard error of a terminal that says what is being done."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody looks

    with Console(stderr=True).status("…") as status:
        yield lambda text: status.update(f"{text}…")


@contextmanager
def bar(text: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on the standard error of a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody looks
    from rich.progress import Progress  # noqa: PLC0415 - idem

    with Progress(console=Console(stderr=True), transient=True) as shown_bar:
        task = shown_bar.add_task(text, total=None)
        yield lambda done, total: shown_bar.update(task, completed=done, total=total)
