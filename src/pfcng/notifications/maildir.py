"""Mails into a maildir: for the sandbox, and for platforms whose relay takes them from there."""

import asyncio
import hashlib
import os
from email.message import EmailMessage
from itertools import chain
from pathlib import Path

from pfcng.notifications.mail import MailDelayed


class Maildir:
    """A folder with ``tmp``, ``new`` and ``cur``, made when it is not there.

    A message's file is named by its Message-ID, so one that is sent again after a lost answer is there once. A message
    that its reader deleted may come back then, and only then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Deliver to the folder.

        Raises:
            MailDelayed: The file system refuses.
        """
        await asyncio.to_thread(self._deliver, message, recipient)

    async def close(self) -> None:
        """Nothing is held."""

    def _deliver(self, message: EmailMessage, recipient: str) -> None:
        name = hashlib.sha256(f"{message['Message-ID']} {recipient}".encode()).hexdigest()[:40] + ".pfcng"
        try:
            self._make()
            if any(chain(self._folder.glob(f"new/{name}"), self._folder.glob(f"cur/{name}*"))):
                return
            self._write(name, message.as_bytes())
        except OSError as error:
            raise MailDelayed(f"le maildir ne peut pas être écrit : {error.strerror or error}") from error

    def _make(self) -> None:
        """The folder, or what an empty one lacks to be a maildir; several mails may be the first at once."""
        for folder in (self._folder, *(self._folder / name for name in ("tmp", "new", "cur"))):
            folder.mkdir(mode=0o700, exist_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        """Whole on the disk first, then in ``new`` at once: readers never see half a message."""
        temporary = self._folder / "tmp" / f"{name}.{os.getpid()}"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._folder / "new" / name)
