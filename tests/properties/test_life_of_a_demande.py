"""Whatever happens to demandes, produits and révocations: table of states, rows and history agree (guide §20).

The acts are the real ones, on a real database, with a clock that the test moves. What must become of them is told by
``support/life.py``.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, get_args

import pytest
from cryptography import x509
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pfcng.contract.catalogue import Motif, Offre, Product, Usage
from pfcng.contract.messages import (
    DemandeCertificat,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
)
from pfcng.contract.paris import paris_day
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.rules import Rules
from pfcng.igc.authority import AuthorityUnavailable, RequestRefused
from pfcng.igc.urls import PublicationUrls
from pfcng.operations.annuler_demande import annuler_demande, cancel_expired
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.operations.renouveler_certificat import renouveler_certificat
from pfcng.operations.retirer_certificat import Retrait, confirm_delivery, record_loss, retirer_certificat
from pfcng.operations.revoquer_certificat import apply_due_revocations, revoquer_certificat
from pfcng.store.annuaire import load_annuaire
from pfcng.store.database import Database, Row
from support import platform
from support.csrs import break_signature, make_csr, make_keys
from support.databases import forget_activity
from support.demandes import demande_for
from support.fragile import FragileAuthority, Killed
from support.history import check_history
from support.life import KILLED, OK, Fate, Fault, Life, Model, Revocation
from support.platform import EDITEUR, NOW
from support.scenario import INTERNE, MEDECIN, aki_of, at, serial_of

PRODUCTS: Final = {EDITEUR: Product(Offre.ORG, Usage.AUTH_CLI), MEDECIN: Product(Offre.PS, Usage.AUTH)}
"""Who orders, and what: an administrateur technique for a structure, a professional for himself."""
FOREIGN: Final = "1690099023"
FAULTS: Final[Mapping[Fault | None, Mapping[str, BaseException]]] = {
    None: {},
    "register unavailable": {"register before": AuthorityUnavailable()},
    "register refused": {"register before": RequestRefused()},
    "register killed": {"register after": Killed()},
    "issue unavailable": {"issue before": AuthorityUnavailable()},
    "issue killed": {"issue after": Killed()},
}
BOTH_SIDES: Final = """
    SELECT d.numero, d.etat AS demande, p.etat AS produit, p.certificat, c.der, r.numero IS NOT NULL AS revoque
    FROM demande d JOIN produit p ON p.demande = d.numero LEFT JOIN igc.certificat c ON c.numero = d.numero
    LEFT JOIN igc.revocation r ON r.numero = d.numero
"""
NO_FAULT: Final[Mapping[str, BaseException]] = MappingProxyType({})
MOVES: Final = frozenset({"WSMG-00000015", "WSMG-00000017"})
"""Refusals that change states: the authority did not do its part."""
RULES: Final = Rules()
STEPS: Final = 30

PICKS: Final = st.integers(0, 99)
FATES: Final = st.sampled_from(("good", "good", "good", *get_args(Fate)))
WHO: Final = st.sampled_from((None, None, None, None, None, EDITEUR, MEDECIN, INTERNE))
"""None is the acteur of the demande."""


@dataclass(slots=True, kw_only=True)
class World:
    """What the examples share."""

    dsn: str
    database: Database
    authority: FragileAuthority
    csrs: list[str]
    now: datetime = NOW


class Lives(RuleBasedStateMachine):
    """Acts in any order; each one is asked of the platform and of the model."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        forget_activity(self.world.dsn)
        self.world.now = NOW
        self.database = self.world.database
        self.model = Model()
        self.certificates: dict[int, x509.Certificate] = {}
        self.retraits: list[Retrait] = []
        self.keys_used = 0

    @initialize(sequels=st.lists(st.sampled_from(("delivered", "on its way", "issue killed")), min_size=2, max_size=3))
    def begin(self, sequels: list[str]) -> None:
        """Demandes of both people whose retrait has begun: where most acts have something to do."""
        for number, sequel in enumerate(sequels):
            self.order(acteur=(EDITEUR, MEDECIN)[number % 2], wanted=["good"], pick=0)
            fault: Fault | None = "issue killed" if sequel == "issue killed" else None
            self.withdraw(pick=number, who=None, fault=fault, sequel=sequel)

    # Acts of users

    @rule(acteur=st.sampled_from((EDITEUR, MEDECIN)), wanted=st.lists(FATES, min_size=1, max_size=2), pick=PICKS)
    def order(self, acteur: str, wanted: list[Fate], pick: int) -> None:
        """A lot."""
        fates = [self._possible(fate, acteur) for fate in wanted]
        keys = [self._key(fate, pick) for fate in fates]
        demandes = tuple(self._demande(acteur, fate, key) for fate, key in zip(fates, keys, strict=True))
        reply = demander_certificats(
            RequeteDemandeCertificats(demandes=demandes), database=self.database, context=self._as(acteur), rules=RULES
        )
        rows = self._rows("SELECT numero FROM demande WHERE lot = %s ORDER BY numero", reply.indice_lot)
        expected = [
            self.model.order(row["numero"], self._life(acteur, fate, key), fate)
            for row, fate, key in zip(rows, fates, keys, strict=True)
        ]
        assert [demande.statut_demande for demande in reply.demandes] == expected

    @precondition(lambda self: self.model.lives)
    @rule(
        pick=PICKS,
        who=WHO,
        fault=st.sampled_from((None, None, None, *get_args(Fault))),
        sequel=st.sampled_from(("delivered", "lost", "on its way")),
    )
    def withdraw(self, pick: int, who: str | None, fault: Fault | None, sequel: str) -> None:
        """A retrait, whose reply arrives, does not, or has not yet."""
        numero = self._one(pick, self.model.lives)
        acteur = who or self.model.lives[numero].acteur
        context = self._as(acteur)
        requete = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code")
        done: list[Retrait] = []
        outcome = self._attempt(
            lambda: done.append(
                retirer_certificat(requete, database=self.database, authority=self.world.authority, context=context)
            ),
            FAULTS[fault],
        )
        assert outcome == self.model.withdraw(numero, acteur, fault)
        for retrait in done:
            certificate = x509.load_pem_x509_certificate((retrait.reponse.certificat or "").encode())
            assert self.certificates.setdefault(numero, certificate) == certificate
            self.model.lives[numero].fin = certificate.not_valid_after_utc
            self.retraits.append(retrait)
            if sequel == "delivered":
                self._deliver(retrait)
            elif sequel == "lost":
                record_loss(retrait, database=self.database, context=context)

    @precondition(lambda self: self.retraits)
    @rule(pick=PICKS)
    def deliver(self, pick: int) -> None:
        """A reply leaves late, or is said to have left once more."""
        self._deliver(self.retraits[pick % len(self.retraits)])

    @precondition(lambda self: self.model.lives)
    @rule(pick=PICKS, who=WHO)
    def cancel(self, pick: int, who: str | None) -> None:
        """A cancellation."""
        numero = self._one(pick, self.model.lives)
        context = self._as(who or self.model.lives[numero].acteur)
        with self.database.transaction() as connection:
            annuaire = load_annuaire(connection, context.environment, personnes=[context.signataire])
        acteur = Acteur(personne=annuaire.personnes[context.signataire])
        outcome = self._attempt(lambda: annuler_demande(numero, acteur=acteur, database=self.database, context=context))
        assert outcome == self.model.cancel(numero, context.signataire)

    @precondition(lambda self: self.certificates)
    @rule(
        pick=PICKS,
        who=WHO,
        days=st.sampled_from((-1, None, None, 0, 1, 40)),
        motif=st.sampled_from((Motif.VOL, Motif.FIN_DACTIVITE)),
        killed=st.sampled_from((None, None, "revoke before", "revoke after")),
    )
    def revoke(self, pick: int, who: str | None, days: int | None, motif: Motif, killed: str | None) -> None:
        """A révocation, now or for another day."""
        numero = self._one(pick, self.certificates)
        acteur = who or self.model.lives[numero].acteur
        day = None if days is None else self._today + timedelta(days=days)
        requete = RequeteRevocationCertificat(
            aki=aki_of(self.certificates[numero]),
            numero_serie=serial_of(self.certificates[numero]),
            gamme="EL",
            motif=motif,
            date_effet=day,
            mail_demandeur="demandeur@hopital.example",
            mail_personne_a_informer="informer@hopital.example",
        )
        outcome = self._attempt(
            lambda: revoquer_certificat(
                requete, database=self.database, authority=self.world.authority, context=self._as(acteur), rules=RULES
            ),
            {killed: Killed()} if killed else NO_FAULT,
        )
        asked = Revocation(numero=numero, day=day or self._today, steals=motif is Motif.VOL)
        assert outcome == self.model.revoke(asked, acteur, self._today, killed=killed is not None)

    @precondition(lambda self: self.certificates)
    @rule(pick=PICKS, who=WHO, fate=st.sampled_from(("good", "good", "presented", "broken csr")))
    def renew(self, pick: int, who: str | None, fate: Fate) -> None:
        """A renouvellement; of somebody without rights it leaves nothing."""
        old = self._one(pick, self.certificates)
        acteur = who or self.model.lives[old].acteur
        key = self._key(fate, pick)
        requete = RequeteRenouvellementCertificat(
            aki=aki_of(self.certificates[old]),
            numero_serie=serial_of(self.certificates[old]),
            mail_demandeur="demandeur@hopital.example",
            mail_personne_a_informer="informer@hopital.example",
            csr=self._csr(fate, key),
        )
        told: list[str] = []
        outcome = self._attempt(
            lambda: told.append(
                renouveler_certificat(requete, database=self.database, context=self._as(acteur), rules=RULES).statut
            )
        )
        if acteur != self.model.lives[old].acteur:
            assert outcome == "WSMG-00000010"
            return
        [row] = self._rows("SELECT max(numero) AS numero FROM demande")
        new = self._life(acteur, fate, key)
        assert told == [self.model.renew(row["numero"], new, self.model.lives[old], fate)]

    # Time

    @rule(later=st.sampled_from((timedelta(hours=7), timedelta(days=1), timedelta(days=30), timedelta(days=1_100))))
    def wait(self, later: timedelta) -> None:
        """Time goes by; what it brings about is done by the two acts below, sooner or later."""
        self.world.now += later

    @rule()
    def apply_due(self) -> None:
        """The révocations whose day has come, also those that were cut short."""
        done = apply_due_revocations(
            database=self.database, authority=self.world.authority, arrival=at(self.world.now), rules=RULES
        )
        assert done == self.model.apply_due(self._today)

    @rule()
    def expire(self) -> None:
        """The demandes that were not withdrawn in their time."""
        done = cancel_expired(database=self.database, rules=RULES, arrival=at(self.world.now))
        assert done == self.model.expire(self.world.now)

    # What must hold after each act

    @invariant()
    def rows_are_in_the_states_of_the_model(self) -> None:
        """Demandes, produits and révocations; certificates where a state says so; banned keys; at the authority too."""
        rows = self._rows(BOTH_SIDES)
        expected = {numero: (life.demande, life.produit) for numero, life in self.model.lives.items()}
        assert {row["numero"]: (row["demande"], row["produit"]) for row in rows} == expected
        waiting = {r.numero for r in self.model.revocations if r.etat == "Demande enregistrée"}
        for row in rows:
            withdrawn = row["produit"] in {"Produit retiré", "Produit actif", "Produit révoqué"}
            assert (row["certificat"] is not None) == withdrawn
            assert row["certificat"] in {None, row["der"]}
            assert row["revoque"] or row["produit"] != "Produit révoqué"
            assert not row["revoque"] or row["produit"] == "Produit révoqué" or row["numero"] in waiting
        told = self._rows("SELECT etat FROM revocation ORDER BY numero")
        assert [row["etat"] for row in told] == [revocation.etat for revocation in self.model.revocations]
        [banned] = self._rows("SELECT count(*) AS nombre FROM cle_bannie")
        assert banned["nombre"] == len(self.model.banned)

    @invariant()
    def history_is_whole(self) -> None:
        """Steps of the table alone, from the beginning to the state of the row."""
        with self.database.transaction() as connection:
            check_history(connection)

    # Ways and means

    @property
    def _today(self) -> date:
        return paris_day(self.world.now)

    def _as(self, signataire: str) -> RequestContext:
        return at(self.world.now, signataire)

    def _attempt(self, act: Callable[[], object], faults: Mapping[str, BaseException] = NO_FAULT) -> str:
        """Its outcome; a refusal has changed nothing but the journal."""
        before = self._everything()
        outcome = OK
        with self.world.authority.meeting(faults):
            try:
                act()
            except Refusal as refusal:
                outcome = refusal.code.value
            except Killed:
                outcome = KILLED
        assert outcome in {OK, KILLED, *MOVES} or self._everything() == before
        return outcome

    def _everything(self) -> list[Row]:
        """The content of every table that an act may change, but the journal and the authority's."""
        tables = ("lot", "demande", "produit", "revocation", "historique", "cle_presentee", "cle_bannie")
        rows = " UNION ALL ".join(f"SELECT md5({table}::text) AS ligne FROM {table}" for table in tables)  # noqa: S608
        return self._rows(f"{rows} ORDER BY ligne")

    def _deliver(self, retrait: Retrait) -> None:
        confirm_delivery(retrait, database=self.database, context=self._as(retrait.acteur.personne.id_nat))
        self.model.deliver(retrait.numero)

    def _one(self, pick: int, among: Collection[int]) -> int:
        """One of these demandes; mostly one that may still change."""
        ended = {"Produit annulé", "Produit révoqué"}
        alive = [numero for numero in among if self.model.lives[numero].produit not in ended]
        numbers = sorted(alive if alive and pick % 5 else among)
        return numbers[pick % len(numbers)]

    def _possible(self, fate: Fate, acteur: str) -> Fate:
        """What a demande of theirs can be: a first key is new, and offre PS has neither structure nor nomApplicatif."""
        if fate == "presented" and not self.model.presented:
            return "good"
        return "broken csr" if acteur == MEDECIN and fate in {"incomplete", "outside"} else fate

    def _key(self, fate: Fate, pick: int) -> int:
        """The number of a key: a new one, or one that was presented."""
        if fate == "presented":
            return sorted(self.model.presented)[pick % len(self.model.presented)]
        self.keys_used += 1
        return self.keys_used

    def _csr(self, fate: Fate, key: int) -> str:
        csr = self.world.csrs[key]
        return break_signature(csr) if fate == "broken csr" else csr

    def _demande(self, acteur: str, fate: Fate, key: int) -> DemandeCertificat:
        demande = demande_for(PRODUCTS[acteur], self._csr(fate, key))
        if fate == "incomplete":
            return replace(demande, nom_applicatif=None)
        return replace(demande, upn=None, id_nat_struct=FOREIGN if fate == "outside" else demande.id_nat_struct)

    def _life(self, acteur: str, fate: Fate, key: int) -> Life:
        read = fate not in {"broken csr", "incomplete"}
        return Life(acteur=acteur, creee_le=self.world.now, key=key if read else None)

    def _rows(self, query: str, *parameters: object) -> list[Row]:
        with self.database.transaction() as connection:
            return connection.execute(query.encode(), parameters).fetchall()


@pytest.fixture(scope="module")
def world(dsn: str, database: Database, pki: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The demonstration annuaire, an authority on the test's clock, and a CSR for each key of the longest example."""
    platform.load_annuaire(database, tmp_path_factory.mktemp("annuaire"))
    signers = platform.load_signers(pki)
    authority = FragileAuthority(database, signers=signers, urls=PublicationUrls(), clock=lambda: made.now)
    csrs = [make_csr(key) for key in make_keys(2 * STEPS + 4)]
    made = World(dsn=dsn, database=database, authority=authority, csrs=csrs)
    return made


def test_states_rows_and_history_agree_whatever_happens(world: World) -> None:
    """Orders, retraits, deliveries, cancellations, révocations, renouvellements, days, kills (§14 to §17, §20)."""
    Lives.world = world
    run_state_machine_as_test(Lives, settings=settings(max_examples=20, stateful_step_count=STEPS))
