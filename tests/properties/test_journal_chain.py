"""The journal's chain over any entries: what one octet decides, and that the database computes what Python does."""

from dataclasses import astuple, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings, strategies as st
from psycopg import sql

from pfcng.contract.catalogue import Environment
from pfcng.store import journal
from pfcng.store.database import Database
from pfcng.store.journal import JournalEntry, digest
from pfcng.store.sealing import GENESIS, seal_hash, seal_pending
from support.journal import check, owner

TEXT = st.text(max_size=40)
NUMBER = st.none() | st.integers(0, 2**63 - 1)
MOMENT = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given UTC
ENTRY = st.builds(
    JournalEntry,
    le=MOMENT,
    incident=TEXT,
    acte=TEXT,
    resultat=st.sampled_from(["accepté", "refusé"]),
    environment=st.none() | st.sampled_from(Environment),
    lot=NUMBER,
    demande=NUMBER,
    **dict.fromkeys(
        ("code", "detail", "acteur", "administrateur", "signataire", "titulaire_tls", "adresse"), st.none() | TEXT
    ),
)


@given(ENTRY, ENTRY, st.integers(1, 9), st.integers(1, 9))
def test_two_entries_have_one_digest_only_if_they_are_the_same(
    one: JournalEntry, other: JournalEntry, first: int, second: int
) -> None:
    """Lengths are part of the encoding: no two sets of fields are the same octets."""
    same = (first, fit(one)) == (second, fit(other))
    assert (digest(first, fit(one)) == digest(second, fit(other))) == same


@given(ENTRY, st.data())
def test_text_that_moves_from_a_field_to_the_next_changes_the_digest(entry: JournalEntry, data: st.DataObject) -> None:
    """Nor is an empty text an absent one."""
    names = ["incident", "acte", "code", "detail", "acteur", "administrateur", "signataire", "titulaire_tls", "adresse"]
    position = data.draw(st.integers(0, len(names) - 2))
    left, right = names[position], names[position + 1]
    told: dict[str, Any] = {left: getattr(entry, left) or "", right: getattr(entry, right) or ""}
    joined = told[left] + told[right]
    cut = data.draw(st.integers(0, len(joined)))
    moved: dict[str, Any] = {left: joined[:cut], right: joined[cut:]}
    before, after = replace(entry, **told), replace(entry, **moved)
    assert (digest(1, fit(before)) == digest(1, fit(after))) == (fit(before) == fit(after))
    if getattr(entry, left) is None:
        empty: dict[str, Any] = {left: ""}
        assert digest(1, fit(entry)) != digest(1, fit(replace(entry, **empty)))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**63 - 1), MOMENT, st.binary(min_size=32, max_size=32))
def test_seal_depends_on_rank_date_entry_and_the_one_before(
    before: bytes, rang: int, moment: datetime, entry: bytes
) -> None:
    """Each of the four decides."""
    sealed = seal_hash(before, rang, moment, entry)
    other = bytes([before[0] ^ 1, *before[1:]])
    assert sealed != seal_hash(other, rang, moment, entry)
    assert sealed != seal_hash(before, rang - 1, moment, entry)
    assert sealed != seal_hash(before, rang, moment + timedelta(microseconds=1), entry)
    assert sealed != seal_hash(before, rang, moment, other)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRY, min_size=1, max_size=8), batch=st.integers(1, 4))
def test_database_seals_what_python_computes(
    entries: list[JournalEntry], batch: int, database: Database, dsn: str
) -> None:
    """Two computations, one chain, whatever the entries hold: the database's to seal, Python's to verify."""
    _empty(dsn)
    with database.transaction() as connection:
        journal.write(connection, entries)
    expected = [receipt.empreinte for receipt in database.take_receipts()]
    assert seal_pending(database, batch=batch) == len(entries)
    with database.transaction() as connection:
        seals = connection.execute("SELECT * FROM journal_sceau ORDER BY rang").fetchall()
    head = GENESIS
    for rang, (seal, told) in enumerate(zip(seals, expected, strict=True), start=1):
        assert (seal["rang"], seal["precedent"]) == (rang, head)
        head = seal_hash(head, rang, seal["scelle_le"], told)
        assert seal["empreinte"] == head
    assert check(database).fault is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 6), change=st.sampled_from(["column", "entry", "seal", "both"]))
def test_any_single_tampering_is_found_where_it_is(
    data: st.DataObject, count: int, change: str, database: Database, dsn: str
) -> None:
    """Any column to any other value, any entry or seal taken away but the last: found, at its own rank."""
    _empty(dsn)
    entries = data.draw(st.lists(ENTRY, min_size=count, max_size=count))
    with database.transaction() as connection:
        journal.write(connection, entries)
    seal_pending(database)
    rang = data.draw(st.integers(1, count if change in {"column", "entry"} else max(1, count - 1)))
    with database.transaction() as connection:
        [row] = connection.execute("SELECT entree FROM journal_sceau WHERE rang = %s", (rang,)).fetchall()
        [before] = connection.execute("SELECT * FROM journal WHERE id = %s", (row["entree"],)).fetchall()
    with owner(dsn) as connection:
        changed = _tamper(connection, change, row["entree"], before, data)
    fault = check(database).fault
    if change in {"seal", "both"} and count == 1:
        # The chain's only seal: nothing is left to disagree with it but the entry, the anchors and a living process.
        assert (fault is not None) == (change == "seal")
    elif changed:
        assert fault is not None
        assert fault.rang == rang
    else:
        assert fault is None


def fit(entry: JournalEntry) -> JournalEntry:
    """The entry as it is written."""
    return journal._fit(entry)


def _tamper(
    connection: psycopg.Connection, change: str, entree: int, before: dict[str, Any], data: st.DataObject
) -> bool:
    """Make the change; whether anything is another than it was."""
    if change in {"entry", "both"}:
        connection.execute("DELETE FROM journal WHERE id = %s", (entree,))
    if change in {"seal", "both"}:
        connection.execute("DELETE FROM journal_sceau WHERE entree = %s", (entree,))
    if change != "column":
        return True
    columns = journal.COLUMNS.split(", ")
    position = data.draw(st.integers(0, len(columns) - 1))
    value = astuple(fit(data.draw(ENTRY)))[position]
    column = columns[position]
    query = sql.SQL("UPDATE journal SET {} = %s WHERE id = %s").format(sql.Identifier(column))
    connection.execute(query, (value, entree))
    return bool(before[column] != value)


def _empty(dsn: str) -> None:
    with owner(dsn) as connection:
        connection.execute("TRUNCATE journal, journal_sceau, journal_attente")


def test_every_field_of_an_entry_is_a_column_that_is_sealed() -> None:
    """The encoding follows the columns; a field that is not among them would be outside the seal."""
    named = [field.name.replace("environment", "environnement") for field in fields(JournalEntry)]
    assert named == journal.COLUMNS.split(", ")
