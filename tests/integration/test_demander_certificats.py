"""A lot becomes rows: states, history, journal and keys in one commit (guide §14.2, docs/life-of-a-demande.md)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier, Event

import pytest

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.contract.messages import DemandeCertificat, ReponseDemandeCertificats, RequeteDemandeCertificats
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats, record_refused_lot
from pfcng.store import demandes as store, journal
from pfcng.store.database import Database, Row
from support.csrs import break_signature, make_csr, make_key
from support.demandes import demande_for
from support.platform import EDITEUR, NOW, make_context

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
PRODUCTION_EDITEUR = "599900034200017/CPAP0001"


def submit(
    database: Database, *demandes: DemandeCertificat, context: RequestContext | None = None
) -> ReponseDemandeCertificats:
    """One lot of the demonstration's administrateur technique."""
    requete = RequeteDemandeCertificats(demandes=demandes)
    return demander_certificats(requete, database=database, context=context or make_context(), rules=Rules())


def rows(database: Database, query: str, *parameters: object) -> list[Row]:
    """What the database has."""
    with database.transaction() as connection:
        return connection.execute(query.encode(), parameters).fetchall()


STATES = "SELECT d.numero, d.etat AS demande, p.etat AS produit FROM demande d JOIN produit p ON p.demande = d.numero"


def states(database: Database) -> list[tuple[str, str]]:
    """The states of every demande and its produit, in their order."""
    return [(row["demande"], row["produit"]) for row in rows(database, f"{STATES} ORDER BY d.numero")]


def test_accepted_demande_is_validee_and_its_produit_a_retirer(annuaire: Database) -> None:
    """Every rule passed: « Demande validée », « Produit à retirer », one index for both (§14.2, §14.2.2 59/59)."""
    reply = submit(annuaire, demande_for(ORG, make_csr()))
    [demande] = reply.demandes
    assert (reply.statut_lot, reply.message, demande.statut_demande, demande.message) == ("OK", "", "OK", "")
    assert demande.indice_demande == demande.indice_retrait
    [row] = rows(annuaire, STATES)
    assert (str(row["numero"]), row["demande"], row["produit"]) == (
        demande.indice_demande,
        "Demande validée",
        "Produit à retirer",
    )


def test_history_and_journal_are_written_with_the_demande(annuaire: Database) -> None:
    """Both moves out of « enregistrée » and the act itself, at the time of the request (§14.2.2, §20 traçabilité)."""
    submit(annuaire, demande_for(ORG, make_csr()))
    history = rows(annuaire, "SELECT objet, de, vers, transition, le FROM historique ORDER BY objet")
    assert [tuple(row.values()) for row in history] == [
        ("demande", "Demande enregistrée", "Demande validée", "VALIDER", NOW),
        ("produit", "Produit demandé", "Produit à retirer", "VALIDER", NOW),
    ]
    [entry] = rows(annuaire, "SELECT acte, resultat, code, acteur, environnement, incident FROM journal")
    assert tuple(entry.values()) == (
        "demanderCertificats",
        "accepté",
        None,
        EDITEUR,
        "TEST",
        make_context().incident,
    )


@pytest.mark.parametrize(
    ("changes", "code", "expected"),
    [
        ({"id_nat_struct": None}, "WSMG-00000032", ("Demande non traitée", "Produit annulé")),
        ({"upn": "a@hopital.example"}, "WSMG-00000036", ("Demande non traitée", "Produit annulé")),
        ({"mail_sujet": "a@hopital.example"}, "WSMG-00000037", ("Demande non traitée", "Produit annulé")),
        ({"id_nat_struct": "1690099023"}, "WSMG-00000010", ("Demande rejetée", "Produit annulé")),
        ({"csr": "bm90IGEgQ1NS"}, "WSMG-00000009", ("Demande rejetée", "Produit annulé")),
    ],
)
def test_refused_demande_is_kept_in_its_state(
    annuaire: Database, changes: dict[str, object], code: str, expected: tuple[str, str]
) -> None:
    """A presence rule leaves « non traitée », CSR and business rules « rejetée » (§14.2, RMT_ERR_001, RMT_ERR_002)."""
    reply = submit(annuaire, demande_for(ORG, make_csr(), **changes))
    [demande] = reply.demandes
    assert (reply.statut_lot, reply.message) == ("KO", demande.message)
    assert (demande.statut_demande, demande.indice_demande, demande.indice_retrait) == (code, None, None)
    assert states(annuaire) == [expected]
    [entry] = rows(annuaire, "SELECT resultat, code FROM journal")
    assert (entry["resultat"], entry["code"]) == ("refusé", code)


def test_message_of_the_lot_is_that_of_the_first_failing_demande(annuaire: Database) -> None:
    """StatutLot KO carries one message: the first failing demande's (§14.2.2)."""
    reply = submit(
        annuaire,
        demande_for(ORG, make_csr()),
        demande_for(ORG, make_csr(), nom_applicatif=None),
        demande_for(ORG, make_csr(), id_nat_struct=None),
    )
    assert [demande.statut_demande for demande in reply.demandes] == ["OK", "WSMG-00000035", "WSMG-00000032"]
    assert reply.message == codes.WSMG_35.message()


def test_key_of_an_earlier_demande_is_refused_and_names_it(annuaire: Database) -> None:
    """WSMG-00000009 with the number, the acteur, the structure and the day of the demande that has the key (§17.4)."""
    key = make_key()
    first = submit(annuaire, demande_for(ORG, make_csr(key)))
    again = submit(annuaire, demande_for(ORG, make_csr(key, subject="autre demande")))
    numero = first.demandes[0].indice_demande
    assert again.demandes[0].message == (
        "Échec lors de la validation de CSR : La clé publique pour cette CSR a déjà été présentée pour une autre "
        f"demande ({numero}, DENISE GARNIER-TEST, HOPITAL FICTIF DES LILAS, 02/03/2026). "
        "Veuillez essayer de nouveau avec un autre fichier CSR."
    )


def test_day_of_the_earlier_demande_is_that_of_paris(annuaire: Database) -> None:
    """23:30 UTC in winter is the next day in Paris."""
    key = make_key()
    late = replace(make_context(), now=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    submit(annuaire, demande_for(ORG, make_csr(key)), context=late)
    assert "03/03/2026" in submit(annuaire, demande_for(ORG, make_csr(key))).message


def test_key_twice_in_one_lot_is_refused_the_second_time(annuaire: Database) -> None:
    """The first demande of the lot has the key; the second names it (RMT_ERR_001, same lot included)."""
    key = make_key()
    reply = submit(annuaire, demande_for(ORG, make_csr(key)), demande_for(ORG, make_csr(key)))
    assert [demande.statut_demande for demande in reply.demandes] == ["OK", "WSMG-00000009"]
    assert f"({reply.demandes[0].indice_demande}, DENISE GARNIER-TEST" in reply.demandes[1].message


def test_key_of_a_rejected_demande_counts_as_presented(annuaire: Database) -> None:
    """Any state counts: a demande rejected for lack of habilitation has presented its key."""
    key = make_key()
    submit(annuaire, demande_for(ORG, make_csr(key), id_nat_struct="1690099023"))
    assert submit(annuaire, demande_for(ORG, make_csr(key))).demandes[0].statut_demande == "WSMG-00000009"


def test_demande_without_rights_is_not_told_of_another_ones_key(annuaire: Database) -> None:
    """Rights come before rules on others' data: the refusal speaks of the périmètre, not of the key's demande."""
    key = make_key()
    submit(annuaire, demande_for(ORG, make_csr(key)))
    reply = submit(annuaire, demande_for(ORG, make_csr(key)), context=make_context("3750099012/CPET0001"))
    assert reply.demandes[0].statut_demande == "WSMG-00000010"


def test_key_of_the_other_environment_does_not_count(annuaire: Database) -> None:
    """TEST and PRODUCTION never learn of each other (§13)."""
    key = make_key()
    submit(annuaire, demande_for(ORG, make_csr(key)))
    production = make_context(PRODUCTION_EDITEUR, environment=Environment.PRODUCTION)
    assert submit(annuaire, demande_for(ORG, make_csr(key)), context=production).statut_lot == "OK"


def test_two_lots_at_once_with_the_same_keys_in_opposite_order_never_share_one(annuaire: Database) -> None:
    """Exactly one lot gets each key, and the two never wait for each other (docs/life-of-a-demande.md)."""
    csrs = [make_csr(make_key()) for _ in range(6)]
    barrier = Barrier(2)

    def race(order: list[str]) -> list[str]:
        barrier.wait()
        reply = submit(annuaire, *(demande_for(ORG, csr) for csr in order))
        return [demande.statut_demande for demande in reply.demandes]

    with ThreadPoolExecutor(2) as pool:
        straight, reverse = pool.map(race, [csrs, csrs[::-1]])
    for one, other in zip(straight, reverse[::-1], strict=True):
        assert {one, other} == {"OK", "WSMG-00000009"}
    assert len(rows(annuaire, "SELECT 1 FROM cle_presentee")) == len(csrs)


def test_keys_are_taken_in_sorted_order_so_that_two_lots_never_wait_for_each_other(annuaire: Database) -> None:
    """A lot that waits for a key holds none that comes after it (docs/life-of-a-demande.md)."""
    small, large = b"\x00" * 32, b"\xff" * 32
    other = Event()

    def second_lot() -> int:
        with annuaire.transaction() as connection:
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
            other.set()
            taken = store.present_keys(connection, Environment.TEST, {large: 2, small: 2})
            connection.execute("DELETE FROM cle_presentee WHERE demande = 2")
        return len(taken)

    with ThreadPoolExecutor(1) as pool:
        with annuaire.transaction() as connection:
            store.present_keys(connection, Environment.TEST, {small: 1})
            waiting = pool.submit(second_lot)
            assert other.wait(10)
            wait_until_blocked(annuaire)
            assert store.present_keys(connection, Environment.TEST, {large: 1}) == {}
            connection.execute("DELETE FROM cle_presentee")
        assert waiting.result(10) == 0


def wait_until_blocked(database: Database) -> None:
    """Until some transaction waits for another one's lock."""
    for _ in range(1000):
        if rows(database, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            return
    raise AssertionError("nobody waits")


def test_csr_over_the_limit_refuses_the_whole_lot(annuaire: Database) -> None:
    """A type of table 11 is syntax: nothing of the lot is treated (§14.1, §14.2)."""
    with pytest.raises(Refusal) as refused:
        submit(annuaire, demande_for(ORG, make_csr()), demande_for(ORG, "A" * 1537))
    assert (refused.value.code, refused.value.raison) == (codes.WSMG_05, "CSR")
    assert states(annuaire) == []


def test_lot_refused_at_syntax_leaves_its_demandes_untreated(annuaire: Database) -> None:
    """« Demande non traitée » and « Produit annulé » for every demande that could be decoded (§14.2)."""
    demandes = [demande_for(ORG, make_csr()), demande_for(ORG, break_signature(make_csr()))]
    record_refused_lot(demandes, Refusal(codes.WSMG_05, "CSR"), database=annuaire, context=make_context())
    assert states(annuaire) == [("Demande non traitée", "Produit annulé")] * 2
    assert [row["statut"] for row in rows(annuaire, "SELECT statut FROM lot")] == ["WSMG-00000005"]
    assert rows(annuaire, "SELECT 1 FROM cle_presentee") == []


def test_lot_of_which_nothing_was_decoded_leaves_an_entry(annuaire: Database) -> None:
    """The journal keeps the rest (§14.2, §20 traçabilité)."""
    record_refused_lot([], Refusal(codes.WSMG_23), database=annuaire, context=make_context())
    [entry] = rows(annuaire, "SELECT resultat, code FROM journal")
    assert (entry["resultat"], entry["code"]) == ("refusé", "WSMG-00000023")


def test_lot_whose_journal_fails_leaves_nothing(annuaire: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demandes, history, keys and journal are one commit: without the journal there is none of the others."""

    def fail(*_: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(journal, "write", fail)
    with pytest.raises(RuntimeError):
        submit(annuaire, demande_for(ORG, make_csr()))
    for table in ("lot", "demande", "produit", "historique", "cle_presentee", "journal"):
        assert rows(annuaire, f"TABLE {table}") == []


def test_nothing_of_a_csr_or_key_is_in_the_journal(annuaire: Database) -> None:
    """The journal tells acts, not contents."""
    csr = make_csr()
    submit(annuaire, demande_for(ORG, csr))
    body = csr.splitlines()[1]
    assert body not in str(rows(annuaire, "SELECT * FROM journal"))
