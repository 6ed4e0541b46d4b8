"""The trust that requests are judged by: sources, belief, cache, alarms. Source: docs/igc.md, Trust in cards."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pfcng.app.platform import create_app
from pfcng.domain.rules import Rules
from pfcng.igc import crl
from pfcng.igc.crl import Frame
from pfcng.igc.publisher import Publisher
from pfcng.igc.serials import to_octets
from pfcng.operations.revoquer_certificat import revoquer_certificat
from pfcng.pki import names
from pfcng.pki.keys import Credential
from pfcng.pki.products import key_usage
from pfcng.pki.trust import TrustStore, UntrustedCertificate
from pfcng.settings import PlatformSettings
from pfcng.store.database import Database
from pfcng.web import crl_urls
from pfcng.web.crl_sources import ClosedSource, FileSource, TableSource, Update
from pfcng.web.crl_urls import UrlSource
from pfcng.web.trust import Ailment, Alarm, LiveTrust, keep_trusted
from support.crl_server import Shelf, serve
from support.databases import make_database
from support.igc import NOW, Clock, Hierarchy, make_hierarchy, revoke
from support.platform import make_context, make_pki
from support.revocations import revocation_of
from support.scenario import Scenario
from support.serve import Installation
from support.workers import wait_until

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GRACE = DAY
PATIENCE = 20


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    return make_hierarchy()


@pytest.fixture(scope="session")
def holder(hierarchy: Hierarchy) -> x509.Certificate:
    """A certificate of the authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    builder = x509.CertificateBuilder(
        hierarchy.authority.certificate.subject,
        hierarchy.authority.certificate.subject,
        key.public_key(),
        4321,
        NOW - DAY,
        NOW + 900 * DAY,
    ).add_extension(x509.AuthorityKeyIdentifier(hierarchy.issuer, None, None), critical=False)
    builder = builder.add_extension(key_usage("digital_signature"), critical=True)
    return builder.sign(hierarchy.authority.key, hashes.SHA256())


@pytest.fixture
def store(hierarchy: Hierarchy) -> TrustStore:
    """The authority, without a CRL."""
    return TrustStore.load(
        [hierarchy.root.certificate], [hierarchy.authority.certificate], (), now=NOW, crl_grace=GRACE
    )


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def crl_of(signer: Credential, *serials: int, number: int = 1, at: datetime = NOW) -> bytes:
    frame = Frame(number=number, base=None, this_update=at, next_update=at + 6 * DAY)
    return crl.sign(signer, frame, crl.encode([(to_octets(serial), at, None) for serial in serials]))


def verdict(trust: LiveTrust, holder: x509.Certificate, now: datetime = NOW) -> str:
    """What becomes of the holder: believed, or the first words of the reason."""
    try:
        trust.current.validate(holder, now)
    except UntrustedCertificate as error:
        return error.reason.split(":")[0].removesuffix(" TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS")
    return "believed"


class Tables:
    """A trust over our own tables, and who publishes in them."""

    def __init__(self, database: Database, hierarchy: Hierarchy, store: TrustStore) -> None:
        self.database = database
        self.issuer = hierarchy.issuer
        self.clock = Clock()
        self.publisher = Publisher(database, signers=[hierarchy.authority], clock=self.clock)
        source = TableSource(database, frozenset({hierarchy.issuer}))
        self.trust = LiveTrust(store, clock=self.clock, near=[source])


@pytest.fixture
def tables(database: Database, hierarchy: Hierarchy, store: TrustStore) -> Tables:
    return Tables(database, hierarchy, store)


def test_own_revocation_counts_before_its_crl(tables: Tables, holder: x509.Certificate) -> None:
    """However busy the publisher is; and once the CRL has it, it counts once."""
    tables.trust.refresh()
    assert verdict(tables.trust, holder) == "no CRL of"
    tables.publisher.turn()
    tables.trust.refresh()
    assert verdict(tables.trust, holder) == "believed"
    revoke(tables.database, tables.issuer, holder.serial_number)
    tables.trust.refresh()
    assert verdict(tables.trust, holder) == "revoked"
    tables.publisher.turn(at_once=True)
    for _ in range(2):
        tables.trust.refresh()
        assert verdict(tables.trust, holder) == "revoked"
    assert "late=frozenset()" in str(tables.trust.current._revocations[tables.issuer])


def test_own_crl_that_is_not_believed_hides_no_revocation(
    tables: Tables, hierarchy: Hierarchy, holder: x509.Certificate
) -> None:
    """What was revoked since the last believed one is read from the table until another is believed."""
    tables.publisher.turn()
    tables.trust.refresh()
    revoke(tables.database, tables.issuer, holder.serial_number)
    tables.publisher.turn(at_once=True)
    *sound, last = crl_of(hierarchy.authority, number=2**40)
    with tables.database.transaction() as connection:
        connection.execute(
            "UPDATE igc.crl SET der = %s WHERE base IS NULL AND numero = (SELECT max(numero) FROM igc.crl)",
            (bytes([*sound, last ^ 1]),),
        )
    for _ in range(2):
        tables.trust.refresh()
        assert verdict(tables.trust, holder) == "revoked"


def test_request_keeps_the_state_that_it_took(tables: Tables, holder: x509.Certificate) -> None:
    """A store never changes: the next request takes the next one."""
    tables.publisher.turn()
    tables.trust.refresh()
    taken = tables.trust.current
    revoke(tables.database, tables.issuer, holder.serial_number)
    tables.trust.refresh()
    taken.validate(holder, NOW)
    assert verdict(tables.trust, holder) == "revoked"


def test_revocation_is_known_at_once_without_a_turn_s_pause(tables: Tables, holder: x509.Certificate) -> None:
    """NOTIFY wakes the thread: seconds, whatever the interval."""
    tables.publisher.turn()
    turned = Event()
    refresh = tables.trust.refresh

    class Watched(LiveTrust):
        def refresh(self) -> None:
            refresh()
            turned.set()

    watched = Watched(tables.trust.current, clock=tables.clock, near=tables.trust._near)
    with keep_trusted(watched, database=tables.database, interval=3600):
        assert turned.wait(PATIENCE)
        assert verdict(tables.trust, holder) == "believed"
        turned.clear()
        revoke(tables.database, tables.issuer, holder.serial_number)
        assert turned.wait(PATIENCE)
    assert verdict(tables.trust, holder) == "revoked"


def test_revocation_by_a_pfcng_igc_elsewhere_counts_before_its_crl(
    scenario: Scenario, pki: Path, tmp_path: Path
) -> None:
    """Whoever revoked it here knows it: neither the hour of its CRL's URL nor a turn's pause is waited for."""
    files = make_pki(pki)
    now = datetime.now(UTC)
    certificate, other = scenario.issue(), scenario.issue()
    name = names.first(certificate.issuer, NameOID.COMMON_NAME) or ""
    signer = files.authorities[name].pair.load()
    (tmp_path / "ac.crl").write_bytes(crl_of(signer, at=now))
    roots = x509.load_pem_x509_certificates(files.anchors.read_bytes())
    store = TrustStore.load(roots, [signer.certificate], (), now=now, crl_grace=GRACE)
    known = ClosedSource(scenario.database, [signer.certificate], clock=lambda: datetime.now(UTC), grace=GRACE)
    trust = LiveTrust(store, clock=lambda: now, near=[FileSource(tmp_path / "ac.crl"), known])
    with keep_trusted(trust, database=scenario.database, interval=3600):
        wait_until(lambda: verdict(trust, certificate, now + MINUTE) == "believed")
        requete = revocation_of(certificate)
        revoquer_certificat(
            requete,
            database=scenario.database,
            authority=scenario.authority,
            context=make_context(),
            rules=Rules(),
        )
        wait_until(lambda: verdict(trust, certificate, now + MINUTE) == "revoked")
    assert verdict(trust, other, now + MINUTE) == "believed"
    (tmp_path / "ac.crl").write_bytes(crl_of(signer, number=2, at=now + MINUTE))
    trust.refresh()
    assert verdict(trust, certificate, now + MINUTE) == "revoked", "a CRL made before the révocation brings nobody back"


def test_what_two_sources_know_of_an_authority_counts_together(
    tables: Tables, store: TrustStore, hierarchy: Hierarchy, holder: x509.Certificate
) -> None:
    """An authority may publish here and have its orders revoked elsewhere: neither source undoes the other."""
    tables.publisher.turn()

    class Silent:
        label = "silent"
        channels = ()

        def fetch(self) -> Update:
            return Update(late={hierarchy.issuer: frozenset()})

        def believed(self) -> None:
            """Nothing is kept."""

    table = TableSource(tables.database, frozenset({hierarchy.issuer}))
    trust = LiveTrust(store, clock=tables.clock, near=[table, Silent()])
    trust.refresh()
    revoke(tables.database, tables.issuer, holder.serial_number)
    trust.refresh()
    assert verdict(trust, holder) == "revoked"


def test_closed_revocations_are_found_by_an_index(database: Database) -> None:
    """Every process reads them every few seconds."""
    with database.transaction() as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = str(
            connection.execute(
                "EXPLAIN SELECT produit FROM revocation WHERE etat = 'Demande close' AND revoque_le >= now()"
            ).fetchall()
        )
    assert "revocation_close" in plan


def test_file_is_read_again_when_it_changes(
    tmp_path: Path, hierarchy: Hierarchy, store: TrustStore, holder: x509.Certificate
) -> None:
    """DER or PEM; what cannot be read or believed leaves the one before."""
    path = tmp_path / "ac.crl"
    trust = LiveTrust(store, clock=Clock(), near=[FileSource(path)])
    trust.refresh()
    assert verdict(trust, holder) == "no CRL of"
    path.write_bytes(crl_of(hierarchy.authority))
    trust.refresh()
    assert verdict(trust, holder) == "believed"
    revoked = x509.load_der_x509_crl(crl_of(hierarchy.authority, holder.serial_number, number=2))
    path.write_bytes(revoked.public_bytes(Encoding.PEM))
    trust.refresh()
    assert verdict(trust, holder) == "revoked"
    for bad in (b"", b"-----BEGIN X509 CRL-----", crl_of(hierarchy.authority)[:-1], crl_of(hierarchy.authority)):
        path.write_bytes(bad)
        trust.refresh()
        assert verdict(trust, holder) == "revoked"
    path.unlink()
    trust.refresh()
    assert verdict(trust, holder) == "revoked"


class Remote:
    """A trust over one URL, with its cache."""

    def __init__(self, shelf: Shelf, store: TrustStore, cache: Path) -> None:
        self.shelf = shelf
        self.cache = cache
        self._store = store
        self.trust = self.restarted()

    def restarted(self) -> LiveTrust:
        source = UrlSource(self.shelf.url, cache=self.cache, every=timedelta(0))
        trust = LiveTrust(self._store, clock=Clock(), far=[source])
        trust.recall()
        return trust


@pytest.fixture
def remote(hierarchy: Hierarchy, store: TrustStore, tmp_path: Path) -> Iterator[Remote]:
    with serve(crl_of(hierarchy.authority)) as shelf:
        yield Remote(shelf, store, tmp_path / "cache")


def test_url_is_fetched_when_it_changed(remote: Remote, hierarchy: Hierarchy, holder: x509.Certificate) -> None:
    """Conditional requests: what is known is not sent again."""
    trust, shelf = remote.trust, remote.shelf
    trust.refresh_far()
    trust.refresh_far()
    assert (shelf.answered, verdict(trust, holder)) == ([200, 304], "believed")
    shelf.content = crl_of(hierarchy.authority, holder.serial_number, number=2)
    trust.refresh_far()
    assert (shelf.answered, verdict(trust, holder)) == ([200, 304, 200], "revoked")


def test_what_was_believed_is_kept_for_the_next_process(remote: Remote, holder: x509.Certificate) -> None:
    """A start needs no network; and asks with what it knows."""
    remote.trust.refresh_far()
    again = remote.restarted()
    assert verdict(again, holder) == "believed"
    again.refresh_far()
    assert remote.shelf.answered == [200, 304]


def test_renewal_forgets_no_crl_that_its_sources_do_not_have_now(
    remote: Remote, hierarchy: Hierarchy, store: TrustStore, holder: x509.Certificate, tmp_path: Path
) -> None:
    """A cache on a full disk has none, or an older one: nobody is refused for that, and nobody believed again."""
    trust = remote.trust
    trust.refresh_far()
    trust.adopt(LiveTrust(store, clock=Clock()))
    assert verdict(trust, holder) == "believed"
    path = tmp_path / "ancienne.crl"
    path.write_bytes(crl_of(hierarchy.authority))
    older = LiveTrust(store, clock=Clock(), near=[FileSource(path)])
    older.refresh()
    remote.shelf.content = crl_of(hierarchy.authority, holder.serial_number, number=2)
    trust = remote.restarted()
    trust.refresh_far()
    trust.adopt(older)
    assert verdict(trust, holder) == "revoked"
    trust.refresh()
    assert verdict(trust, holder) == "revoked"


def test_renewal_believes_no_crl_of_another_key(remote: Remote) -> None:
    """An authority of the same name has CRLs of its own."""
    remote.trust.refresh_far()
    other = make_hierarchy()
    store = TrustStore.load([other.root.certificate], [other.authority.certificate], (), now=NOW, crl_grace=GRACE)
    remote.trust.adopt(LiveTrust(store, clock=Clock()))
    assert [alarm.ailment for alarm in remote.trust.ailing()] == [Ailment.MISSING]


def test_cache_that_is_damaged_is_fetched_again(remote: Remote, holder: x509.Certificate) -> None:
    """No belief in what is on disk without the signature; and its validators do not count."""
    remote.trust.refresh_far()
    [kept] = remote.cache.glob("*.crl")
    stranger = make_hierarchy()
    for damaged in (b"", b"garbage", crl_of(stranger.authority)):
        kept.write_bytes(damaged)
        again = remote.restarted()
        assert verdict(again, holder) == "no CRL of"
        again.refresh_far()
        assert verdict(again, holder) == "believed"
    assert remote.shelf.answered == [200, 200, 200, 200]


def test_content_and_validators_of_two_processes_are_not_mixed(
    remote: Remote, hierarchy: Hierarchy, holder: x509.Certificate
) -> None:
    """The processes of a node share the folder: an old CRL beside the validators of a new one is fetched again."""
    remote.trust.refresh_far()
    [kept] = remote.cache.glob("*.crl")
    old = kept.read_bytes()
    remote.shelf.content = crl_of(hierarchy.authority, holder.serial_number, number=2)
    remote.trust.refresh_far()
    kept.write_bytes(old)  # by a process that had fetched it before
    again = remote.restarted()
    again.refresh_far()
    assert verdict(again, holder) == "revoked"


@pytest.mark.parametrize("fault", ["garbage", "stranger", "empty", "missing", "broken", "large", "slow", "away"])
def test_what_cannot_be_fetched_or_believed_leaves_the_one_before(
    remote: Remote, holder: x509.Certificate, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """And is asked again: it is not kept, nor known."""
    trust, shelf = remote.trust, remote.shelf
    trust.refresh_far()
    good, url = shelf.content, shelf.url
    shelf.content = {"garbage": b"<html>", "empty": b"", "stranger": crl_of(make_hierarchy().authority)}.get(
        fault, b"0"
    )
    shelf.status = {"missing": 404, "broken": 500}.get(fault, 200)
    if fault == "large":
        shelf.pieces = 1000
        monkeypatch.setattr(crl_urls, "MAX_BYTES", 999)
    if fault == "slow":
        monkeypatch.setattr(crl_urls, "_PATIENCE", 0.0)
    if fault == "away":
        monkeypatch.setattr(trust._far[0], "_url", "http://127.0.0.1:1/")
    trust.refresh_far()
    assert verdict(trust, holder) == "believed"
    monkeypatch.undo()
    monkeypatch.setattr(trust._far[0], "_url", url)
    shelf.content, shelf.status, shelf.pieces = good, 200, 1
    assert verdict(remote.restarted(), holder) == "believed"
    trust.refresh_far()
    assert verdict(trust, holder) == "believed"


def test_older_crl_is_not_believed(remote: Remote, hierarchy: Hierarchy, holder: x509.Certificate) -> None:
    """Who replays an old one brings nobody back."""
    remote.shelf.content = crl_of(hierarchy.authority, holder.serial_number, number=2)
    remote.trust.refresh_far()
    remote.shelf.content = crl_of(hierarchy.authority, number=1)
    remote.trust.refresh_far()
    assert verdict(remote.trust, holder) == "revoked"


def test_crl_that_nobody_renews_is_an_alarm_then_a_refusal(
    tmp_path: Path, hierarchy: Hierarchy, store: TrustStore, holder: x509.Certificate
) -> None:
    """Told once while it lasts, and in the log at each check; past its grace the holders are refused."""
    path, clock, told = tmp_path / "ac.crl", Clock(), list[Alarm]()
    trust = LiveTrust(store, clock=clock, near=[FileSource(path)], on_alarm=told.append)

    def ailments(after: timedelta) -> list[Ailment]:
        clock.now = NOW + after
        told.clear()
        trust.check()
        return [alarm.ailment for alarm in told]

    assert ailments(timedelta(0)) == [Ailment.MISSING]
    assert ailments(timedelta(0)) == []
    path.write_bytes(crl_of(hierarchy.authority))
    trust.refresh()
    assert ailments(5 * DAY) == []
    assert ailments(6 * DAY - HOUR) == [Ailment.ENDING]
    assert ailments(6 * DAY - SECOND) == []
    assert ailments(6 * DAY + HOUR) == [Ailment.STALE]
    assert verdict(trust, holder, clock.now) == "believed"
    clock.now = NOW + 6 * DAY + GRACE + SECOND
    assert verdict(trust, holder, clock.now).startswith("the CRL of")


def test_alarm_that_cannot_be_journaled_ends_no_turn_and_is_told_later(store: TrustStore) -> None:
    """The database away, what is believed goes on being looked after; the entry is made when it is back."""
    told, is_away = list[Alarm](), True

    def journal(alarm: Alarm) -> None:
        if is_away:
            raise psycopg.OperationalError("the connection is lost")
        told.append(alarm)

    trust = LiveTrust(store, clock=Clock(), on_alarm=journal)
    trust.check()
    is_away = False
    for _ in range(2):
        trust.check()
    assert [alarm.ailment for alarm in told] == [Ailment.MISSING]


def test_crl_of_an_address_is_not_missed_before_the_address_was_asked(store: TrustStore, tmp_path: Path) -> None:
    """A new platform raises no alarm for what it is about to fetch; it does for what it could not."""
    told = list[Alarm]()
    with serve(b"no CRL") as shelf:
        source = UrlSource(shelf.url, cache=tmp_path / "cache", every=timedelta(0))
        trust = LiveTrust(store, clock=Clock(), far=[source], on_alarm=told.append)
        trust.check()
        assert told == []
        assert [alarm.ailment for alarm in trust.ailing()] == [Ailment.MISSING]
        trust.refresh_far()
        trust.check()
    assert [alarm.ailment for alarm in told] == [Ailment.MISSING]


def test_alarm_of_a_platform_has_one_entry_in_its_journal_while_it_lasts(
    installation: Installation, postgres: str
) -> None:
    """An authority that is believed and has no CRL: told when it begins, not at each turn."""
    dsn = make_database(postgres, "alertes")
    settings = PlatformSettings.load(installation.write("alertes.toml", dsn=dsn))
    app = create_app(settings, dsn=dsn, clock=lambda: datetime.now(UTC))
    with closing(app):
        for _ in range(3):
            app.platform.trust.check()
        with app.database.transaction() as connection:
            told = connection.execute("SELECT detail FROM journal WHERE acte = 'confiance'").fetchall()
    assert len(told) == len({row["detail"] for row in told}) == len(app.platform.trust.ailing())
    assert "TEST AC IGC-SANTE FORT PERSONNES : aucune CRL, ses porteurs sont refusés." in {
        row["detail"] for row in told
    }
