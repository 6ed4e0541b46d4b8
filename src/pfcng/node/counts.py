"""The folder in which the processes of a node count together (`pfcng.watch.metrics`)."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder is made as tempfile makes them
"""Where files need no disk. On one that is full, a process that counts would end (SIGBUS), and each one after it."""
_PREFIX: Final = "pfcng-comptes-"
_YOUNG: Final = 60.0
"""Seconds for which a folder may not yet be held by the node that made it."""


@contextmanager
def counts_folder() -> Iterator[str]:
    """Make it, and remove it at the end; so are those of nodes that were killed, since memory is not tidied up."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(gettempdir())
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is of another account, of a node that runs, or gone
            _remove_left(folder)
    with TemporaryDirectory(prefix=_PREFIX, dir=place, ignore_cleanup_errors=True) as name, _held(Path(name)):
        yield name


def _remove_left(folder: Path) -> None:
    status = folder.lstat()
    if status.st_uid == os.getuid() and time.time() - status.st_mtime > _YOUNG:
        with _held(folder):
            shutil.rmtree(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder is this process's until the end of the block, or its own.

    Raises:
        BlockingIOError: It is another's.
    """
    import fcntl  # noqa: PLC0415 - Windows has none

    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
