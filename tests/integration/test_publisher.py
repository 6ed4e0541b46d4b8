"""Publication over a real database: what is due, killed, doubled, restored, raced. Source: docs/igc.md, C1 to C3."""

import secrets
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pfcng.igc import crl, published, publisher, revocations
from pfcng.igc.keeper import keep_published
from pfcng.igc.offline import OfflineCrls
from pfcng.igc.publisher import Publisher
from pfcng.igc.revocations import Lock
from pfcng.pki.keys import Credential
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database, Row
from support.databases import accept_copy
from support.drivers import driver, driver_environment
from support.igc import NOW, Clock, Hierarchy, fill_revocations, insert, make_hierarchy, revoke
from support.workers import wait_until

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = ("locked", "snapshot", "signed", "stored", "committed")
PATIENCE = 20


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


class Press:
    """A publisher of one authority, its clock, and what it published."""

    def __init__(self, database: Database, hierarchy: Hierarchy, signer: Credential | None = None) -> None:
        self.database = database
        self.clock = Clock()
        self.signer = signer or hierarchy.authority
        self.issuer = key_identifier(self.signer.certificate)
        self.publisher = Publisher(database, signers=[self.signer], clock=self.clock)

    def turn(self, after: timedelta = timedelta(0), *, at_once: bool = False) -> int:
        self.clock.now += after
        return self.publisher.turn(at_once=at_once).published

    def rows(self, *, is_delta: bool = False) -> list[Row]:
        with self.database.transaction() as connection:
            return connection.execute(
                "SELECT * FROM igc.crl WHERE emetteur = %s AND (base IS NOT NULL) = %s ORDER BY numero DESC",
                (self.issuer, is_delta),
            ).fetchall()

    def newest(self, *, is_delta: bool = False) -> Row:
        return self.rows(is_delta=is_delta)[0]

    def serials(self, *, is_delta: bool = False) -> set[int]:
        return serials(self.newest(is_delta=is_delta)["der"])

    def revoke(self, **told: object) -> int:
        return revoke(self.database, self.issuer, **told)  # type: ignore[arg-type]  # as `revoke` takes them


def serials(der: bytes) -> set[int]:
    return {entry.serial_number for entry in x509.load_der_x509_crl(der)}


@pytest.fixture
def press(database: Database, hierarchy: Hierarchy) -> Press:
    return Press(database, hierarchy)


def test_first_turn_publishes_both_and_the_next_nothing(press: Press) -> None:
    """None yet: complete, then a delta that adds nothing to it."""
    serial = press.revoke()
    assert press.turn() == 2
    complete, delta = press.newest(), press.newest(is_delta=True)
    assert press.serials() == {serial}
    assert press.serials(is_delta=True) == set()
    assert (complete["numero"], complete["entrees"]) == (int(NOW.timestamp()), 1)
    assert (delta["base"], delta["numero"]) == (complete["numero"], complete["numero"] + 1)
    assert complete["prochaine_maj"] - complete["cette_maj"] == 6 * DAY
    assert press.turn() == 0


def test_what_is_published_is_the_authority_s_alone(press: Press, hierarchy: Hierarchy) -> None:
    """Two authorities of one database: each one's revocations, numbers and locks."""
    own = press.revoke()
    root = Press(press.database, hierarchy, hierarchy.root)
    above = root.revoke()
    publisher = Publisher(press.database, signers=[press.signer, root.signer], clock=press.clock)
    assert publisher.turn().published == 3
    assert (press.serials(), root.serials()) == ({own}, {above})
    assert root.rows(is_delta=True) == []
    assert root.newest()["prochaine_maj"] - root.newest()["cette_maj"] == 45 * DAY


def test_revocation_is_published_at_once_and_those_that_follow_after_a_minute(press: Press) -> None:
    """Coalesced to one a minute; the turn says that it is behind. Who asks for it does not wait."""
    press.turn()
    first = press.revoke()
    assert press.turn(2 * MINUTE) == 2
    complete, delta = press.newest(), press.newest(is_delta=True)
    assert press.serials() == press.serials(is_delta=True) == {first}
    assert delta["numero"] == complete["numero"]
    assert delta["base"] == press.rows()[1]["numero"]
    second = press.revoke()
    press.clock.now += 59 * SECOND
    waiting = press.publisher.turn()
    assert (waiting.published, waiting.is_behind) == (0, True)
    assert press.turn(at_once=True) == 2
    assert press.serials() == {first, second}


def test_delta_goes_on_while_the_complete_crl_is_dear(press: Press) -> None:
    """What took a minute to make is made again after ten; the delta tells meanwhile."""
    press.turn()
    with press.database.transaction() as connection:
        connection.execute("UPDATE igc.crl SET duree = '1 minute' WHERE base IS NULL")
    serial = press.revoke()
    base = press.newest()["numero"]
    assert press.turn(5 * MINUTE) == 1
    assert press.newest()["numero"] == base
    assert press.serials(is_delta=True) == {serial}
    assert press.newest(is_delta=True)["base"] == base
    assert press.turn(6 * MINUTE) == 1
    assert press.serials() == {serial}


def test_three_of_each_kind_are_kept(press: Press) -> None:
    """And the numbers of both grow together."""
    numbers = []
    for _ in range(5):
        press.revoke()
        assert press.turn(2 * MINUTE) == 2
        numbers.append((press.newest()["numero"], press.newest(is_delta=True)["numero"]))
    assert (len(press.rows()), len(press.rows(is_delta=True))) == (3, 3)
    assert numbers == sorted(numbers)


def test_expired_certificate_leaves_after_one_more_complete_crl(press: Press) -> None:
    """RFC 5280 §3.3: not before it was on one that was made after the certificate's end."""
    serial = press.revoke(not_after=NOW + HOUR)
    lasting = press.revoke()
    press.turn()
    press.turn(DAY)
    assert press.serials() == {serial, lasting}
    press.turn(DAY)
    assert press.serials() == {lasting}


def test_certificate_that_expires_before_its_first_complete_crl_is_on_one(press: Press) -> None:
    """RFC 5280 §5.2.4: in every delta until a complete one has had it."""
    press.turn()
    serial = press.revoke(not_after=NOW + MINUTE)
    with press.database.transaction() as connection:
        connection.execute("UPDATE igc.crl SET duree = '1 hour' WHERE base IS NULL")
    assert press.turn(2 * HOUR) == 1
    assert press.serials(is_delta=True) == {serial}
    assert press.turn(22 * HOUR) == 2
    assert press.serials() == press.serials(is_delta=True) == {serial}
    press.turn(DAY)
    assert press.serials() == set()


def test_clock_set_back_makes_no_smaller_number(press: Press) -> None:
    """And what bears a date of the future is made again."""
    press.turn()
    before = press.newest()
    assert press.turn(-2 * DAY) == 2
    assert press.newest()["numero"] > before["numero"]
    assert press.newest()["cette_maj"] < before["cette_maj"]
    assert press.turn() == 0


def test_restored_database_takes_no_number_again(press: Press, postgres: str, dsn: str, hierarchy: Hierarchy) -> None:
    """A back-up of this morning knows nothing of the CRLs of today."""
    press.turn()
    press.database.close()
    name = f"restore_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        source = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        assert isinstance(source, str)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
        )
    with closing(Database(make_conninfo(postgres, dbname=name))) as unread:
        assert Press(unread, hierarchy).turn() == 0  # not before both sides were compared (docs/restore.md)
    accept_copy(make_conninfo(postgres, dbname=name))
    with closing(Database(dsn)) as lost, closing(Database(make_conninfo(postgres, dbname=name))) as restored:
        going_on, again = Press(lost, hierarchy), Press(restored, hierarchy)
        for hours in range(1, 5):
            going_on.revoke()
            going_on.turn(hours * HOUR)
        told = going_on.newest()["numero"]
        again.clock.now = going_on.clock.now + MINUTE
        again.revoke()
        again.turn()
        assert again.newest()["numero"] > told


@pytest.mark.parametrize("step", STEPS)
def test_kill_at_any_step_leaves_the_next_turn_what_is_due(
    press: Press, dsn: str, hierarchy: Hierarchy, tmp_path: Path, step: str
) -> None:
    """Before C3 nothing happened; after it everything did. The locks end with the process."""
    serial = press.revoke()
    assert publish_elsewhere(dsn, hierarchy, tmp_path, step) == -signal.SIGKILL
    left = press.rows()
    assert bool(left) == (step == "committed")
    press.turn(SECOND)
    assert press.serials() == {serial}
    assert [row["numero"] for row in press.rows()] == sorted({row["numero"] for row in press.rows()}, reverse=True)
    press.revoke()
    assert press.turn(2 * MINUTE) == 2


def test_driver_without_a_kill_publishes(press: Press, dsn: str, hierarchy: Hierarchy, tmp_path: Path) -> None:
    """The kills above happen where they say."""
    assert publish_elsewhere(dsn, hierarchy, tmp_path, "none") == 0
    assert len(press.rows()) == 1


def publish_elsewhere(dsn: str, hierarchy: Hierarchy, folder: Path, step: str) -> int:
    certificate, key = folder / "ac.pem", folder / "ac.key"
    certificate.write_bytes(hierarchy.authority.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(hierarchy.authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    command = driver("publication_driver", dsn, certificate, key, step)
    return subprocess.run(command, env=driver_environment(), check=False).returncode


def test_publishers_at_once_publish_once(press: Press, hierarchy: Hierarchy) -> None:
    """Who finds the lock taken leaves."""
    presses = [Press(press.database, hierarchy) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda one: one.turn(), presses))
    assert sum(done) == 2
    assert (len(press.rows()), len(press.rows(is_delta=True))) == (1, 1)


def test_two_processes_publish_once_a_period(press: Press, hierarchy: Hierarchy) -> None:
    """Two days, looked at each twenty minutes by both at once: a complete CRL a day, a delta an hour."""
    presses = [press, Press(press.database, hierarchy)]
    made = 0
    with ThreadPoolExecutor(2) as threads:
        for _ in range(2 * 24 * 3):
            made += sum(threads.map(lambda one: one.turn(20 * MINUTE), presses))
    assert made == 2 + 2 * 24


def test_second_publisher_is_refused_by_the_number_were_the_lock_lost(
    press: Press, hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unique by constraint."""
    keys = iter(range(1, 100))
    monkeypatch.setattr(Lock, "key", lambda *_: next(keys))
    sign, other = crl.sign, Press(press.database, hierarchy)

    def overtaken(*arguments: object) -> bytes:
        monkeypatch.setattr(crl, "sign", sign)
        assert other.turn() == 2
        return sign(*arguments)  # type: ignore[arg-type]  # what `sign` was given

    monkeypatch.setattr(crl, "sign", overtaken)
    turn = press.publisher.turn()
    assert (turn.published, turn.is_behind) == (0, True)
    assert len(press.rows()) == 1


def test_connection_that_is_cut_leaves_the_next_turn_what_is_due(
    press: Press, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the session in the midst of a turn."""
    sign = crl.sign

    def cut(*arguments: object) -> bytes:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                """
                SELECT pg_terminate_backend(pid, 60000) FROM pg_locks
                WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
                """
            )
        return sign(*arguments)  # type: ignore[arg-type]  # what `sign` was given

    with monkeypatch.context() as patch:
        patch.setattr(crl, "sign", cut)
        with pytest.raises(psycopg.OperationalError):
            press.turn()
    assert press.rows() == []
    assert press.turn() == 2


def test_revocations_are_never_in_neither_kind(press: Press) -> None:
    """C2: what is not in a complete CRL is above its cut, however the commits fall; so the deltas have it."""
    made: list[Row] = []
    ended = Event()

    def publish() -> None:
        while not ended.is_set():
            press.turn(SECOND, at_once=True)
            made.extend((*press.rows()[:1], *press.rows(is_delta=True)[:1]))

    def revoke_slowly(_: int) -> int:
        with press.database.transaction() as connection:
            serial = insert(connection, press.issuer)
            # Others get a greater ordre and commit before this one.
            connection.execute("SELECT pg_sleep(random() * 0.02)")
        return serial

    thread = Thread(target=publish)
    thread.start()
    with ThreadPoolExecutor(6) as threads:
        revoked = set(threads.map(revoke_slowly, range(300)))
    ended.set()
    thread.join()
    press.turn(2 * MINUTE, at_once=True)
    assert press.serials() == revoked
    with press.database.transaction() as connection:
        rows = connection.execute("SELECT ordre, numero_serie FROM igc.revocation").fetchall()
    order = {int.from_bytes(row["numero_serie"], "big"): row["ordre"] for row in rows}
    complete = {row["numero"]: row for row in made if row["base"] is None}
    assert len(complete) > 3
    for row in complete.values():
        assert serials(row["der"]) == {serial for serial in revoked if order[serial] <= row["coupure"]}
    for row in made:
        if row["base"] in complete:
            base = complete[row["base"]]
            assert serials(base["der"]) | serials(row["der"]) == {
                serial for serial in revoked if order[serial] <= row["coupure"]
            }


def test_revocation_that_hangs_stops_neither_the_others_nor_the_publisher_for_ever(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher gives up after some seconds and comes back; the revocations that waited behind it go on."""
    monkeypatch.setattr(revocations, "_LOCK_PATIENCE", "200ms")
    with press.database.transaction() as connection:
        insert(connection, press.issuer)
        turn = press.publisher.turn()
        assert (turn.published, turn.is_behind) == (0, True)
        press.revoke()
    assert press.turn() == 2
    assert len(press.serials()) == 2


def test_invalid_signature_is_not_published(press: Press, hierarchy: Hierarchy) -> None:
    """A fault in the computation does not leave; the other authorities publish."""
    wrong = Credential(
        certificate=press.signer.certificate,
        chain=(),
        key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )
    turn = Publisher(press.database, signers=[wrong, hierarchy.root], clock=press.clock).turn()
    assert (turn.published, turn.is_behind) == (1, True)
    assert press.rows() == []


def test_revocation_wakes_the_publisher_of_any_process(press: Press, dsn: str) -> None:
    """NOTIFY, in the revocation's own transaction: the keeper does not wait for its minute."""
    press.turn()
    press.clock.now += 2 * MINUTE
    woken = Event()
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN pfcng_crl")
        with keep_published(press.publisher, database=press.database, beside=(woken.set,), interval=3600):
            assert woken.wait(PATIENCE)  # its first turn is over, it listens
            with closing(Database(dsn)) as other:
                serial = revoke(other, press.issuer)
            [told] = listener.notifies(timeout=PATIENCE, stop_after=1)
    assert told.payload == press.issuer.hex()
    assert press.serials() == {serial}


def test_act_that_fails_keeps_no_other_from_its_turn(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is brought from a safe, and the responders, do not wait for a CRL that cannot be made."""
    done = Event()

    def fail(**_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(press.publisher, "turn", fail)
    with keep_published(press.publisher, database=press.database, beside=(fail, done.set)):  # type: ignore[arg-type]
        assert done.wait(PATIENCE)


def test_publisher_that_hangs_gives_way_to_another(
    press: Press, hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is frozen, or a token that never answers: the server takes its locks, and nothing of it counts."""
    monkeypatch.setattr(publisher, "_FROZEN", "500ms")
    original, first, hangs, let = crl.sign, {True}, Event(), Event()

    def sign(issuer: Credential, frame: crl.Frame, body: crl.Body) -> bytes:
        if first:
            first.clear()
            hangs.set()
            assert let.wait(PATIENCE)
        return original(issuer, frame, body)

    monkeypatch.setattr(crl, "sign", sign)
    other = Press(press.database, hierarchy)
    with ThreadPoolExecutor(1) as threads:
        frozen = threads.submit(press.turn)
        assert hangs.wait(PATIENCE)
        wait_until(lambda: other.turn() == 2)
        let.set()
        with pytest.raises(psycopg.OperationalError):
            frozen.result()
    assert (len(press.rows()), len(press.rows(is_delta=True))) == (1, 1)


def test_revoking_is_as_fast_with_a_million(press: Press, dsn: str) -> None:
    """Every statement of a revocation, and what a turn asks first, goes by an index."""
    fill_revocations(dsn, press.issuer, 50_000)
    statements = [
        ("SELECT ordre FROM igc.revocation WHERE emetteur = %s ORDER BY ordre DESC LIMIT 1", (press.issuer,)),
        ("SELECT revoque_le FROM igc.revocation WHERE emetteur = %s AND numero_serie = %s", (press.issuer, b"1" * 16)),
        (
            "SELECT numero_serie FROM igc.revocation WHERE emetteur = %s AND ordre > %s ORDER BY ordre",
            (press.issuer, 49_990),
        ),
    ]
    with press.database.transaction() as connection:
        for statement, parameters in statements:
            rows = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), parameters).fetchall()
            plan = str(rows)
            assert "Index" in plan, statement
            assert "Seq Scan" not in plan, statement


def test_crl_of_a_root_in_its_safe_is_published_as_it_was_made(
    database: Database, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    """Somebody brings a newer file; an older one, a stranger's or garbage changes nothing."""
    path, issuer = tmp_path / "ACR-EL-TEST.crl", key_identifier(hierarchy.root.certificate)
    offline = OfflineCrls(database, authorities=[hierarchy.root.certificate], paths=[path])

    def taken(content: bytes) -> int | None:
        path.write_bytes(content)
        offline.take_in()
        with database.transaction() as connection:
            return published.newest_number(connection, issuer, is_delta=False)

    def made(signer: Credential, number: int, base: int | None = None) -> bytes:
        frame = crl.Frame(number=number, base=base, this_update=NOW, next_update=NOW + 45 * DAY)
        return crl.sign(signer, frame, crl.encode(()))

    offline.take_in()
    assert taken(made(hierarchy.root, 73)) == 73
    assert taken(made(hierarchy.root, 74)) == 74
    stranger = make_hierarchy()
    for content in (
        made(hierarchy.root, 72),
        made(hierarchy.root, 80, base=74),
        made(hierarchy.authority, 81),
        made(stranger.root, 82),
        b"garbage",
    ):
        assert taken(content) == 74
    with database.transaction() as connection:
        file = published.read_file(connection, issuer, is_delta=False)
    assert file is not None
    assert (file.der, file.next_update) == (made(hierarchy.root, 74), (NOW + 45 * DAY).replace(microsecond=0))
