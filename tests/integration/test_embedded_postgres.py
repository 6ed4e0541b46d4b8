"""The embedded PostgreSQL where users put it, and after what a kill leaves (store/embedded.py)."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from pfcng.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, is_running, stop_server
from support.folders import shared_folder

POSIX = pytest.mark.skipif(os.name != "posix", reason="names and signals of POSIX")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one server, which is stopped whatever happens."""
    with shared_folder() as shared:
        yield shared
        for made in shared.rglob("PG_VERSION"):
            if made.parent.parent.name != "base":
                stop_server(made.parent)


def answers(dsn: str) -> bool:
    """Whether a server is reached."""
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@POSIX
@pytest.mark.parametrize(
    "name",
    ["l'hôpital des Lilas", "a;b&c|d(e)<f>*?~#!", "a=b%20c@d:e", "l\N{NO-BREAK SPACE}été " + "long" * 30],
    ids=["apostrophe, accent, space", "shell", "connection string", "too long for a socket"],
)
def test_any_usual_folder_name_serves(folder: Path, name: str) -> None:
    """Neither the shell that pg_ctl calls nor libpq reads anything into the name of a folder."""
    directory = folder / name / "données"
    directory.parent.mkdir()
    server = EmbeddedPostgres(directory)
    assert answers(server.dsn)
    assert EmbeddedPostgres(directory).dsn == server.dsn
    server.stop()
    assert not is_running(directory)


@POSIX
@pytest.mark.parametrize("sign", ['"', "$", "`", "\\", ",", "\n"])
def test_folder_name_that_cannot_be_quoted_is_refused(folder: Path, sign: str) -> None:
    """pg_ctl puts the data folder between double quotes for a shell, libpq splits hosts at commas: nothing is made."""
    directory = folder / f"a{sign}b"
    with pytest.raises(EmbeddedPostgresError, match="Choisissez un autre dossier"):
        EmbeddedPostgres(directory)
    assert not any(folder.iterdir())


@POSIX
def test_socket_is_for_its_owner_alone(folder: Path) -> None:
    """The server asks for no password: no other user of the machine may reach it."""
    directory = folder / "data"
    server = EmbeddedPostgres(directory)
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SHOW unix_socket_permissions").fetchone() == ("0700",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


@POSIX
def test_killed_initdb_is_cleaned_up(folder: Path) -> None:
    """What a killed first start left beside the data folder goes away; an empty data folder is no obstacle."""
    beside = folder / "data.nouveau-abc"
    beside.mkdir()
    (beside / "PG_VERSION").write_text("18\n")
    (folder / "data").mkdir()
    assert answers(EmbeddedPostgres(folder / "data").dsn)
    assert [path.name for path in folder.iterdir()] == ["data"]


@POSIX
def test_number_that_is_now_another_processes_is_not_taken_for_the_server(folder: Path) -> None:
    """After a crash of the machine ``postmaster.pid`` names whoever has the number today."""
    directory = folder / "data"
    EmbeddedPostgres(directory).stop()
    (directory / "postmaster.pid").write_text(f"{os.getpid()}\n{directory}\n1\n5432\n{directory}\n\n\nready\n")
    assert not is_running(directory)
    assert answers(EmbeddedPostgres(directory).dsn)


@POSIX
def test_killed_server_is_started_again(folder: Path) -> None:
    """SIGKILL of the server itself: its socket and its file are left, and the next start replays its log."""
    directory = folder / "data"
    with psycopg.connect(EmbeddedPostgres(directory).dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    process = psutil.Process(int((directory / "postmaster.pid").read_text().split("\n")[0]))
    family = [process, *process.children(recursive=True)]
    process.kill()
    psutil.wait_procs(family, timeout=10)  # they leave when they see that it is gone
    with psycopg.connect(EmbeddedPostgres(directory).dsn) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
