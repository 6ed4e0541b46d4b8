"""Files that are whole or not there: made and never replaced, or replaced at once."""

import os
import re
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import fasteners

from pfcng.mistakes import reason

PRIVATE = 0o600
"""Mode of a file that its owner alone may read."""
_THREADS = threading.RLock()
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")


def create(file: Path, content: bytes, mode: int) -> None:
    """Write a file that does not exist yet; it is on the disk when the function returns.

    Raises:
        FileExistsError: It exists, be it as a link to nowhere; it is left as it is.
        OSError: It cannot be written.
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def create_whole(file: Path, content: bytes, mode: int = PRIVATE) -> None:
    """As ``create``, and a kill leaves it whole or not there.

    Raises:
        FileExistsError: It exists; it is left as it is.
        OSError: It cannot be written.
    """
    with _draft(file, content, mode) as draft:
        try:
            os.link(draft, file)  # unlike a rename, it refuses to replace
        except FileExistsError:
            raise
        except OSError:  # no hard links on this file system
            create(file, content, mode)
    _sync_folder(file.parent)


def replace_whole(file: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put new content in the place of what is there: a kill leaves one or the other, whole and on the disk.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    with _draft(file, content, mode) as draft:
        draft.replace(file)
    _sync_folder(file.parent)


def point_to(link: Path, target: str) -> None:
    """Make ``link`` lead to a file of its folder, at once; a copy where the system has no links.

    Raises:
        OSError: It cannot be written.
    """
    beside = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    try:
        beside.symlink_to(target)
    except (OSError, NotImplementedError):
        replace_whole(link, link.with_name(target).read_bytes())
        return
    try:
        beside.replace(link)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(link.parent)


def clean_drafts(folder: Path) -> None:
    """Take away what a kill left of files that were being written; nobody else may be writing there.

    Raises:
        OSError: A file cannot be taken away.
    """
    for file in folder.iterdir():
        if _DRAFT.fullmatch(file.name):
            file.unlink()


def file_fault(error: OSError | ValueError) -> str:
    """Why a file cannot be read or written, as the end of a French sentence."""
    match error:
        case FileNotFoundError():
            return "il n’existe pas, ou pas son dossier"
        case FileExistsError():
            return "il existe déjà"
        case PermissionError():
            return "l’accès est refusé"
        case IsADirectoryError():
            return "c’est un dossier"
        case OSError():
            return reason(error)
        case _:
            return "ce n’est pas un nom de fichier"


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Hold off every other process and thread that comes to the same lock.

    Raises:
        OSError: The lock's file cannot be made.
    """
    with _THREADS, fasteners.InterProcessLock(lock):  # the system's lock does not tell threads apart
        yield


@contextmanager
def _draft(file: Path, content: bytes, mode: int) -> Iterator[Path]:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        create(draft, content, mode)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """A name is on the disk once its folder is; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
