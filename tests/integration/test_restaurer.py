"""Both sides are compared after a restore, what one of them forgot comes back, and only then is anything issued."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pfcng.contract.catalogue import Motif, Offre, Product, Usage
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.igc.authority import AuthorityUnavailable, Progress, RegistrationConflict
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.migrations import IGC
from pfcng.igc.publisher import Publisher
from pfcng.igc.responder import Responder
from pfcng.jobs.acts import periodic_acts
from pfcng.operations import restaurer
from pfcng.operations.ancre_journal import AnchorFile
from pfcng.operations.exploitation import Exploitation
from pfcng.operations.reconcilier import Difference
from pfcng.operations.restaurer import AlreadyUnderWay, Examination
from pfcng.operations.revoquer_certificat import apply_due_revocations, revoquer_certificat
from pfcng.operations.suspecter import suspect_if_behind, suspect_if_unsealed
from pfcng.pki.keys import Credential
from pfcng.store.attestation import Objet, SuspectDatabase, attest
from pfcng.store.database import Database
from pfcng.store.migrations import migrate
from pfcng.store.sealing import Head, seal_pending
from pfcng.store.verification import verify
from support.backups import dump, restore
from support.certificate_requests import request_for
from support.csrs import make_csr, make_key
from support.platform import NOW, load_annuaire, load_signers, make_authority, make_context
from support.revocations import revocation_of
from support.scenario import ORG, Scenario, at, serial_of
from support.workers import make_parts

PS: Final = Product(Offre.PS, Usage.AUTH)
EXPLOITATION: Final = Exploitation(exploitant="essai", now=NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where databases are made, and what they are filled with."""

    postgres: str
    folder: Path
    pki: Path

    def new(self) -> str:
        """The DSN of a database without a table."""
        name = f"restauree_{secrets.token_hex(4)}"
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(self.postgres, dbname=name)

    def back_up(self, dsn: str) -> Path:
        """A dump of now."""
        path = self.folder / f"{conninfo_to_dict(dsn)['dbname']}.dump"
        dump(dsn, path)
        return path

    def restored(self, path: Path) -> str:
        """The DSN of a new database with what a dump has."""
        dsn = self.new()
        restore(path, dsn)
        return dsn

    @contextmanager
    def opened(self, platform: str, igc: str) -> Iterator[Scenario]:
        """A platform over one database with PFCNG-IGC over another."""
        with closing(Database(platform)) as database, closing(Database(igc, role=None)) as other:
            yield Scenario(database=database, authority=make_authority(other, self.pki))


@pytest.fixture
def place(postgres: str, tmp_path: Path, pki: Path) -> Place:
    return Place(postgres=postgres, folder=tmp_path, pki=pki)


@pytest.fixture
def sides(place: Place, database: Database, dsn: str, tmp_path: Path) -> tuple[str, str]:
    """The DSNs of a platform and of its PFCNG-IGC, with nothing ordered yet."""
    load_annuaire(database, tmp_path)
    igc = place.new()
    migrate(igc, IGC)
    return dsn, igc


def examine(scenario: Scenario) -> Examination:
    return restaurer.examine(scenario.database, scenario.authority, at(NOW))


def reconcile(scenario: Scenario) -> dict[int, tuple[Difference, bool]]:
    """All of it, as the command does after a yes: each number's difference, and whether it was settled."""
    examination = examine(scenario)
    settled = {
        found.numero: (
            found.difference,
            restaurer.settle(found, database=scenario.database, authority=scenario.authority, arrival=at(NOW)),
        )
        for found in examination.found
    }
    restaurer.lift(examination, database=scenario.database, authority=scenario.authority, exploitation=EXPLOITATION)
    return settled


def number(scenario: Scenario, certificate: x509.Certificate) -> int:
    [row] = scenario.rows("SELECT demande FROM produit WHERE numero_serie = %s", serial_of(certificate))
    return int(row["demande"])


def states(scenario: Scenario) -> dict[int, tuple[str, str]]:
    rows = scenario.rows(
        "SELECT d.numero, d.etat, p.etat AS produit FROM demande d JOIN produit p ON p.demande = d.numero"
    )
    return {row["numero"]: (row["etat"], row["produit"]) for row in rows}


def revoke(scenario: Scenario, certificate: x509.Certificate, motif: Motif = Motif.VOL) -> None:
    requete = revocation_of(certificate, motif=motif)
    reply = revoquer_certificat(
        requete, database=scenario.database, authority=scenario.authority, context=make_context(), rules=Rules()
    )
    assert reply.statut == "OK"


ENREGISTREE: Final = "Demande enregistrée"
ACTIF, REVOQUE = ("Demande close", "Produit actif"), ("Demande close", "Produit révoqué")


def test_restored_platform_gives_nothing_out_and_lets_revoke(place: Place, sides: tuple[str, str]) -> None:
    """Orders fault, retraits come later (WSMG-18, 15), what is revoked is revoked."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        validated, transmitted, certificate = scenario.order(), scenario.order(), scenario.issue()
        scenario.rows("UPDATE demande SET etat = 'Demande transmise' WHERE numero = %s RETURNING 1", transmitted)
        undelivered = scenario.order()
        scenario.withdraw(undelivered, delivered=False)
        saved = place.back_up(platform)
    with place.opened(place.restored(saved), igc) as scenario:
        with pytest.raises(SuspectDatabase):
            scenario.order()
        for numero, code in ((validated, "WSMG-00000018"), (transmitted, "WSMG-00000015")):
            with pytest.raises(Refusal, match=code):
                scenario.withdraw(numero)
        scenario.withdraw(undelivered)  # the stored one
        revoke(scenario, certificate)
        assert states(scenario)[number(scenario, certificate)] == REVOQUE
        reconcile(scenario)
        scenario.withdraw(validated)
        assert scenario.order() > 1_000_000


def test_platform_learns_again_what_it_forgot(place: Place, sides: tuple[str, str]) -> None:
    """Certificates of after the back-up are known, with their state; no number, key or address is taken twice."""
    platform, igc = sides
    key = make_csr(make_key())
    with place.opened(platform, igc) as scenario:
        first, waiting, undelivered = scenario.issue(), scenario.order(), scenario.order()
        scenario.withdraw(undelivered, delivered=False)
        saved = place.back_up(platform)
        scenario.withdraw(waiting)
        forgotten = scenario.withdraw(scenario.order(csr=key))
        person = scenario.issue(PS, context=make_context("899700990015"))
        stolen = scenario.issue(mail_sujet=None)
        revoke(scenario, stolen)
        revoke(scenario, first, Motif.FIN_DACTIVITE)
        numbers = {
            name: number(scenario, one)
            for name, one in {"first": first, "forgotten": forgotten, "person": person, "stolen": stolen}.items()
        }
        last = scenario.order()
    with place.opened(place.restored(saved), igc) as scenario:
        assert reconcile(scenario) == {
            numbers["first"]: (Difference.REVOQUE_LA_BAS, True),
            waiting: (Difference.DEJA_EMIS, True),
            undelivered: (Difference.PEUT_ETRE_REMIS, True),
            numbers["forgotten"]: (Difference.INCONNU, True),
            numbers["person"]: (Difference.INCONNU, True),
            numbers["stolen"]: (Difference.OUBLIE_REVOQUE, True),
        }
        assert states(scenario) == {
            numbers["first"]: REVOQUE,
            waiting: ACTIF,
            undelivered: ACTIF,
            numbers["forgotten"]: ACTIF,
            numbers["person"]: ACTIF,
            numbers["stolen"]: REVOQUE,
        }
        assert examine(scenario).found == []
        assert scenario.order() > last
        with pytest.raises(AssertionError, match="a déjà été présentée"):
            scenario.order(csr=key)
        [banned] = scenario.rows("SELECT count(*) AS count FROM cle_bannie")
        assert banned["count"] == 1
        for certificate in (forgotten, person):
            assert number(scenario, certificate) in numbers.values()
        revoke(scenario, forgotten)
        assert scenario.authority.status(numbers["forgotten"]).progress is Progress.REVOKED
        assert scenario.rows("SELECT * FROM courrier WHERE destinataire = ''") == []
        seal_pending(scenario.database)
        with scenario.database.transaction() as connection:
            assert verify(connection, {}).fault is None  # every change of state is told


def test_numbers_that_only_pfcng_igc_knows_make_the_platform_suspect(place: Place, sides: tuple[str, str]) -> None:
    """A copy of the whole data folder proves everything; the other side has numbers that this one never gave."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        scenario.issue()
        assert not suspect_if_behind(scenario.database, scenario.authority)
        scenario.authority.register(40, request_for(ORG, make_context().environment, make_key()))
        scenario.authority.issue(40)
        assert suspect_if_behind(scenario.database, scenario.authority)
        with pytest.raises(SuspectDatabase, match="demande 40"):
            scenario.order()
        reconcile(scenario)
        assert states(scenario)[40] == ACTIF
        assert not suspect_if_behind(scenario.database, scenario.authority)
        assert scenario.order() > 1_000_000


def test_seal_that_only_the_anchor_knows_makes_the_platform_suspect(database: Database, tmp_path: Path) -> None:
    """Once: a reconciliation has seen it; a line that is written after that tells of another restore."""
    anchor = AnchorFile(path=tmp_path / "ancre")
    assert not suspect_if_unsealed(database, anchor)
    anchor.append(Head(rang=7, empreinte=bytes(32), scelle_le=datetime.now(UTC)))
    assert suspect_if_unsealed(database, anchor)
    assert "rang 7" in (database.suspicion or "")
    with database.transaction() as connection:
        attest(connection, Objet.RECONCILIATION, "")
    assert not suspect_if_unsealed(database, anchor)
    assert database.is_attested()
    anchor.append(Head(rang=8, empreinte=bytes(32), scelle_le=datetime.now(UTC)))
    assert suspect_if_unsealed(database, anchor)


def test_restored_platform_neither_cancels_nor_revokes_by_itself(place: Place, sides: tuple[str, str]) -> None:
    """What it holds for never withdrawn, or never delivered, may have been since the back-up (RMT_ERR_008, 009)."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        scenario.order()
        scenario.withdraw(scenario.order(), delivered=False)
        before = states(scenario)
        scenario.database.suspect("pour l’essai")
        much_later = scenario.authority._clock() + timedelta(days=100)
        parts = make_parts(
            scenario.database, scenario.authority, transport=place.folder / "courrier", clock=lambda: much_later
        )
        assert sum(act.do() for act in periodic_acts(parts)) == 0
        assert states(scenario) == before
        with scenario.database.transaction() as connection:
            attest(connection, Objet.RECONCILIATION, "")
        assert sum(act.do() for act in periodic_acts(parts)) > 0
        assert states(scenario) != before


def test_conflict_of_numbers_ends_no_demande_of_a_restored_platform(place: Place, sides: tuple[str, str]) -> None:
    """A number given twice, before anybody saw it: the demande waits (WSMG-18), it is not refused for good."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        numero = scenario.order()
        for taken in (numero, numero + 50):
            scenario.authority.register(taken, request_for(ORG, make_context().environment, make_key()))
            scenario.authority.issue(taken)
        with pytest.raises(Refusal, match="WSMG-00000018"):
            scenario.withdraw(numero)
        assert states(scenario)[numero] == ("Demande validée", "Produit à retirer")


def test_number_that_was_given_twice_is_left_as_an_alarm(place: Place, sides: tuple[str, str]) -> None:
    """The certificate is not this demande's: it is neither delivered nor revoked by guess, and nothing hangs on it."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        numero = scenario.order()
        scenario.authority.register(numero, request_for(ORG, make_context().environment, make_key()))
        scenario.authority.issue(numero)
        scenario.database.suspect("pour l’essai")
        assert reconcile(scenario) == {numero: (Difference.DEJA_EMIS, False)}
        assert states(scenario)[numero] == ("Demande validée", "Produit à retirer")
        assert scenario.authority.status(numero).progress is Progress.ISSUED
        assert scenario.order() > 1_000_000


def test_restored_pfcng_igc_signs_nothing_and_takes_back_what_it_forgot(
    place: Place, sides: tuple[str, str], pki: Path
) -> None:
    """Neither certificates, CRLs nor OCSP; then the platform's certificates are known, the revoked ones revoked."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        kept = scenario.issue()
        saved = place.back_up(igc)
        certificate, ended = scenario.issue(), scenario.issue(mail_sujet=None)
        revoke(scenario, ended)
        [revoked] = scenario.rows("SELECT revoque_le FROM revocation")
        transmitted = scenario.order()
        scenario.rows("UPDATE demande SET etat = 'Demande transmise' WHERE numero = %s RETURNING 1", transmitted)
        numbers = [number(scenario, one) for one in (certificate, ended)]
    igc = place.restored(saved)
    signers = list(load_signers(pki).values())
    with place.opened(platform, igc) as scenario, closing(Database(igc, role=None)) as database:
        publisher = Publisher(database, signers=signers, clock=lambda: datetime.now(UTC))
        responder = Responder(database, signers=signers, clock=lambda: datetime.now(UTC))
        waiting = scenario.order()
        with pytest.raises(Refusal, match="WSMG-00000018"):
            scenario.withdraw(waiting)
        revoke(scenario, certificate)  # is waiting: to PFCNG-IGC it is unknown for now, not for good
        assert [row["etat"] for row in scenario.rows("SELECT etat FROM revocation ORDER BY numero")][-1] == ENREGISTREE
        with pytest.raises(Refusal, match="WSMG-00000015"):
            scenario.withdraw(transmitted)
        assert publisher.turn().published == 0
        assert _ocsp(responder, kept, signers).response_status is ocsp.OCSPResponseStatus.TRY_LATER
        assert reconcile(scenario) == {
            numbers[0]: (Difference.ABSENT, True),
            numbers[1]: (Difference.ABSENT, True),
            transmitted: (Difference.NON_ENREGISTREE, True),
        }
        assert scenario.authority.issue(numbers[0]) == certificate
        assert scenario.authority.status(numbers[1]).revoked_at == revoked["revoque_le"]
        assert _ocsp(responder, certificate, signers).certificate_status is ocsp.OCSPCertStatus.GOOD
        later = at(NOW + timedelta(minutes=2))
        done = apply_due_revocations(
            database=scenario.database, authority=scenario.authority, arrival=later, rules=Rules()
        )
        assert done == 1
        assert states(scenario)[numbers[0]] == REVOQUE
        assert _ocsp(responder, ended, signers).certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert publisher.turn().published > 0
        scenario.withdraw(waiting)
        scenario.withdraw(transmitted)
        assert examine(scenario).found == []


def _ocsp(responder: Responder, certificate: x509.Certificate, signers: Sequence[Credential]) -> ocsp.OCSPResponse:
    [issuer] = [one.certificate for one in signers if one.certificate.subject == certificate.issuer]
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256()).build()
    return ocsp.load_der_ocsp_response(responder.answer(request.public_bytes(Encoding.DER)).der)


def test_certificate_of_a_stranger_is_not_taken_back(place: Place, sides: tuple[str, str]) -> None:
    """PFCNG-IGC believes its own signature, not the platform; a number that is taken keeps its certificate."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        first, second = scenario.issue(), scenario.issue(mail_sujet=None)
        dossiers = [scenario.authority.read_dossier(number(scenario, one)) for one in (first, second)]
        with pytest.raises(RegistrationConflict):
            scenario.authority.adopt(replace(dossiers[0], numero=dossiers[1].numero))
        authority = EmbeddedAuthority(
            scenario.database, signers={}, urls=scenario.authority._urls, clock=lambda: datetime.now(UTC)
        )
        for told in (dossiers[0], replace(dossiers[1], request=dossiers[0].request)):
            with pytest.raises(Exception, match="not a certificate of an authority here"):
                authority.adopt(replace(told, numero=99))


class _Killed(BaseException):
    """The process ends here."""


def test_reconciliation_that_is_killed_after_any_commit_goes_on(
    place: Place, sides: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal stands until the last commit; what was settled stays so, and is settled once."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        waiting = scenario.order()
        saved = place.back_up(platform)
        scenario.withdraw(waiting)
        forgotten = scenario.issue()
        expected = [waiting, number(scenario, forgotten)]
    commits = 0
    with place.opened(place.restored(saved), igc) as scenario:
        while True:
            commits += 1
            with monkeypatch.context() as context:
                context.setattr(Database, "transaction", _dying(Database.transaction, after=commits))
                try:
                    reconcile(scenario)
                    break
                except _Killed:
                    pass
            assert not scenario.database.is_attested()
            with pytest.raises(SuspectDatabase):
                scenario.order()
        assert scenario.database.is_attested()
        assert states(scenario) == dict.fromkeys(expected, ACTIF)
        histories = scenario.rows("SELECT numero, vers, count(*) AS count FROM historique GROUP BY 1, 2")
        assert all(row["count"] == 1 for row in histories if row["vers"] == "Produit actif")
        assert commits > 5


def _dying(original: Callable[[Database], object], *, after: int) -> Callable[[Database], object]:
    """`Database.transaction` in a process that ends after so many commits."""
    made = [0]

    @contextmanager
    def transaction(self: Database) -> Iterator[object]:
        with original(self) as connection:  # type: ignore[attr-defined]
            yield connection
        made[0] += 1
        if made[0] >= after:
            raise _Killed

    return transaction


def test_pfcng_igc_that_goes_away_leaves_the_refusal(
    place: Place, sides: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lifted that was not compared to the end."""
    platform, igc = sides
    with place.opened(platform, igc) as scenario:
        scenario.issue()
        saved = place.back_up(platform)

    def gone(*_: object, **__: object) -> None:
        raise AuthorityUnavailable("gone")

    with place.opened(place.restored(saved), igc) as scenario:
        with monkeypatch.context() as context:
            context.setattr(EmbeddedAuthority, "list_issued", gone)
            with pytest.raises(AuthorityUnavailable):
                reconcile(scenario)
        assert not scenario.database.is_attested()
        reconcile(scenario)
        assert scenario.database.is_attested()


def test_one_exploitant_at_a_time_reconciles(database: Database) -> None:
    """The second is told; when the first is done, or dead, it may."""
    with restaurer.alone(database), pytest.raises(AlreadyUnderWay), restaurer.alone(database):
        pass
    with restaurer.alone(database):
        pass
