"""A database that goes away, and comes back (`store/database.py`, `store/reaching.py`)."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import base

from pfcng.store import database as module
from pfcng.store.database import Database
from pfcng.store.reaching import cause, lasting
from support.workers import wait_until


@contextmanager
def away(postgres: str, name: str) -> Iterator[None]:
    """Nobody is let in during the block, and who is in has to leave."""
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_database_is_found_again_however_long_it_was_away(
    postgres: str, dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pauses between two looks double; they never come to more than a caller waits for."""
    monkeypatch.setattr(base.AttemptWithBackoff, "INITIAL_DELAY", 3600.0)  # it was away for an hour
    with away(postgres, str(conninfo_to_dict(dsn)["dbname"])):
        assert not database.is_alive()
    wait_until(database.is_alive)


def test_what_the_string_says_counts_more_than_what_it_leaves_unsaid() -> None:
    """Its times, its hosts, its options of the server beside ours."""
    told = "host=a,b target_session_attrs=read-write connect_timeout=2 options='-c statement_timeout=60s'"
    lasts = conninfo_to_dict(lasting(told, "-c timezone=UTC"))
    assert lasts["connect_timeout"] == "2"
    assert (lasts["host"], lasts["target_session_attrs"]) == ("a,b", "read-write")
    assert lasts["options"] == "-c statement_timeout=60s -c timezone=UTC"
    assert int(str(lasts["tcp_user_timeout"])) <= 30_000
    assert lasts["keepalives_idle"] == "10"


@pytest.mark.parametrize(
    ("told", "meaning"),
    [
        ('FATAL:  database "zut" does not exist', "cette base n’existe pas"),
        ("FATAL:  la base de données « zut » n'existe pas", "cette base n’existe pas"),
        ('FATAL:  role "zut" does not exist', "cet utilisateur n’existe pas"),
        ("FATAL:  le rôle « zut » n'existe pas", "cet utilisateur n’existe pas"),
        ('FATAL:  password authentication failed for user "zut"', "le mot de passe manque ou n’est pas le bon"),
        (
            "FATAL:  authentification par mot de passe échouée pour l'utilisateur « zut »",
            "le mot de passe manque ou n’est pas le bon",
        ),
    ],
)
def test_cause_is_found_in_the_words_of_the_server_in_either_language(told: str, meaning: str) -> None:
    """`lc_messages` of a French server is most often French."""
    assert cause(psycopg.OperationalError(told)) == meaning


def test_process_that_is_frozen_in_a_transaction_loses_its_locks(
    dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine is alive and answers for it: others would wait for as long as it is frozen."""
    monkeypatch.setattr(module, "OPTIONS", module.OPTIONS.replace("=60s", "=500ms"))

    def hang(frozen: Database) -> None:
        with frozen.transaction() as hanging:
            hanging.execute("SELECT pg_advisory_xact_lock(1)")
            with database.transaction() as other:
                other.execute("SELECT pg_advisory_xact_lock(1)")
            hanging.execute("SELECT 1")

    with closing(Database(dsn)) as frozen, pytest.raises(psycopg.Error):
        hang(frozen)
