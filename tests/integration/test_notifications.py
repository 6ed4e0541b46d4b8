"""M1: each change writes the mails of the guide in its own transaction, and each mail its job (docs/later.md)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment
from pfcng.contract.codes import Raison
from pfcng.contract.messages import (
    Request,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
)
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.notifications.catalogue import BY_CODE, Notification
from pfcng.notifications.samples import samples
from pfcng.operations import demander_certificats as demander
from pfcng.operations.annuler_demande import cancel_expired
from pfcng.operations.context import RequestContext
from pfcng.operations.notifier import notify
from pfcng.operations.rappeler import rappeler
from pfcng.operations.record_refused import record_refused
from pfcng.operations.renouveler_certificat import renouveler_certificat
from pfcng.operations.retirer_certificat import confirm_delivery, retirer_certificat
from pfcng.operations.revoquer_certificat import apply_due_revocations, revoquer_certificat
from pfcng.operations.revoquer_non_remis import revoquer_non_remis
from pfcng.sandbox.incidents import Incident, IncidentAuthority, Incidents
from support.csrs import make_csr
from support.demandes import demande_for
from support.platform import NOW, make_context
from support.revocations import revocation_of
from support.scenario import MEDECIN, ORG, Scenario, aki_of, at, serial_of

DEMANDEUR, INFORMER = "demandeur@hopital.example", "informer@hopital.example"


def at_moment(now: datetime) -> RequestContext:
    return replace(make_context(), now=now)


@dataclass(frozen=True)
class Told:
    """What the mails of a scenario are, oldest first, without those of its preparation."""

    scenario: Scenario
    before: int

    def __call__(self) -> list[tuple[str, str]]:
        """Notification and recipient."""
        rows = self.scenario.rows(
            "SELECT notification, destinataire FROM courrier WHERE numero > %s ORDER BY numero", self.before
        )
        return [(row["notification"], row["destinataire"]) for row in rows]


def from_now(scenario: Scenario) -> Told:
    [row] = scenario.rows("SELECT coalesce(max(numero), 0) AS numero FROM courrier")
    return Told(scenario, row["numero"])


def both(code: str) -> list[tuple[str, str]]:
    """The demandeur, and the person to inform."""
    return [(code, DEMANDEUR), (code, INFORMER)]


def renewal_of(certificate: x509.Certificate, csr: str) -> RequeteRenouvellementCertificat:
    return RequeteRenouvellementCertificat(
        aki=aki_of(certificate),
        numero_serie=serial_of(certificate),
        mail_demandeur=DEMANDEUR,
        mail_personne_a_informer=INFORMER,
        csr=csr,
    )


def refuse(scenario: Scenario, acte: str, request: Request, act: Callable[[], object]) -> Refusal:
    """The refusal of an act, recorded as the pipeline does."""
    with pytest.raises(Refusal) as refused:
        act()
    record_refused(acte, request, refused.value, database=scenario.database, context=make_context())
    return refused.value


@pytest.fixture(autouse=True)
def _as_the_samples_say(scenario: Scenario) -> Iterator[None]:
    """An operator's templates are tried with what mails are really given (`pfcng.notifications.samples`)."""
    yield
    for row in scenario.rows("SELECT DISTINCT notification, contenu FROM courrier"):
        given, shapes = row["contenu"], list(samples(BY_CODE[row["notification"]]))
        assert given.keys() in [shape.keys() for shape in shapes]
        for name, value in given.items():
            assert any(type(shape.get(name)) is type(value) for shape in shapes), (row["notification"], name)


def test_each_validated_demande_of_a_lot_is_confirmed_and_each_rejected_one_told(scenario: Scenario) -> None:
    """§14.3 for each demande; NMG-005 for a CSR or a business rule (RMT_ERR_001, 002); nothing for a presence rule."""
    good, bad = demande_for(ORG, make_csr()), demande_for(ORG, "AAAA")
    elsewhere, incomplete = replace(good, id_nat_struct="1750000001"), replace(good, nom_applicatif=None)
    lot = RequeteDemandeCertificats(demandes=(good, bad, elsewhere, incomplete))
    demander.demander_certificats(lot, database=scenario.database, context=make_context(), rules=Rules())
    told = from_now(scenario)
    assert Told(scenario, 0)() == [*both("CONFIRMATION-DEMANDE"), *both("NMG-005"), *both("NMG-005")]
    rows = scenario.rows("SELECT contenu, demande FROM courrier WHERE notification = 'NMG-005' ORDER BY numero")
    assert "CSR" in rows[0]["contenu"]["raison"]
    assert "périmètre de la structure" in rows[2]["contenu"]["raison"]
    assert told() == []


def test_mail_and_job_are_there_with_the_change_or_not_at_all(scenario: Scenario) -> None:
    """One job a mail, in the transaction of the change: what is rolled back takes both along (M1)."""
    numero = scenario.order()
    told = from_now(scenario)
    jobs = "SELECT args->>'numero' AS courrier FROM procrastinate_jobs WHERE task_name = 'courrier' ORDER BY id"
    before = scenario.rows(jobs)
    assert before == scenario.rows("SELECT numero::text AS courrier FROM courrier ORDER BY numero")
    with scenario.database.transaction() as connection, connection.transaction(force_rollback=True):
        notify(connection, Notification.NMG_003, [numero], make_context())
    assert told() == []
    assert scenario.rows(jobs) == before


def test_mail_holds_no_secret(scenario: Scenario) -> None:
    """Neither the code de révocation nor the CSR: what the text needs and no more."""
    scenario.issue()
    [columns] = scenario.rows(
        "SELECT DISTINCT jsonb_object_agg(c.key, 1) AS names FROM courrier, jsonb_each(contenu) c"
    )
    assert set(columns["names"]) == {
        *("numero_demande", "environnement", "creee_le", "demandeur", "offre", "usage", "structure", "beneficiaire"),
        *("nom_applicatif", "fqdn", "autorite", "numero_serie", "debut_validite", "fin_validite"),
    }


def test_retrait_is_confirmed_when_it_was_delivered(scenario: Scenario) -> None:
    """§15.3: not before the certificate is the demandeur's, and once."""
    numero = scenario.order()
    told = from_now(scenario)
    scenario.withdraw(numero, delivered=False)
    assert told() == []
    scenario.withdraw(numero)
    assert told() == both("CONFIRMATION-RETRAIT")
    [row] = scenario.rows("SELECT contenu FROM courrier WHERE notification = 'CONFIRMATION-RETRAIT' LIMIT 1")
    assert row["contenu"]["autorite"] == "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"


def test_revocation_is_confirmed_on_its_day(scenario: Scenario) -> None:
    """§16.3: « Lorsque le certificat est révoqué », to the addresses of the demande de révocation."""
    certificate = scenario.issue()
    told = from_now(scenario)
    context = make_context()
    requete = revocation_of(certificate, date_effet=context.today + timedelta(days=2), mail_demandeur="r@x.example")
    revoquer_certificat(
        requete, database=scenario.database, authority=scenario.authority, context=context, rules=Rules()
    )
    assert told() == []
    for _ in range(2):
        later = at(NOW + timedelta(days=2))
        apply_due_revocations(database=scenario.database, authority=scenario.authority, arrival=later, rules=Rules())
    assert told() == [("CONFIRMATION-REVOCATION", "r@x.example"), ("CONFIRMATION-REVOCATION", INFORMER)]


def test_renewal_is_confirmed(scenario: Scenario) -> None:
    """§17.3: the subject of a demande, a text of its own."""
    certificate = scenario.issue()
    told = from_now(scenario)
    reply = renouveler_certificat(
        renewal_of(certificate, make_csr()), database=scenario.database, context=make_context(), rules=Rules()
    )
    assert reply.statut == "OK"
    assert told() == both("CONFIRMATION-RENOUVELLEMENT")


def test_refused_renewal_is_told(scenario: Scenario) -> None:
    """NMG-005, with the demande that was rejected (RMT_ERR_001), or without one (RMT_ERR_002)."""
    certificate = scenario.issue()
    told = from_now(scenario)
    requete = renewal_of(certificate, "AAAA")
    renouveler_certificat(requete, database=scenario.database, context=make_context(), rules=Rules())
    assert told() == both("NMG-005")
    stranger = make_context("899799999999")

    def renew() -> object:
        return renouveler_certificat(requete, database=scenario.database, context=stranger, rules=Rules())

    refuse(scenario, "renouvelerCertificat", requete, renew)
    assert told() == [*both("NMG-005"), *both("NMG-005")]
    [row] = scenario.rows("SELECT contenu, demande FROM courrier ORDER BY numero DESC LIMIT 1")
    assert (row["demande"], row["contenu"]["objet"]) == (
        None,
        f"de renouvellement du certificat {requete.numero_serie}",
    )


def test_expired_demande_is_told(scenario: Scenario) -> None:
    """NMG-003, with the cancellation (RMT_ERR_008)."""
    scenario.order()
    told = from_now(scenario)
    for _ in range(2):
        cancel_expired(database=scenario.database, rules=Rules(), arrival=at(NOW + timedelta(days=31)))
    assert told() == both("NMG-003")


@pytest.mark.parametrize("who", [MEDECIN, None])
def test_refused_retrait_is_told_to_those_of_the_demande(scenario: Scenario, who: str | None) -> None:
    """NMG-006 (RMT_ERR_005): another acteur, or a produit that was withdrawn."""
    numero = scenario.order()
    if who is None:
        scenario.withdraw(numero)
    told = from_now(scenario)
    requete = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code")
    context = make_context(who) if who else make_context()

    def withdraw() -> object:
        return retirer_certificat(requete, database=scenario.database, authority=scenario.authority, context=context)

    refusal = refuse(scenario, "retirerCertificat", requete, withdraw)
    assert told() == both("NMG-006")
    [row] = scenario.rows("SELECT contenu FROM courrier ORDER BY numero DESC LIMIT 1")
    assert row["contenu"]["raison"] == refusal.message


def test_retrait_of_nothing_is_told_to_nobody(scenario: Scenario) -> None:
    """There is no address (WSMG-00000027); a demande of the other environment is nothing either."""
    numero = scenario.order()
    told = from_now(scenario)
    production = make_context(environment=Environment.PRODUCTION)
    for indice in ("999999", "x", str(numero)):
        requete = RequeteRetraitCertificat(indice_retrait=indice, code_revocation="code")
        for code in (codes.WSMG_27, codes.WSMG_11):
            record_refused("retirerCertificat", requete, Refusal(code), database=scenario.database, context=production)
    assert told() == []


def test_authority_that_cannot_be_reached_at_the_retrait_is_told(scenario: Scenario) -> None:
    """NMG-005 (RMT_ERR_003): the demande is kept; at the issue nothing is told (RMT_ERR_006, WS channel)."""
    numero = scenario.order()
    told = from_now(scenario)
    requete = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code")
    incidents = Incidents()
    authority = IncidentAuthority(scenario.authority, incidents)

    def withdraw() -> object:
        return retirer_certificat(requete, database=scenario.database, authority=authority, context=make_context())

    incidents.start(Incident.IGC_INACCESSIBLE)
    assert refuse(scenario, "retirerCertificat", requete, withdraw).code is codes.WSMG_18
    assert told() == both("NMG-005")
    [row] = scenario.rows("SELECT contenu FROM courrier ORDER BY numero DESC LIMIT 1")
    assert row["contenu"]["conservee"] is True
    incidents.restore()
    incidents.start(Incident.IGC_INACCESSIBLE_AU_RETRAIT)
    assert refuse(scenario, "retirerCertificat", requete, withdraw).code is codes.WSMG_15
    assert told() == both("NMG-005")


def test_demande_that_the_authority_refuses_is_told(scenario: Scenario) -> None:
    """NMG-005 in the transaction that ends the demande, and no second one (RMT_ERR_004)."""
    numero = scenario.order()
    told = from_now(scenario)
    requete = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code")
    incidents = Incidents()
    incidents.start(Incident.IGC_REFUSE)
    authority = IncidentAuthority(scenario.authority, incidents)

    def withdraw() -> object:
        return retirer_certificat(requete, database=scenario.database, authority=authority, context=make_context())

    assert refuse(scenario, "retirerCertificat", requete, withdraw).code is codes.WSMG_17
    assert told() == both("NMG-005")
    assert scenario.states() == [("Demande non traitée", "Produit annulé")]


def test_refused_revocation_is_told_with_what_the_request_said_alone(scenario: Scenario) -> None:
    """NMG-008 (RMT_ERR_011): who has no right to the certificate learns nothing of it."""
    certificate = scenario.issue()
    told = from_now(scenario)
    requete = revocation_of(certificate)

    def revoke() -> object:
        return revoquer_certificat(
            requete,
            database=scenario.database,
            authority=scenario.authority,
            context=make_context(MEDECIN),
            rules=Rules(),
        )

    refusal = refuse(scenario, "revoquerCertificat", requete, revoke)
    assert refusal.raison == Raison.HORS_PERIMETRE
    assert told() == both("NMG-008")
    [row] = scenario.rows("SELECT contenu FROM courrier ORDER BY numero DESC LIMIT 1")
    assert set(row["contenu"]) == {"raison", "refuse_le", "numero_serie", "numero_demande", "objet", "conservee"}
    unknown = Refusal(codes.WSMG_08)
    record_refused("revoquerCertificat", requete, unknown, database=scenario.database, context=make_context())
    assert told() == both("NMG-008")


def test_waiting_revocation_is_told_once(scenario: Scenario) -> None:
    """NMG-014 (RMT_ERR_012): the authority does not answer; tries that fail later are not told again."""
    certificate = scenario.issue()
    told = from_now(scenario)
    incidents = Incidents()
    incidents.start(Incident.IGC_INACCESSIBLE)
    authority = IncidentAuthority(scenario.authority, incidents)
    later = make_context().today + timedelta(days=1)
    requete = revocation_of(certificate, date_effet=later)
    revoquer_certificat(requete, database=scenario.database, authority=authority, context=make_context(), rules=Rules())

    def attempt(after: timedelta = timedelta()) -> int:
        arrival = at(NOW + timedelta(days=1) + after)
        return apply_due_revocations(database=scenario.database, authority=authority, arrival=arrival, rules=Rules())

    assert [attempt(), attempt(timedelta(hours=1))] == [0, 0]
    assert told() == both("NMG-014")
    incidents.restore()
    assert attempt(timedelta(hours=2)) == 1
    assert told() == [*both("NMG-014"), *both("CONFIRMATION-REVOCATION")]


def test_undelivered_certificate_is_revoked_after_its_delay_and_told(scenario: Scenario) -> None:
    """NMG-009 (RMT_ERR_009): demande annulée, produit révoqué; once, and never one that was delivered."""
    scenario.issue()
    scenario.withdraw(scenario.order(), delivered=False)
    told = from_now(scenario)
    [row] = scenario.rows("SELECT max(debut_validite) AS issued FROM produit")

    def revoke(after: timedelta) -> int:
        arrival = at(row["issued"] + after)
        return revoquer_non_remis(
            database=scenario.database, authority=scenario.authority, rules=Rules(), arrival=arrival
        )

    assert revoke(timedelta(days=7)) == 0
    assert [revoke(timedelta(days=7, seconds=1)) for _ in range(2)] == [1, 0]
    assert scenario.states() == [("Demande close", "Produit actif"), ("Demande annulée", "Produit révoqué")]
    assert told() == both("NMG-009")


def test_undelivered_certificate_waits_for_the_authority(scenario: Scenario) -> None:
    """The révocation is registered (V1), told to wait, and carried out with the others."""
    scenario.withdraw(scenario.order(), delivered=False)
    told = from_now(scenario)
    incidents = Incidents()
    incidents.start(Incident.IGC_INACCESSIBLE)
    authority = IncidentAuthority(scenario.authority, incidents)
    [row] = scenario.rows("SELECT max(debut_validite) AS issued FROM produit")
    arrival = at(row["issued"] + timedelta(days=8))
    assert revoquer_non_remis(database=scenario.database, authority=authority, rules=Rules(), arrival=arrival) == 1
    assert revoquer_non_remis(database=scenario.database, authority=authority, rules=Rules(), arrival=arrival) == 0
    assert scenario.states() == [("Demande transmise", "Produit retiré")]
    incidents.restore()
    later = at(row["issued"] + timedelta(days=8, hours=1))
    apply_due_revocations(database=scenario.database, authority=authority, arrival=later, rules=Rules())
    assert scenario.states() == [("Demande annulée", "Produit révoqué")]
    assert told() == [*both("NMG-014"), *both("NMG-009")]


def test_refused_automatic_revocation_is_asked_for_again_a_day_later(scenario: Scenario) -> None:
    """RMT_ERR_013 at an automatic révocation: one row, one refusal a day, not one each minute for ever."""
    scenario.withdraw(scenario.order(), delivered=False)
    incidents = Incidents()
    incidents.start(Incident.IGC_REFUSE)
    authority = IncidentAuthority(scenario.authority, incidents)
    [row] = scenario.rows("SELECT max(debut_validite) AS issued FROM produit")

    def revoke(hours: float) -> int:
        arrival = at(row["issued"] + timedelta(days=8, hours=hours))
        return revoquer_non_remis(database=scenario.database, authority=authority, rules=Rules(), arrival=arrival)

    assert [revoke(hours) for hours in (0, 0.1, 23, 24.1, 24.2)] == [1, 0, 0, 1, 0]
    incidents.restore()
    assert revoke(49) == 1
    assert scenario.states() == [("Demande annulée", "Produit révoqué")]


def test_automatic_revocations_wait_together_while_nobody_answers(scenario: Scenario) -> None:
    """Each call of an authority that is away lasts its whole time-out: one is spent, and the others wait with it."""
    for _ in range(3):
        scenario.withdraw(scenario.order(), delivered=False)
    told = from_now(scenario)
    incidents = Incidents()
    incidents.start(Incident.IGC_INACCESSIBLE)
    authority = IncidentAuthority(scenario.authority, incidents)
    [row] = scenario.rows("SELECT max(debut_validite) AS issued FROM produit")
    arrival = at(row["issued"] + timedelta(days=8))
    assert revoquer_non_remis(database=scenario.database, authority=authority, rules=Rules(), arrival=arrival) == 3
    assert told() == both("NMG-014")
    incidents.restore()
    later = at(row["issued"] + timedelta(days=8, hours=1))
    assert apply_due_revocations(database=scenario.database, authority=authority, arrival=later, rules=Rules()) == 3
    assert scenario.states() == [("Demande annulée", "Produit révoqué")] * 3


def test_produit_is_reminded_of_at_60_30_and_7_days_once_each(scenario: Scenario) -> None:
    """Day after day, twice a day; nothing before, nothing after the end."""
    certificate = scenario.issue()
    end = certificate.not_valid_after_utc
    told = from_now(scenario)

    def remind(left: int) -> int:
        return rappeler(database=scenario.database, rules=Rules(), arrival=at_moment(end - timedelta(days=left)))

    days = [left for left in range(70, -3, -1) for _ in range(2) if remind(left)]
    assert days == [60, 30, 7]
    assert told() == both("RAPPEL-ECHEANCE") * 3
    rows = scenario.rows("SELECT contenu FROM courrier WHERE notification = 'RAPPEL-ECHEANCE' ORDER BY numero")
    assert [row["contenu"]["echeance"] for row in rows[::2]] == ["dans 60 jours", "dans 30 jours", "dans 7 jours"]


def test_platform_that_was_away_reminds_once_of_what_it_missed(scenario: Scenario) -> None:
    """At 20 days from the end the reminder of 30 days counts; that of 60 is of no use any more."""
    end = scenario.issue().not_valid_after_utc
    for left, expected in ((20, 1), (19, 0), (7, 1), (0.5, 0)):
        assert (
            rappeler(
                database=scenario.database,
                rules=Rules(),
                arrival=at_moment(end - timedelta(days=left)),
            )
            == expected
        )


def test_renewed_or_revoked_produit_is_not_reminded_of(scenario: Scenario) -> None:
    """Once the new certificate is active, or the old one ended, nobody has to act."""
    certificate, revoked = scenario.issue(), scenario.issue()
    reply = renouveler_certificat(
        renewal_of(certificate, make_csr()), database=scenario.database, context=make_context(), rules=Rules()
    )
    revoquer_certificat(
        revocation_of(revoked),
        database=scenario.database,
        authority=scenario.authority,
        context=make_context(),
        rules=Rules(),
    )
    now = certificate.not_valid_after_utc - timedelta(days=59)
    retrait = retirer_certificat(
        RequeteRetraitCertificat(indice_retrait=reply.indice_retrait or "", code_revocation="code"),
        database=scenario.database,
        authority=scenario.authority,
        context=make_context(),
    )
    confirm_delivery(retrait, database=scenario.database, context=make_context())
    scenario.rows(
        "UPDATE produit SET fin_validite = fin_validite + interval '1 year' WHERE demande = %s RETURNING numero",
        retrait.numero,
    )
    assert rappeler(database=scenario.database, rules=Rules(), arrival=at_moment(now)) == 0
