"""Files that are made and never replaced."""

import errno
import os
from pathlib import Path

PRIVATE = 0o600
"""Mode of a file that its owner alone may read."""


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
        case OSError(errno=int(number)):
            return f"erreur du système {errno.errorcode.get(number, number)}"
        case _:
            return "ce n’est pas un nom de fichier"
