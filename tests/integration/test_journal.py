"""The journal: append-only, sealed in a chain beside the requests, and what meets each tampering (docs/journal.md)."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from structlog.testing import capture_logs

from pfcng.contract import codes
from pfcng.contract.refusal import Refusal
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.ancre_journal import Anchor, AnchorFile, AnchorSyslog, UnreadableAnchor, format_line, read_anchors
from pfcng.operations.journaling import record_refusal
from pfcng.operations.sceller_journal import Sealer, keep_sealed
from pfcng.store import journal
from pfcng.store.database import APPLICATION_ROLE, Database
from pfcng.store.journal import MAX_DETAIL
from pfcng.store.migrations import migrate
from pfcng.store.sealing import Head, read_head, seal_pending
from pfcng.store.verification import Fault, Finding
from support.journal import append, check, fault_of, make_entry, owner, seal
from support.platform import NOW, make_context
from support.scenario import Scenario

TABLES = ("journal", "journal_sceau", "journal_attente")
TAMPERINGS = ("UPDATE {} SET entree = 7", "DELETE FROM {}", "TRUNCATE {}")


class GivenUp(Exception):
    """A transaction ends without its commit."""


def statement(template: str, table: str) -> sql.Composed:
    """One of the tamperings, for one of the tables."""
    template = template.replace("entree", "lot") if table == "journal" else template
    return sql.SQL(template).format(sql.Identifier(table))


def head_of(database: Database) -> Head:
    """The end of the chain."""
    with database.transaction() as connection:
        head = read_head(connection)
    assert head is not None
    return head


def sealer_of(database: Database, anchor: Anchor | None = None) -> Sealer:
    """A sealer of this process."""
    return Sealer(database, clock=lambda: NOW, anchor=anchor)


# Append-only.


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_application_may_only_add_to_the_journal(database: Database, table: str, tampering: str) -> None:
    """Its role has no UPDATE, DELETE or TRUNCATE on the entries, seals and waiting digests."""
    append(database, 2)
    with pytest.raises(InsufficientPrivilege), database.transaction() as connection:
        connection.execute(statement(tampering, table))


def test_application_writes_neither_seals_nor_numbers(database: Database) -> None:
    """A seal comes from the sealing function alone, an entry's number from the database."""
    for forged in (
        "INSERT INTO journal_sceau VALUES (1, 1, '', '', now())",
        "INSERT INTO journal_attente VALUES (1, '')",
        "INSERT INTO journal (id, le, incident, acte, resultat) OVERRIDING SYSTEM VALUE VALUES (9, now(), '', '', '')",
    ):
        with pytest.raises(InsufficientPrivilege), database.transaction() as connection:
            connection.execute(forged.encode())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_journal_refuses_changes_by_its_owner(database: Database, dsn: str, table: str, tampering: str) -> None:
    """Triggers refuse UPDATE, DELETE and TRUNCATE for everybody, session_replication_role or not."""
    seal(database, 1)
    append(database)
    for role in ("origin", "replica"):
        with psycopg.connect(dsn) as connection:
            connection.execute(f"SET session_replication_role = {role}".encode())
            with pytest.raises(InsufficientPrivilege, match="Le journal ne se modifie pas"):
                connection.execute(statement(tampering, table))
    assert check(database).fault is None


def test_maintenance_act_is_explicit_and_tells_itself(database: Database, dsn: str) -> None:
    """Who sets pfcng.maintenance_journal may change the journal; an entry says so, and the verification too."""
    seal(database, 2)
    with psycopg.connect(dsn) as connection:
        connection.execute("SET LOCAL pfcng.maintenance_journal = 'oui'")
        connection.execute("DELETE FROM journal WHERE id = 1")
    with database.transaction() as connection:
        rows = connection.execute("SELECT acte, detail FROM journal WHERE acte LIKE 'maintenance%'").fetchall()
    assert rows == [{"acte": "maintenance du journal", "detail": "delete journal"}]
    assert fault_of(database) == Fault(finding=Finding.REMOVED, rang=1, entree=1)


def test_every_other_table_stays_usable_by_the_application(database: Database) -> None:
    """Tables and sequences of all revisions, those after the journal's included."""
    with database.transaction() as connection:
        unusable = connection.execute(
            """
            SELECT c.relname FROM pg_class c
            WHERE c.relnamespace IN ('public'::regnamespace, 'igc'::regnamespace) AND NOT CASE c.relkind
                WHEN 'S' THEN has_sequence_privilege(c.oid, 'USAGE')
                ELSE c.relkind <> 'r' OR has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                    AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') END
            """
        ).fetchall()
        [row] = connection.execute("SELECT current_user AS role").fetchall()
    assert row["role"] == APPLICATION_ROLE
    names = {name["relname"] for name in unusable}
    assert names == {*TABLES, "alembic_version", "journal_id_seq"}


def test_account_without_the_role_works_and_says_so(postgres: str) -> None:
    """An account that may neither make the role nor take it serves as it is, triggers and seals stay, the log warns."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE ROLE sans_role LOGIN NOCREATEROLE PASSWORD 'essai'")
        connection.execute("CREATE DATABASE sans_role OWNER sans_role")
    dsn = make_conninfo(postgres, dbname="sans_role", user="sans_role", password="essai")  # noqa: S106 - of this test
    migrate(dsn)
    with capture_logs() as logs:
        database = Database(dsn, max_connections=2)
        append(database, 2)
    assert [(event["event"], event["role"]) for event in logs] == [("database.role_missing", APPLICATION_ROLE)]
    assert seal_pending(database) == 2
    with pytest.raises(InsufficientPrivilege, match="ne se modifie pas"), database.transaction() as connection:
        connection.execute("DELETE FROM journal")
    assert check(database).fault is None
    database.close()


def test_account_that_owns_nothing_serves_by_the_role_alone(postgres: str, database: Database, dsn: str) -> None:
    """The wall that SET ROLE is not: the owner applies the revisions, the application's account only has the role."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE ROLE service LOGIN PASSWORD 'essai' IN ROLE pfcng_app")
    served = make_conninfo(dsn, user="service", password="essai")  # noqa: S106 - of this test
    migrate(served)
    with capture_logs() as logs:
        serving = Database(served, max_connections=2)
        append(serving, 2)
    assert logs == []
    assert sealer_of(serving).turn() == 2
    assert check(serving).fault is None
    for attempt in (
        "SET ROLE NONE; SET LOCAL pfcng.maintenance_journal = 'oui'; DELETE FROM journal",
        "RESET ROLE; SET LOCAL pfcng.maintenance_journal = 'oui'; DELETE FROM journal",
    ):
        with serving.transaction() as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(attempt.encode())
    serving.close()
    assert check(database).sealed == 2


# Entries.


def test_refusal_is_told_whole_with_its_incident(annuaire: Database) -> None:
    """Who, what, when, from where, result, code, cause and incident (guide §20 traçabilité)."""
    refusal = Refusal(codes.WSMG_02, diagnostic="signature: 4 certificate")
    record_refusal("demanderCertificats", refusal, database=annuaire, arrival=make_context())
    with annuaire.transaction() as connection:
        [row] = connection.execute("SELECT * FROM journal").fetchall()
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {
        "id": 1,
        "le": NOW,
        "incident": make_context().incident,
        "acte": "demanderCertificats",
        "resultat": "refusé",
        "code": "WSMG-00000002",
        "detail": "signature: 4 certificate",
        "environnement": "TEST",
        "signataire": make_context().signataire_dn,
        "titulaire_tls": make_context().titulaire_tls,
        "adresse": make_context().adresse,
    }


def test_hostile_value_does_not_keep_a_refusal_out_of_the_journal(database: Database) -> None:
    """NUL, lone surrogates and endless causes are made fit, and what is sealed is what was written."""
    with database.transaction() as connection:
        journal.write(connection, [make_entry("é" * 5_000, signataire="CN=a\0b", adresse="\ud800")])
        [row] = connection.execute("SELECT detail, signataire, adresse FROM journal").fetchall()
    assert row == {"detail": "é" * MAX_DETAIL, "signataire": "CN=a�b", "adresse": "?"}
    assert sealer_of(database).turn() == 1
    assert check(database).fault is None


# Sealing.


def test_sealing_again_seals_nothing(database: Database) -> None:
    """Each entry is sealed once, whoever calls and how often."""
    append(database, 3)
    assert [seal_pending(database), seal_pending(database)] == [3, 0]
    report = check(database)
    assert (report.fault, report.sealed, report.waiting, report.guarded) == (None, 3, 0, True)
    assert report.head == head_of(database)


def test_chain_goes_on_over_batches(database: Database) -> None:
    """A batch is one transaction; the next one begins with the head it left."""
    append(database, 7)
    assert seal_pending(database, batch=3) == 7
    assert check(database).sealed == 7


def test_writers_and_sealers_at_once_make_one_chain(database: Database) -> None:
    """Eight writers, some of which give up, and three sealers: each committed entry is sealed once, in one chain."""
    done = Event()

    def write(writer: int) -> int:
        committed = 0
        for number in range(25):
            entries = [make_entry(f"{writer}.{number}.{part}") for part in range(number % 3 + 1)]
            with suppress(GivenUp), database.transaction() as connection:
                journal.write(connection, entries)
                if number % 5 == 0:
                    raise GivenUp
                committed += len(entries)
        return committed

    def keep_sealing(_: int) -> int:
        sealed = 0
        while not done.is_set():
            sealed += seal_pending(database, batch=7)
        return sealed

    with ThreadPoolExecutor(3) as sealers, ThreadPoolExecutor(4) as writers:
        sealing = [sealers.submit(keep_sealing, number) for number in range(3)]
        committed = sum(writers.map(write, range(8)))
        done.set()
        sealed = sum(result.result() for result in sealing) + seal_pending(database)
    report = check(database)
    assert (report.fault, report.sealed, report.waiting) == (None, committed, 0)
    assert sealed == committed
    assert sealer_of(database).turn() == 0  # nothing that was rolled back is missed


def test_entry_of_a_transaction_that_commits_late_is_sealed(database: Database) -> None:
    """Numbers are given before commits: a lower number that becomes visible later takes a later rank."""
    with database.transaction() as late:
        journal.write(late, [make_entry("late")])
        append(database, 2)
        assert seal_pending(database) == 2
    append(database)
    assert seal_pending(database) == 2
    with database.transaction() as connection:
        order = connection.execute("SELECT entree FROM journal_sceau ORDER BY rang").fetchall()
    assert [row["entree"] for row in order] == [2, 3, 1, 4]
    assert check(database).fault is None


def test_long_transaction_elsewhere_does_not_hold_the_seals(database: Database, dsn: str) -> None:
    """The unsealed tail stays seconds old while an import or a backup runs for hours."""
    with psycopg.connect(dsn) as other:
        other.execute("SELECT pg_current_xact_id()")
        append(database, 2)
        assert seal_pending(database) == 2


def test_sealing_does_not_make_requests_wait(database: Database) -> None:
    """An entry commits while a sealer is in the middle of its transaction; another sealer leaves at once."""
    append(database, 2)
    with database.transaction() as sealing:
        [row] = sealing.execute("SELECT scellees FROM journal_sceller(10)").fetchall()
        assert row["scellees"] == 2
        append(database)
        assert seal_pending(database) == 0
    assert seal_pending(database) == 1
    assert check(database).sealed == 3


def test_sealer_killed_in_its_transaction_leaves_nothing(database: Database) -> None:
    """J2 is one commit: rolled back, the entries wait as before."""
    append(database, 2)
    with suppress(GivenUp), database.transaction() as sealing:
        sealing.execute("SELECT journal_sceller(10)")
        raise GivenUp
    assert check(database).waiting == 2
    assert seal_pending(database) == 2
    assert check(database).fault is None


def test_entries_older_than_the_seals_are_sealed(database: Database, dsn: str) -> None:
    """Revision 0004 has what the journal held wait for a seal; here: restored without the waiting digests."""
    append(database, 2)
    with owner(dsn) as connection:
        connection.execute("DELETE FROM journal_attente")
    assert fault_of(database).finding is Finding.ADDED
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO journal_attente SELECT j.id, journal_empreinte(j) FROM journal j")
    assert seal_pending(database) == 2
    assert check(database).fault is None


def test_kept_sealed_journal_has_no_tail_when_its_process_stops(database: Database) -> None:
    """The thread of a serving process makes a last turn."""
    with keep_sealed(database, clock=lambda: NOW, interval=3600):
        append(database, 3)
    report = check(database)
    assert (report.fault, report.sealed, report.waiting) == (None, 3, 0)


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), ValueError("unforeseen")])
def test_sealer_outlives_whatever_fails(database: Database, error: Exception) -> None:
    """A turn that fails is logged, once while it fails the same way, and tried again."""
    failing = Event()

    class Failing(Database):
        def take_receipts(self) -> list[object]:  # type: ignore[override]  # it gives none
            failing.set()
            raise error.with_traceback(None)

    broken = Failing.__new__(Failing)
    broken.__dict__.update(database.__dict__)
    with capture_logs() as logs, keep_sealed(broken, clock=lambda: NOW, interval=0.001):
        append(database)
        assert failing.wait(30)
        failing.clear()
        assert failing.wait(30)
    assert [event["event"] for event in logs] == ["journal.turn_failed"]
    assert check(database).sealed == 1


# Tampering with what is sealed.


@pytest.mark.parametrize(
    ("column", "far"), [*((column, "") for column in journal.COLUMNS.split(", ")), ("le", "'infinity'")]
)
def test_changed_entry_is_named(database: Database, dsn: str, column: str, far: str) -> None:
    """Whatever column of it: a value is another, or is there where there was none."""
    seal(database, 5)
    values = {"le": far or "le + interval '1 microsecond'", "environnement": "'TEST'", "lot": "7", "demande": "7"}
    with owner(dsn) as connection:
        change = sql.SQL("UPDATE journal SET {} = {} WHERE id = 3")
        value = sql.SQL(values.get(column, "'autre'"))
        connection.execute(change.format(sql.Identifier(column), value))
    assert fault_of(database) == Fault(finding=Finding.CHANGED, rang=3, entree=3)


Tamper = Callable[[psycopg.Connection], object]


def forge_seal(connection: psycopg.Connection, rang: int, entree: int) -> None:
    """A seal that fits the one before it, as only the database's owner can write it."""
    connection.execute(
        """
        INSERT INTO journal_sceau SELECT %(rang)s, j.id, s.empreinte, sha256(s.empreinte || int8send(%(rang)s::bigint)
            || int8send(journal_micros(s.scelle_le)) || journal_empreinte(j)), s.scelle_le
        FROM journal_sceau s, journal j WHERE s.rang = %(rang)s - 1 AND j.id = %(entree)s
        """,
        {"rang": rang, "entree": entree},
    )


def shift(connection: psycopg.Connection, first: int, by: int) -> None:
    """Move the ranks from that one on."""
    connection.execute("UPDATE journal_sceau SET rang = rang + 1000 WHERE rang >= %s", (first,))
    connection.execute("UPDATE journal_sceau SET rang = rang - 1000 + %s WHERE rang >= 1000", (by,))


def remove_entry(connection: psycopg.Connection) -> None:
    connection.execute("DELETE FROM journal WHERE id = 3")


def remove_entry_and_seal(connection: psycopg.Connection) -> None:
    remove_entry(connection)
    connection.execute("DELETE FROM journal_sceau WHERE rang = 3")


def remove_and_renumber(connection: psycopg.Connection) -> None:
    remove_entry_and_seal(connection)
    shift(connection, 4, -1)


def remove_first(connection: psycopg.Connection) -> None:
    connection.execute("DELETE FROM journal WHERE id = 1")
    connection.execute("DELETE FROM journal_sceau WHERE rang = 1")


def remove_seal(connection: psycopg.Connection) -> None:
    connection.execute("DELETE FROM journal_sceau WHERE rang = 5")


def add_entry(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO journal (le, incident, acte, resultat) VALUES (now(), '', 'x', 'accepté')")


def add_entry_with_seal(connection: psycopg.Connection) -> None:
    add_entry(connection)
    shift(connection, 3, 1)
    forge_seal(connection, 3, 6)


def reorder_seals(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE journal_sceau SET rang = rang + 1000 WHERE rang IN (3, 4)")
    connection.execute("UPDATE journal_sceau SET rang = CASE rang WHEN 1003 THEN 4 ELSE 3 END WHERE rang > 1000")


def exchange_entries(connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE journal ALTER id SET GENERATED BY DEFAULT")
    for old, new in ((3, 1000), (5, 3), (1000, 5)):
        connection.execute("UPDATE journal SET id = %s WHERE id = %s", (new, old))


def exchange_sealed(connection: psycopg.Connection) -> None:
    connection.execute(
        "UPDATE journal_sceau SET entree = CASE entree WHEN 3 THEN 1005 ELSE 1003 END WHERE rang IN (3, 5)"
    )
    connection.execute("UPDATE journal_sceau SET entree = entree - 1000 WHERE rang IN (3, 5)")


def redate_seal_for_ever(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE journal_sceau SET scelle_le = '-infinity' WHERE rang = 3")


def redate_seal(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE journal_sceau SET scelle_le = scelle_le - interval '1 day' WHERE rang = 3")


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (remove_entry, (Finding.REMOVED, 3, 3)),
        (remove_entry_and_seal, (Finding.REMOVED, 3, None)),
        (remove_and_renumber, (Finding.REMOVED, 3, None)),
        (remove_first, (Finding.REMOVED, 1, None)),
        (remove_seal, (Finding.ADDED, None, 5)),
        (add_entry, (Finding.ADDED, None, 6)),
        (add_entry_with_seal, (Finding.ADDED, 3, 6)),
        (reorder_seals, (Finding.MOVED, 4, 3)),
        (exchange_entries, (Finding.MOVED, 3, 3)),
        (exchange_sealed, (Finding.MOVED, 3, 5)),
        (redate_seal, (Finding.CHANGED, 3, 3)),
        (redate_seal_for_ever, (Finding.CHANGED, 3, 3)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_tampering_with_sealed_entries_is_named(
    database: Database, dsn: str, tamper: Tamper, expected: tuple[Finding, int | None, int | None]
) -> None:
    """By somebody who owns the database: the first entry, and what was done to it."""
    seal(database, 5)
    with owner(dsn) as connection:
        tamper(connection)
    fault = fault_of(database)
    assert (fault.finding, fault.rang, fault.entree) == expected


def test_verification_names_the_first_fault(database: Database, dsn: str) -> None:
    """Of several."""
    seal(database, 9)
    with owner(dsn) as connection:
        connection.execute("UPDATE journal SET detail = 'autre' WHERE id IN (4, 7)")
        connection.execute("DELETE FROM journal WHERE id = 6")
    report = check(database)
    assert report.fault == Fault(finding=Finding.CHANGED, rang=4, entree=4)
    assert report.sealed == 3


# Tampering with the unsealed tail.


def test_unsealed_entry_that_is_changed_or_removed_is_named(database: Database, dsn: str) -> None:
    """Its digest waits beside it; the sealer refuses to seal anything else and says so."""
    append(database, 4)
    with owner(dsn) as connection:
        connection.execute("UPDATE journal SET resultat = 'accepté' WHERE id = 3")
    assert fault_of(database) == Fault(finding=Finding.CHANGED_UNSEALED, entree=3)
    with owner(dsn) as connection:
        connection.execute("DELETE FROM journal WHERE id = 2")
    with capture_logs() as logs:
        assert seal_pending(database) == 2
    assert [(event["event"], event["entree"]) for event in logs] == [("journal.suspect", 2)]
    assert fault_of(database) == Fault(finding=Finding.LOST_UNSEALED, entree=2)


@pytest.mark.parametrize(
    "tampering",
    [
        ("DELETE FROM journal WHERE id = 2", "DELETE FROM journal_attente WHERE entree = 2"),
        (
            "UPDATE journal SET resultat = 'accepté' WHERE id = 2",
            "UPDATE journal_attente SET empreinte = journal_empreinte(j) FROM journal j WHERE j.id = 2 AND entree = 2",
        ),
        ("TRUNCATE journal, journal_attente", "SELECT 1"),
    ],
    ids=["removed", "changed", "emptied"],
)
def test_process_that_wrote_an_entry_notices_its_loss(database: Database, dsn: str, tampering: tuple[str, str]) -> None:
    """Digest and entry both: the process compares with what it committed, and the alarm is an entry by itself."""
    append(database, 3)
    with owner(dsn) as connection:
        for step in tampering:
            connection.execute(step.encode())
    sealer = sealer_of(database)
    with capture_logs() as logs:
        sealer.turn()
    assert "journal.tampered" in [event["event"] for event in logs]
    sealer.turn()
    fault = fault_of(database)
    assert fault.finding is Finding.ALARM
    assert "entrée 2" in fault.detail or "entrée 1" in fault.detail


def test_rolled_back_entry_raises_no_alarm(database: Database) -> None:
    """Neither a transaction's, nor a savepoint's, nor one that the server gave up."""
    with suppress(GivenUp), database.transaction() as connection:
        journal.write(connection, [make_entry("given up")])
        raise GivenUp
    with database.transaction() as connection:
        journal.write(connection, [make_entry("kept")])
        with suppress(GivenUp), connection.transaction():
            journal.write(connection, [make_entry("given up")])
            raise GivenUp
        with connection.transaction(force_rollback=True):
            journal.write(connection, [make_entry("given up")])
        with suppress(psycopg.Rollback), connection.transaction() as savepoint:
            journal.write(connection, [make_entry("given up")])
            raise psycopg.Rollback(savepoint)
    with suppress(psycopg.Error), database.transaction() as connection:
        journal.write(connection, [make_entry("given up")])
        with suppress(psycopg.Error):
            connection.execute("SELECT 1 / 0")
    with capture_logs() as logs:
        assert sealer_of(database).turn() == 1
    assert logs == []
    assert check(database).sealed == 1


def test_chain_cut_short_under_a_living_process_is_noticed(database: Database, dsn: str) -> None:
    """A process remembers the seal the chain ended with; a shorter chain raises an alarm within a turn."""
    sealer = sealer_of(database)
    append(database, 5)
    sealer.turn()
    with owner(dsn) as connection:
        connection.execute("DELETE FROM journal WHERE id > 3")
        connection.execute("DELETE FROM journal_sceau WHERE rang > 3")
    assert check(database).fault is None  # the file of anchors or a living process tells, not the chain
    sealer.turn()
    sealer.turn()
    assert fault_of(database).finding is Finding.ALARM


def test_change_of_state_without_its_entry_is_named(annuaire: Database, authority: EmbeddedAuthority, dsn: str) -> None:
    """Whoever rewrites the whole chain has the history and the demandes against him."""
    scenario = Scenario(database=annuaire, authority=authority)
    scenario.issue()
    numero = scenario.order()
    seal_pending(annuaire)
    assert check(annuaire).fault is None
    with owner(dsn) as connection:
        connection.execute("CREATE TEMP TABLE garde AS SELECT * FROM journal WHERE demande <> %s", (numero,))
        connection.execute("TRUNCATE journal, journal_sceau")
        connection.execute("ALTER TABLE journal ENABLE TRIGGER attendre")
        connection.execute("INSERT INTO journal OVERRIDING SYSTEM VALUE SELECT * FROM garde ORDER BY id")
    seal_pending(annuaire)
    fault = fault_of(annuaire)
    assert (fault.finding, fault.detail) == (Finding.UNTOLD, f"Demande {numero}, {NOW.isoformat()}.")


# Anchors.


def test_head_is_anchored_every_n_entries(database: Database, tmp_path: Path) -> None:
    """One line « rang date empreinte », appended when N entries were sealed since the last one, whoever wrote that."""
    anchor = AnchorFile(path=tmp_path / "ancre", every=3)
    expected = ""
    for count, line in ((2, False), (2, True), (2, False), (1, True), (7, True)):
        append(database, count)
        sealer_of(database, anchor).turn()
        expected += format_line(head_of(database)) if line else ""
        assert (anchor.path.read_text() if anchor.path.exists() else "") == expected
    anchors = read_anchors(expected.splitlines())
    report = check(database, anchors)
    assert (sorted(anchors), report.fault, report.anchors) == ([4, 7, 14], None, 3)


def test_rewritten_chain_does_not_agree_with_its_anchors(database: Database, dsn: str) -> None:
    """A chain that holds together, made by whoever owns the database, is not the one that was anchored."""
    seal(database, 3)
    anchors = {3: head_of(database).empreinte}
    with owner(dsn) as connection:
        connection.execute("UPDATE journal SET detail = 'autre' WHERE id = 2")
        connection.execute("TRUNCATE journal_sceau")
        connection.execute("INSERT INTO journal_attente SELECT j.id, journal_empreinte(j) FROM journal j")
    seal_pending(database)
    assert check(database).fault is None
    assert fault_of(database, anchors) == Fault(finding=Finding.NOT_ANCHORED, rang=3, entree=3)


def test_chain_shorter_than_its_anchor_is_named(database: Database, dsn: str) -> None:
    """Entries cut from the end, or an older state of the database."""
    seal(database, 5)
    anchors = {5: head_of(database).empreinte}
    with owner(dsn) as connection:
        connection.execute("DELETE FROM journal WHERE id > 2")
        connection.execute("DELETE FROM journal_sceau WHERE rang > 2")
    fault = fault_of(database, anchors)
    assert (fault.finding, fault.rang) == (Finding.BEYOND_END, 3)


def test_anchor_of_another_chain_is_not_written_to(database: Database, tmp_path: Path) -> None:
    """A restored database does not go on below lines that tell what it lost; the alarm is given once."""
    seal(database, 3)
    lost = Head(rang=40, empreinte=bytes(32), scelle_le=NOW)
    anchor = AnchorFile(path=tmp_path / "ancre", every=1)
    anchor.append(lost)
    sealer = sealer_of(database, anchor)
    for _ in range(3):
        sealer.turn()
    assert anchor.path.read_text() == format_line(lost)
    report = check(database)
    assert report.sealed == 4
    assert report.fault is not None
    assert (report.fault.finding, report.fault.rang) == (Finding.ALARM, 4)


def test_line_cut_short_does_not_take_the_next_one_with_it(database: Database, tmp_path: Path) -> None:
    """A full disk leaves half a line: it stays alone, and a reader is told which one it is."""
    anchor = AnchorFile(path=tmp_path / "ancre", every=1)
    seal(database, 1)
    first = head_of(database)
    anchor.append(first)
    with anchor.path.open("a") as file:
        file.write("2 2026-03-")
    assert anchor.last() == first
    append(database)
    sealer_of(database, anchor).turn()
    assert anchor.last() == head_of(database)
    with pytest.raises(UnreadableAnchor, match="ligne 2"):
        read_anchors(anchor.path.read_text().splitlines())


def test_anchors_that_contradict_each_other_are_refused() -> None:
    """One rank has one hash; a rank told twice the same is fine."""
    line = format_line(Head(rang=2, empreinte=bytes(32), scelle_le=NOW))
    other = format_line(Head(rang=2, empreinte=bytes(31) + b"\1", scelle_le=NOW + timedelta(1)))
    assert read_anchors([line, line]) == {2: bytes(32)}
    with pytest.raises(UnreadableAnchor, match="ligne 2"):
        read_anchors([line, other])


def test_processes_that_anchor_at_once_write_each_line_once(database: Database, tmp_path: Path) -> None:
    """One of them holds the lock; the others leave the line to it or to the next turn."""
    anchor = AnchorFile(path=tmp_path / "ancre", every=1)
    append(database, 5)

    def turn() -> None:
        sealer_of(database, anchor).turn()

    threads = [Thread(target=turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turn()
    assert anchor.path.read_text() == format_line(head_of(database))


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="syslog has a Unix socket")
def test_head_is_anchored_in_syslog(database: Database, tmp_path: Path) -> None:
    """A line that the verification reads in a syslog file, whatever syslog writes before it."""
    anchor = AnchorSyslog(every=2, address=tmp_path / "log")
    with pytest.raises(FileNotFoundError):
        anchor.check()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(anchor.address))
        syslog.setblocking(False)
        anchor.check()
        sealer = sealer_of(database, anchor)
        told = []
        for count in (1, 1, 1, 2):
            append(database, count)
            sealer.turn()
            with suppress(BlockingIOError):
                told.append(syslog.recv(1000).decode().removeprefix("<85>"))
    anchors = read_anchors(f"Nov 23 21:00:00 serveur {line}" for line in told)
    report = check(database, anchors)
    assert (sorted(anchors), report.fault, report.anchors) == ([2, 5], None, 2)


def test_report_tells_since_when(database: Database) -> None:
    """Head, first seal, and the waiting tail with its age."""
    seal(database, 2)
    first = head_of(database).scelle_le
    with database.transaction() as connection:
        journal.write(connection, [replace(make_entry(), le=NOW - timedelta(1)), make_entry()])
    report = check(database)
    assert (report.since, report.waiting, report.waiting_since) == (first, 2, NOW - timedelta(1))
