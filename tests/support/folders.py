"""Folders for what runs as another user."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A temporary folder in which a PostgreSQL server may live.

    Started by root, the embedded server runs as a user of its own. pytest's own folders will not do: each session that
    starts closes them to other users.
    """
    with TemporaryDirectory(prefix="pfcng-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
