"""Taking one right away refuses what needed it, and nothing else (guide §8): by the rules alone, then with a database.

The oracle works on labels where the rules work on text: a name is a tuple of labels, the domain of a habilitation a
form and such a tuple.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from pfcng.contract.catalogue import PRODUCTS, Environment, Offre, Product, Usage
from pfcng.contract.messages import DemandeCertificat, RequeteDemandeCertificats
from pfcng.contract.refusal import Refusal
from pfcng.domain.annuaire import Genre, Habilitation, Personne, Structure
from pfcng.domain.habilitation import check_habilitation
from pfcng.domain.rules import Rules
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.store.annuaire import save_habilitations, save_personnes, save_structures
from pfcng.store.database import Database
from support.csrs import make_csr, make_keys
from support.databases import forget_activity
from support.demandes import AGENT, demande_for
from support.platform import make_context

DAY: Final = date(2026, 3, 2)
ACTEUR: Final = Personne(
    environment=Environment.TEST, id_nat="899700000001", genre=Genre.PS, nom="N", prenom="P", titre="T"
)
STRUCTURES: Final = ("1750000001", "1750000002")
ROOT: Final = ("hopital", "example")

Labels = tuple[str, ...]


class Form(Enum):
    """How the domain of a habilitation is written (§8), by what stands before the domain."""

    EXACT = ""
    AT = "*@"
    WITH_BELOW = "*"
    BELOW = "*."


@dataclass(frozen=True, slots=True)
class Right:
    """An explicit habilitation of the acteur."""

    offre: Offre
    structure: str
    form: Form = Form.EXACT
    domain: Labels = ()

    def as_habilitation(self) -> Habilitation:
        """As the annuaire has it."""
        domaine = None if self.offre is Offre.ORG else self.form.value + ".".join(self.domain)
        return Habilitation(
            acteur=ACTEUR.id_nat, offre=self.offre, id_nat_struct=self.structure, domaine=domaine, debut=DAY, fin=DAY
        )

    def reaches(self, need: "Need") -> bool:
        """Whether it is a right on that structure and offre: SERV also is one on ORG."""
        offres = {need.product.offre, Offre.SERV} if need.product.offre is Offre.ORG else {need.product.offre}
        return self.structure == need.structure and self.offre in offres

    def covers(self, name: Labels, usage: Usage) -> bool:
        """Whether its domain takes a name in."""
        above = len(name) - len(self.domain)
        if above < 0 or name[above:] != self.domain:
            return False
        if self.form in {Form.EXACT, Form.AT}:
            return above == 0
        if self.offre is Offre.PRO:
            return above > 0 or self.form is Form.WITH_BELOW
        return above == 1 if usage is Usage.SSL_SERV else above > 0


@dataclass(frozen=True, slots=True)
class Need:
    """A demande, as far as rights go: the names are those of servers, or the domain of an address."""

    product: Product
    structure: str
    names: tuple[Labels, ...]

    def as_demande(self, csr: str = "csr", local: str = "a") -> DemandeCertificat:
        """As a lot carries it, with an address of that local part where its product may have one."""
        hosts = tuple(".".join(name) for name in self.names)
        demande = replace(demande_for(self.product, csr), fqdn=(), upn=None, mail_sujet=None)
        if self.product.offre is not Offre.PS:
            demande = replace(demande, id_nat_struct=self.structure)
        if self.product.usage is Usage.SSL_SERV:
            return replace(demande, fqdn=hosts)
        address = next((f"{local}@{host}" for host in hosts), None)
        return (
            replace(demande, upn=address) if self.product.usage is Usage.AUTH else replace(demande, mail_sujet=address)
        )

    def is_met(self, rights: Collection[Right]) -> bool:
        """The rule of §8, by labels."""
        return self.refusal(rights) is None

    def refusal(self, rights: Collection[Right]) -> str | None:
        """By that rule, the reason why these rights are not enough, or None when they are."""
        reaching = [right for right in rights if right.reaches(self)]
        if self.product.offre is Offre.PS:
            return None
        if not reaching:
            return "L’acteur n’est pas habilité sur le périmètre de la structure."
        for name in () if self.product.offre is Offre.ORG else self.names:
            if not any(right.covers(name, self.product.usage) for right in reaching):
                return f"L’acteur n’est pas habilité sur le domaine {'.'.join(name)}."
        return None


NAMES = st.lists(st.sampled_from("abc"), max_size=2).map(lambda labels: (*labels, *ROOT))


@st.composite
def needs(draw: st.DrawFn) -> Need:
    """A demande of any product, for one of two structures, with the names that its product may have."""
    product = draw(st.sampled_from(PRODUCTS))
    least, most = {Offre.PS: (0, 0), Offre.ORG: (0, 0), Offre.PRO: (0, 1), Offre.SERV: (1, 1)}[product.offre]
    if product.usage is Usage.SSL_SERV:
        most = 5
    names = draw(st.lists(NAMES, min_size=least, max_size=most, unique=True))
    return Need(product, draw(st.sampled_from(STRUCTURES)), tuple(names))


@st.composite
def rights_for(draw: st.DrawFn, need: Need) -> set[Right]:
    """Rights that are enough for a demande: one a name, in any form that covers it."""
    offre = need.product.offre
    if offre is Offre.PS:
        return set()
    if offre is Offre.ORG:
        granted = draw(
            st.sampled_from((Right(Offre.ORG, need.structure), Right(Offre.SERV, need.structure, Form.EXACT, ROOT)))
        )
        return {granted}
    forms = (Form.AT, Form.WITH_BELOW, Form.BELOW) if offre is Offre.PRO else (Form.EXACT, Form.WITH_BELOW, Form.BELOW)
    found = set()
    for name in need.names or (ROOT,):
        domains = [name[above:] for above in range(len(name) - 1)]
        possible = [Right(offre, need.structure, form, domain) for form in forms for domain in domains]
        covering = [right for right in possible if right.covers(name, need.product.usage)]
        found.add(draw(st.sampled_from(covering)))
    return found


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Need], list[Right]]:
    """A lot, and rights that are enough for it and of which none can be spared."""
    lot = draw(st.lists(needs(), min_size=1, max_size=20))
    enough = {right for need in lot for right in draw(rights_for(need))}
    for right in draw(st.permutations(sorted(enough, key=repr))):
        fewer = enough - {right}
        if all(need.is_met(fewer) for need in lot):
            enough = fewer
    return lot, sorted(enough, key=repr)


def refused(lot: list[Need], habilitations: list[Habilitation]) -> list[Need]:
    """The demandes of a lot that the rules refuse."""
    found = []
    for need in lot:
        try:
            check_habilitation(need.as_demande(), ACTEUR, habilitations, DAY)
        except Refusal:
            found.append(need)
    return found


@given(situations())
def test_rights_that_are_enough_refuse_nothing(situation: tuple[list[Need], list[Right]]) -> None:
    """Every demande of the lot is within the acteur's rights (§8)."""
    lot, rights = situation
    assert refused(lot, [right.as_habilitation() for right in rights]) == []


@given(situations(), st.booleans())
def test_right_taken_away_refuses_exactly_what_needed_it(
    situation: tuple[list[Need], list[Right]], ended: bool
) -> None:
    """One habilitation less, or one that ended yesterday: its demandes are refused, the others are not (§8)."""
    lot, rights = situation
    for taken in rights:
        kept = [right for right in rights if right is not taken]
        held = [right.as_habilitation() for right in kept]
        if ended:
            held.append(replace(taken.as_habilitation(), debut=None, fin=DAY - timedelta(days=1)))
        needed = [need for need in lot if not need.is_met(kept)]
        assert needed
        assert refused(lot, held) == needed


CSRS: Final = 20


@pytest.fixture(scope="module")
def csrs() -> list[str]:
    """A CSR for each demande of the longest lot."""
    return [make_csr(key) for key in make_keys(CSRS)]


@pytest.fixture(scope="module")
def platform(database: Database) -> Database:
    """The acteur, both structures, and the bénéficiaire who works for both."""
    agent = replace(ACTEUR, id_nat=AGENT, genre=Genre.PE, structures=frozenset(STRUCTURES))
    with database.transaction() as connection:
        save_structures(
            connection,
            [
                Structure(environment=Environment.TEST, id_nat=id_nat, raison_sociale="HOPITAL", departement="75")
                for id_nat in STRUCTURES
            ],
        )
        save_personnes(connection, [ACTEUR, agent])
    return database


def order(database: Database, lot: list[Need], held: list[Habilitation], csrs: list[str]) -> list[tuple[str, str]]:
    """Code and message of each demande of a lot, its rows in the database being those of the reply.

    Addresses differ: one that a refused demande leaves free would be another's, which is not a matter of rights.
    """
    with database.transaction() as connection:
        connection.execute("DELETE FROM habilitation")
        save_habilitations(connection, Environment.TEST, held)
    demandes = tuple(need.as_demande(csrs[n], f"a{n}") for n, need in enumerate(lot))
    requete = RequeteDemandeCertificats(demandes=demandes)
    context = make_context(ACTEUR.id_nat)
    reply = demander_certificats(requete, database=database, context=context, rules=Rules())
    with database.transaction() as connection:
        rows = connection.execute("SELECT etat FROM demande ORDER BY numero").fetchall()
    told = [(demande.statut_demande, demande.message) for demande in reply.demandes]
    kept = {True: "Demande validée", False: "Demande rejetée"}
    assert [row["etat"] for row in rows] == [kept[statut == "OK"] for statut, _ in told]
    assert reply.statut_lot == ("OK" if all(statut == "OK" for statut, _ in told) else "KO")
    return told


@settings(max_examples=25)
@given(situation=situations(), ended=st.booleans(), data=st.data())
def test_lot_that_lost_one_right_is_refused_where_it_needed_it(
    situation: tuple[list[Need], list[Right]],
    ended: bool,
    data: st.DataObject,
    platform: Database,
    dsn: str,
    csrs: list[str],
) -> None:
    """From the annuaire's rows to the reply: the lot is accepted, then all of it but what needed the right (§8)."""
    lot, rights = situation
    forget_activity(dsn)
    held = [right.as_habilitation() for right in rights]
    assert order(platform, lot, held, csrs) == [("OK", "")] * len(lot)
    if not rights:
        return
    taken = data.draw(st.sampled_from(rights))
    kept = [right for right in rights if right is not taken]
    held = [right.as_habilitation() for right in kept]
    if ended:
        held.append(replace(taken.as_habilitation(), debut=None, fin=DAY - timedelta(days=1)))
    forget_activity(dsn)
    for need, (statut, message) in zip(lot, order(platform, lot, held, csrs), strict=True):
        reason = need.refusal(kept)
        assert statut == ("WSMG-00000010" if reason else "OK")
        assert (reason or "") in message
