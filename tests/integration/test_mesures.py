"""What a worker counts for those who watch (docs/exploitation/surveillance.md)."""

from datetime import timedelta

from pfcng.operations.compter import compter
from pfcng.store import mesures
from pfcng.store.database import DbConnection
from pfcng.store.mesures import Mesures
from pfcng.web.readiness import State, workers_check
from support.platform import NOW
from support.scenario import ORG, Scenario


def read(scenario: Scenario) -> Mesures | None:
    with scenario.database.transaction() as connection:
        return mesures.lire(connection)


def age(connection: DbConnection, old: str, took: str) -> None:
    """As if the last count was that old, and had taken that long."""
    connection.execute("UPDATE mesures SET le = clock_timestamp() - %s::interval, duree = %s::interval", (old, took))


def test_nothing_was_counted_before_a_worker_did(scenario: Scenario) -> None:
    """A scrape says so rather than 0 of everything."""
    assert read(scenario) is None


def test_everything_is_counted_by_state(scenario: Scenario) -> None:
    """Produits, mails and jobs; what waits, and since when."""
    scenario.order(ORG)
    assert compter(database=scenario.database, now=NOW + timedelta(hours=2))
    last = read(scenario)
    assert last is not None
    assert last.produits == {"Produit à retirer": 1}
    assert last.courriels["à envoyer"] == last.taches["todo"] > 0
    assert last.courriel_ancien == timedelta(hours=2).total_seconds()
    assert (last.revocations, last.workers) == (0, 0)


def test_what_takes_long_is_counted_less_often(scenario: Scenario) -> None:
    """A large table is read one part in a hundred of the time at most, and every ten minutes all the same."""
    assert compter(database=scenario.database, now=NOW)
    with scenario.database.transaction() as connection:
        age(connection, "1 minute", "1 second")
    assert not compter(database=scenario.database, now=NOW)
    with scenario.database.transaction() as connection:
        age(connection, "1 minute", "0.5 seconds")
    assert compter(database=scenario.database, now=NOW)
    with scenario.database.transaction() as connection:
        age(connection, "11 minutes", "1 hour")
    assert compter(database=scenario.database, now=NOW)


def test_count_of_a_clock_that_went_back_is_made_again(scenario: Scenario) -> None:
    """It would stay for as long as the clock was ahead, and nobody be alarmed."""
    assert compter(database=scenario.database, now=NOW)
    with scenario.database.transaction() as connection:
        age(connection, "-1 hour", "1 second")
    assert compter(database=scenario.database, now=NOW)


def test_node_whose_platform_has_no_worker_is_degraded(scenario: Scenario) -> None:
    """It serves; mails and what falls due wait. One that was silent for half a minute is none."""
    check = workers_check(scenario.database)
    assert check().state is State.DEGRADED
    with scenario.database.transaction() as connection:
        connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert check().state is State.READY
    with scenario.database.transaction() as connection:
        connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 s'")
    assert "depuis 30 s" in check().reason
