"""Lots at once with the same public keys and protected addresses: each one has one holder (guide §7.2, §17.4).

Each lot has a thread and a connection of its own, and they start together. A lot may end half-way: whatever it had
taken by then must be the others'.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Final

import psycopg
import pytest
from hypothesis import example, given, settings, strategies as st
from psycopg import sql

from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.contract.messages import DemandeCertificat, ReponseDemande, RequeteDemandeCertificats
from pfcng.domain.annuaire import Habilitation
from pfcng.domain.rules import Rules
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.pki.csr import fingerprint
from pfcng.store.annuaire import save_habilitations
from pfcng.store.database import Database, Row
from support.csrs import make_csr, make_keys
from support.databases import forget_activity
from support.demandes import HOPITAL, demande_for
from support.history import check_history
from support.platform import EDITEUR, load_annuaire, make_context

STRUCTURES: Final = (HOPITAL, "1690099023")
SIGN, AUTH = Product(Offre.SERV, Usage.SIGN), Product(Offre.ORG, Usage.AUTH_CLI)
KEYS: Final = make_keys(40)
CSRS: Final = [make_csr(key) for key in KEYS]
FINGERPRINTS: Final = [fingerprint(key.public_key()) for key in KEYS]
ADDRESSES: Final = [f"{name}@hopital.example" for name in "abcdefghijklmnopqrst"]
SLOW: Final = """
CREATE FUNCTION avancer_lentement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count(*) FROM generate_series(1, 5000);
    RETURN NEW;
END $$;
CREATE TRIGGER lent BEFORE INSERT ON cle_presentee FOR EACH ROW EXECUTE FUNCTION avancer_lentement();
CREATE TRIGGER lent BEFORE INSERT ON adresse_protegee FOR EACH ROW EXECUTE FUNCTION avancer_lentement();
"""
"""Work between two keys of a lot: sessions meet inside their statements, where a wrong order is a deadlock."""
LOCK_SECONDS: Final = 20
"""What waits longer than that waits for ever; a deadlock that the server finds is an error after one second."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A demande of a lot: its key, its address (none for an offre without), its structure."""

    key: int
    address: str | None
    structure: str

    def as_demande(self) -> DemandeCertificat:
        """As a lot carries it."""
        demande = demande_for(SIGN if self.address else AUTH, CSRS[self.key], id_nat_struct=self.structure)
        return replace(demande, mail_sujet=self.address)


@dataclass(frozen=True, slots=True)
class Lot:
    """The demandes of one session, and whether it ends before its commit."""

    wishes: tuple[Wish, ...]
    fails: bool

    def as_requete(self) -> RequeteDemandeCertificats:
        """One whose transaction fails has a text that the database refuses, once keys and addresses were taken."""
        demandes = tuple(wish.as_demande() for wish in self.wishes)
        if self.fails:
            demandes = (*demandes[:-1], replace(demandes[-1], mail_demandeur="a\0@hopital.example"))
        return RequeteDemandeCertificats(demandes=demandes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one demande: the reply, and its rows."""

    wish: Wish
    reply: ReponseDemande
    row: Row

    @property
    def statut(self) -> str:
        """``OK`` or a code."""
        return self.reply.statut_demande


WISHES = st.builds(
    Wish,
    key=st.integers(0, len(KEYS) - 1),
    address=st.none() | st.sampled_from(ADDRESSES[:6]),
    structure=st.sampled_from(STRUCTURES),
)
SIZES = st.integers(1, 20)
LOTS = st.lists(
    st.builds(
        Lot,
        SIZES.flatmap(lambda size: st.lists(WISHES, min_size=size, max_size=size)).map(tuple),
        st.sampled_from((False, False, False, True)),
    ),
    min_size=2,
    max_size=4,
)
KEYS_CROSSED: Final = [
    Lot(tuple(Wish(key, None, HOPITAL) for key in keys), fails=False) for keys in (range(20), range(19, -1, -1))
]
"""Two lots with the same keys, each in the other's order."""
ADDRESSES_CROSSED: Final = [
    Lot(tuple(Wish(first + n, address, structure) for n, address in enumerate(addresses)), fails=False)
    for first, addresses, structure in ((0, ADDRESSES, HOPITAL), (20, ADDRESSES[::-1], STRUCTURES[1]))
]
"""Two lots with the same addresses, each in the other's order, and no key in common."""


@pytest.fixture(scope="module")
def database(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Two structures with one administrateur technique; whoever waits too long for a lock is told."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        limit = sql.Literal(f"{LOCK_SECONDS}s")
        connection.execute(SLOW)
        connection.execute(sql.SQL("ALTER DATABASE {} SET lock_timeout = {}").format(name, limit))
    opened = Database(dsn, max_connections=8)
    load_annuaire(opened, tmp_path_factory.mktemp("annuaire"))
    with opened.transaction() as connection:
        held = Habilitation(acteur=EDITEUR, offre=Offre.SERV, id_nat_struct=STRUCTURES[1], domaine="hopital.example")
        save_habilitations(connection, Environment.TEST, [held])
    yield opened
    opened.close()


def submit_together(database: Database, lots: list[Lot]) -> list[Outcome]:
    """Every lot in its thread; what became of the demandes of those that did not fail."""
    barrier = Barrier(len(lots))

    def submit(lot: Lot) -> list[tuple[Wish, str, ReponseDemande]]:
        requete = lot.as_requete()
        barrier.wait(LOCK_SECONDS)
        if lot.fails:
            with pytest.raises(psycopg.DataError):
                demander_certificats(requete, database=database, context=make_context(), rules=Rules())
            return []
        reply = demander_certificats(requete, database=database, context=make_context(), rules=Rules())
        return [(wish, reply.indice_lot or "", told) for wish, told in zip(lot.wishes, reply.demandes, strict=True)]

    with ThreadPoolExecutor(len(lots)) as pool:
        told = [each for lot in pool.map(submit, lots) for each in lot]
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT d.*, p.etat AS etat_produit, p.numero AS numero_produit FROM demande d "
            "JOIN produit p ON p.demande = d.numero ORDER BY d.lot, d.numero"
        ).fetchall()
    told.sort(key=lambda each: int(each[1]))
    assert [str(row["lot"]) for row in rows] == [indice for _, indice, _ in told]
    return [Outcome(wish, reply, row) for (wish, _, reply), row in zip(told, rows, strict=True)]


@settings(max_examples=30)
@given(lots=LOTS)
@example(lots=KEYS_CROSSED)
@example(lots=ADDRESSES_CROSSED)
def test_lots_at_once_leave_one_holder_of_each_key_and_address(lots: list[Lot], database: Database, dsn: str) -> None:
    """Exactly one session wins; nobody waits for ever, and nothing is half-written (§7.2, §17.4, RMT_ERR_001, 002)."""
    forget_activity(dsn)
    outcomes = submit_together(database, lots)
    check_keys(database, outcomes)
    check_addresses(database, outcomes)
    check_whole(database, outcomes)


def check_keys(database: Database, outcomes: list[Outcome]) -> None:
    """Each key is that of one demande, which every other one is told of."""
    with database.transaction() as connection:
        rows = connection.execute("SELECT empreinte, demande FROM cle_presentee").fetchall()
    holders = {row["empreinte"]: row["demande"] for row in rows}
    assert holders.keys() == {FINGERPRINTS[outcome.wish.key] for outcome in outcomes}
    for outcome in outcomes:
        holder = holders[FINGERPRINTS[outcome.wish.key]]
        assert (outcome.statut == "WSMG-00000009") == (outcome.row["numero"] != holder)
        assert outcome.statut != "WSMG-00000009" or f"autre demande ({holder}, " in outcome.reply.message


def check_addresses(database: Database, outcomes: list[Outcome]) -> None:
    """Each address is that of one structure, and whoever asked for it elsewhere is told of a produit there."""
    with database.transaction() as connection:
        rows = connection.execute("SELECT adresse, titulaire FROM adresse_protegee").fetchall()
    holders = {row["adresse"]: row["titulaire"] for row in rows}
    asked = [outcome for outcome in outcomes if outcome.wish.address and outcome.statut != "WSMG-00000009"]
    assert holders.keys() == {outcome.wish.address for outcome in asked}
    produits = {(outcome.wish.address, outcome.row["numero_produit"]) for outcome in asked if outcome.statut == "OK"}
    for outcome in asked:
        address = outcome.wish.address
        assert (outcome.statut == "OK") == (outcome.wish.structure == holders[address])
        held = [numero for where, numero in produits if where == address]
        assert outcome.statut == "OK" or any(f"produit {numero} en cours" in outcome.reply.message for numero in held)


def check_whole(database: Database, outcomes: list[Outcome]) -> None:
    """Rows in the state of the reply, a whole history, one entry of the journal each; nothing of a lot that failed."""
    for outcome in outcomes:
        accepted = outcome.statut == "OK"
        states = ("Demande validée", "Produit à retirer") if accepted else ("Demande rejetée", "Produit annulé")
        assert (outcome.row["etat"], outcome.row["etat_produit"]) == states
        assert outcome.reply.indice_retrait == (str(outcome.row["numero"]) if accepted else None)
    numbers = [outcome.row["numero"] for outcome in outcomes]
    with database.transaction() as connection:
        check_history(connection)
        lots = connection.execute("SELECT indice FROM lot").fetchall()
        entries = connection.execute(
            "SELECT demande FROM journal WHERE demande >= %s", (min(numbers, default=0),)
        ).fetchall()
    assert {row["indice"] for row in lots} == {outcome.row["lot"] for outcome in outcomes}
    if numbers:
        assert sorted(row["demande"] for row in entries) == sorted(numbers)
