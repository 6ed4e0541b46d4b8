"""revoquerCertificat: who may, when, and what is left (guide §16, tables 5, 6, 15, RMT_ERR_011)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment, Motif, Offre, Product, Usage
from pfcng.contract.messages import RequeteRevocationCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.context import RequestContext
from pfcng.operations.one_by_one import PartlyDone
from pfcng.operations.revoquer_certificat import apply_due_revocations, revoquer_certificat
from support.csrs import make_csr, make_key
from support.platform import EDITEUR, NOW, make_context
from support.revocations import revocation_of
from support.scenario import (
    ADMIN,
    AGENT,
    DIRECTEUR,
    INTERNE,
    MEDECIN,
    PRODUCTION_EDITEUR,
    Scenario,
    aki_of,
    at,
    serial_of,
)

TODAY = date(2026, 3, 2)
REVOQUE = ("Demande close", "Produit révoqué")
ACTIF = ("Demande close", "Produit actif")


def requete_for(certificate: x509.Certificate, **changes: object) -> RequeteRevocationCertificat:
    """A révocation for the end of an activity, with these changes."""
    return revocation_of(certificate, **{"motif": Motif.FIN_DACTIVITE, **changes})


def revoke(
    scenario: Scenario, certificate: x509.Certificate, *, context: RequestContext | None = None, **changes: object
) -> None:
    """A révocation that is accepted."""
    reply = revoquer_certificat(
        requete_for(certificate, **changes),
        database=scenario.database,
        authority=scenario.authority,
        context=context or make_context(),
        rules=Rules(),
    )
    assert (reply.statut, reply.message) == ("OK", "")


def refusal_of(revocation: Callable[[], None]) -> Refusal:
    """Why it is refused."""
    with pytest.raises(Refusal) as refused:
        revocation()
    return refused.value


def test_revoked_now_is_revoked_on_both_sides(scenario: Scenario) -> None:
    """Produit actif → révoqué, révocation close, the authority knows it, the history tells each step (§16.2)."""
    certificate = scenario.issue()
    revoke(scenario, certificate)
    assert scenario.states() == [REVOQUE]
    [revocation] = scenario.rows("TABLE revocation")
    assert (revocation["etat"], revocation["acteur"], revocation["canal"]) == ("Demande close", EDITEUR, "WS")
    [igc] = scenario.rows("TABLE igc.revocation")
    assert igc["revoque_le"] == revocation["revoque_le"]
    history = scenario.rows("SELECT objet, de, vers FROM historique ORDER BY id DESC LIMIT 2")
    assert [tuple(row.values()) for row in history] == [
        ("produit", "Produit actif", "Produit révoqué"),
        ("revocation", "Demande enregistrée", "Demande close"),
    ]
    acts = scenario.rows("SELECT acte, resultat, acteur FROM journal ORDER BY id DESC LIMIT 2")
    assert [tuple(row.values()) for row in acts] == [
        ("revoquerCertificat", "révoqué", EDITEUR),
        ("revoquerCertificat", "accepté", EDITEUR),
    ]


@pytest.mark.parametrize(
    ("motif", "reason"),
    [
        (Motif.VOL, "keyCompromise"),
        (Motif.PERTE, "keyCompromise"),
        (Motif.FIN_DACTIVITE, "cessationOfOperation"),
        (Motif.AUTRE, None),
    ],
)
def test_motif_becomes_the_reason_of_the_crl(scenario: Scenario, motif: Motif, reason: str | None) -> None:
    """VOL and PERTE are a compromised key, the end of an activity a cessation, AUTRE says nothing (table 15)."""
    certificate = scenario.issue()
    description = "Serveur remplacé" if motif is Motif.AUTRE else None
    revoke(scenario, certificate, motif=motif, autre_description=description)
    assert [row["raison"] for row in scenario.rows("TABLE igc.revocation")] == [reason]
    assert [row["autre_description"] for row in scenario.rows("TABLE revocation")] == [description]


@pytest.mark.parametrize(
    ("motif", "description"),
    [(Motif.AUTRE, None), (Motif.VOL, "x"), (Motif.PERTE, "x"), (Motif.FIN_DACTIVITE, "x")],
)
def test_autre_description_goes_with_autre_alone(scenario: Scenario, motif: Motif, description: str | None) -> None:
    """Obligatoire with AUTRE, interdit otherwise: WSMG-00000005 (table 15)."""
    certificate = scenario.issue()
    refusal = refusal_of(lambda: revoke(scenario, certificate, motif=motif, autre_description=description))
    assert (refusal.code, refusal.raison) == (codes.WSMG_05, "AutreDescription")


@pytest.mark.parametrize("form", ["hexadecimal", "lower", "colons", "decimal", "zeros"])
def test_serial_number_is_read_in_every_form(scenario: Scenario, form: str) -> None:
    """Hexadecimal in any case with separators, or decimal; AKI with separators too (table 15)."""
    certificate = scenario.issue()
    serial = serial_of(certificate)
    padded = serial.zfill(32)
    written = {
        "hexadecimal": serial,
        "lower": serial.lower(),
        "colons": ":".join(padded[i : i + 2] for i in range(0, 32, 2)),
        "decimal": str(certificate.serial_number),
        "zeros": f"0000{serial}",
    }[form]
    aki = aki_of(certificate)
    revoke(scenario, certificate, numero_serie=written, aki=":".join(aki[i : i + 2] for i in range(0, 40, 2)).lower())
    assert scenario.states() == [REVOQUE]


@pytest.mark.parametrize(("field", "value"), [("numero_serie", "1234567890"), ("aki", "00" * 20), ("aki", "AB")])
def test_unknown_certificate_is_refused(scenario: Scenario, field: str, value: str) -> None:
    """WSMG-00000008: no such serial number, or another authority's (§16.4)."""
    certificate = scenario.issue()
    changes: dict[str, object] = {field: value}
    assert refusal_of(lambda: revoke(scenario, certificate, context=None, **changes)).code == codes.WSMG_08
    assert scenario.states() == [ACTIF]


def test_certificate_of_the_other_environment_is_unknown(scenario: Scenario) -> None:
    """A PRODUCTION card learns nothing of a TEST certificate (§13)."""
    certificate = scenario.issue()
    production = make_context(PRODUCTION_EDITEUR, environment=Environment.PRODUCTION)
    assert refusal_of(lambda: revoke(scenario, certificate, context=production)).code == codes.WSMG_08


PS_SIGN, PRO_SIGN = Product(Offre.PS, Usage.SIGN), Product(Offre.PRO, Usage.SIGN)
SSL_SERV = Product(Offre.SERV, Usage.SSL_SERV)


@pytest.mark.parametrize(
    ("product", "orderer", "revoker", "allowed"),
    [
        (Product(Offre.ORG, Usage.SIGN), EDITEUR, EDITEUR, True),
        (SSL_SERV, EDITEUR, EDITEUR, True),
        (PRO_SIGN, EDITEUR, EDITEUR, True),
        (PRO_SIGN, EDITEUR, AGENT, True),
        (PRO_SIGN, EDITEUR, DIRECTEUR, False),
        (PS_SIGN, MEDECIN, MEDECIN, True),
        (PS_SIGN, INTERNE, INTERNE, True),
        (PS_SIGN, MEDECIN, INTERNE, False),
        (PS_SIGN, MEDECIN, EDITEUR, False),
        (SSL_SERV, EDITEUR, MEDECIN, False),
    ],
)
def test_roles_that_may_revoke(scenario: Scenario, product: Product, orderer: str, revoker: str, allowed: bool) -> None:
    """Administrateur technique of structure and offre, porteur, demandeur PS and PF for themselves (tables 5, 6)."""
    certificate = scenario.issue(product, context=make_context(orderer))
    if allowed:
        revoke(scenario, certificate, context=make_context(revoker))
        assert scenario.states() == [REVOQUE]
        return
    refusal = refusal_of(lambda: revoke(scenario, certificate, context=make_context(revoker)))
    assert refusal.code == codes.WSMG_12
    assert "habilité" in refusal.message
    assert scenario.states() == [ACTIF]


def test_admin_asip_revokes_for_a_tiers(scenario: Scenario) -> None:
    """The tiers' rights count, the signer is recorded; anybody else who names a tiers is refused (§8)."""
    certificate = scenario.issue()
    stranger = refusal_of(lambda: revoke(scenario, certificate, context=make_context(MEDECIN), id_nat_tiers=EDITEUR))
    assert stranger.code == codes.WSMG_12
    revoke(scenario, certificate, context=make_context(ADMIN), id_nat_tiers=EDITEUR)
    [revocation] = scenario.rows("TABLE revocation")
    assert (revocation["acteur"], revocation["administrateur"]) == (EDITEUR, ADMIN)
    assert revocation["nom_administrateur"] == "ROBERT-TEST"


def test_acteur_unknown_to_the_annuaire_is_refused(scenario: Scenario) -> None:
    """RMT_ERR_011: « L’acteur n’existe pas dans l’annuaire »."""
    certificate = scenario.issue()
    refusal = refusal_of(lambda: revoke(scenario, certificate, context=make_context("nobody")))
    assert refusal.message == codes.WSMG_12.message("L’acteur n’existe pas dans l’annuaire")


def test_certificate_that_was_not_withdrawn_is_unknown(scenario: Scenario) -> None:
    """It has no serial number yet: nothing to find (§16.4)."""
    other = scenario.issue()
    scenario.order()
    assert refusal_of(lambda: revoke(scenario, other, numero_serie="1")).code == codes.WSMG_08


def test_undelivered_certificate_can_be_revoked(scenario: Scenario) -> None:
    """« Produit retiré » too (RMT_ERR_011); the demande ends as annulée."""
    certificate = scenario.withdraw(scenario.order(), delivered=False)
    revoke(scenario, certificate)
    assert scenario.states() == [("Demande annulée", "Produit révoqué")]


def test_revoked_certificate_is_not_revoked_again(scenario: Scenario) -> None:
    """The produit is not « Produit actif » any more (§16.4, RMT_ERR_011)."""
    certificate = scenario.issue()
    revoke(scenario, certificate)
    refusal = refusal_of(lambda: revoke(scenario, certificate))
    assert refusal.code == codes.WSMG_12
    assert "« Produit actif » ou dans l’état « Produit retiré »" in refusal.message


def test_past_day_is_refused(scenario: Scenario) -> None:
    """WSMG-00000012: the constraint on dateEffet is named (RMT_ERR_011)."""
    certificate = scenario.issue()
    refusal = refusal_of(lambda: revoke(scenario, certificate, date_effet=TODAY - timedelta(days=1)))
    assert refusal.code == codes.WSMG_12
    assert refusal.raison.endswith(": dateEffet.")
    assert scenario.states() == [ACTIF]


def test_today_is_now(scenario: Scenario) -> None:
    """The day of Europe/Paris: at 23:30 UTC in winter, today is already tomorrow's date."""
    certificate = scenario.issue()
    late = at(datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    assert refusal_of(lambda: revoke(scenario, certificate, context=late, date_effet=TODAY)).code == codes.WSMG_12
    revoke(scenario, certificate, context=late, date_effet=TODAY + timedelta(days=1))
    assert scenario.states() == [REVOQUE]


def apply_due(scenario: Scenario, moment: datetime) -> int:
    """What is due at that moment is done."""
    return apply_due_revocations(
        database=scenario.database, authority=scenario.authority, arrival=at(moment), rules=Rules()
    )


def test_later_day_waits_until_its_first_second_in_paris(scenario: Scenario) -> None:
    """« Demande enregistrée », produit actif until 00:00 of that day, Europe/Paris (table 15)."""
    certificate = scenario.issue()
    revoke(scenario, certificate, date_effet=date(2026, 7, 14))
    assert scenario.states() == [ACTIF]
    assert apply_due(scenario, datetime(2026, 7, 13, 21, 59, 59, tzinfo=UTC)) == 0
    assert apply_due(scenario, datetime(2026, 7, 13, 22, 0, tzinfo=UTC)) == 1
    assert scenario.states() == [REVOQUE]
    assert apply_due(scenario, datetime(2026, 7, 13, 22, 0, tzinfo=UTC)) == 0


def test_sooner_revocation_takes_the_place_of_the_one_that_waits(scenario: Scenario) -> None:
    """A stolen key does not wait for the end of the month; a later day changes nothing and is refused."""
    certificate = scenario.issue()
    revoke(scenario, certificate, date_effet=date(2026, 3, 31))
    later = refusal_of(lambda: revoke(scenario, certificate, date_effet=date(2026, 4, 30)))
    assert later.code == codes.WSMG_12
    revoke(scenario, certificate, motif=Motif.VOL)
    assert [row["etat"] for row in scenario.rows("SELECT etat FROM revocation ORDER BY numero")] == [
        "Demande non traitée",
        "Demande close",
    ]


@pytest.mark.parametrize("motif", [Motif.VOL, Motif.PERTE])
def test_key_of_a_stolen_certificate_is_refused_for_ever(scenario: Scenario, motif: Motif) -> None:
    """In the other environment too: « La clé publique n’est pas acceptée. » (RMT_ERR_001)."""
    key = make_key()
    revoke(scenario, scenario.issue(csr=make_csr(key)), motif=motif)
    production = make_context(PRODUCTION_EDITEUR, environment=Environment.PRODUCTION)
    with pytest.raises(AssertionError, match="La clé publique n’est pas acceptée"):
        scenario.order(csr=make_csr(key), context=production)


def test_key_of_a_certificate_that_ended_otherwise_counts_as_presented_only(scenario: Scenario) -> None:
    """The end of an activity bans no key: the other environment takes it."""
    key = make_key()
    revoke(scenario, scenario.issue(csr=make_csr(key)))
    scenario.order(csr=make_csr(key), context=make_context(PRODUCTION_EDITEUR, environment=Environment.PRODUCTION))


def test_revocation_killed_before_the_authority_is_mended(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """V1 committed and nothing after it: the next pass takes V2 and V3 (docs/life-of-a-demande.md)."""
    certificate = scenario.issue()
    with monkeypatch.context() as patch:
        patch.setattr(type(scenario.authority), "revoke", _dies)
        with pytest.raises(KeyboardInterrupt):
            revoke(scenario, certificate)
    assert scenario.states() == [ACTIF]
    assert apply_due(scenario, NOW) == 1
    assert scenario.states() == [REVOQUE]


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


def test_revocation_killed_after_the_authority_is_mended(scenario: Scenario) -> None:
    """V2 committed and not V3: the authority's moment stays, the produit follows."""
    certificate = scenario.issue()
    revoke(scenario, certificate, date_effet=date(2026, 3, 3))
    [produit] = scenario.rows("SELECT demande FROM produit")
    first = scenario.authority.revoke(produit["demande"], x509.ReasonFlags.cessation_of_operation)
    assert apply_due(scenario, NOW + timedelta(days=1)) == 1
    assert [row["revoque_le"] for row in scenario.rows("TABLE revocation")] == [first]


def test_revocation_that_fails_does_not_hold_up_the_others(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that fails is logged and tried again by the next pass."""
    for certificate in (scenario.issue(), scenario.issue()):
        revoke(scenario, certificate, date_effet=date(2026, 3, 3))
    first = min(row["demande"] for row in scenario.rows("SELECT demande FROM produit"))
    revoke_there = type(scenario.authority).revoke

    def fails(authority: EmbeddedAuthority, numero: int, motif: x509.ReasonFlags | None) -> datetime:
        if numero == first:
            raise ValueError("unforeseen")
        return revoke_there(authority, numero, motif)

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(type(scenario.authority), "revoke", fails)
        with pytest.raises(PartlyDone, match=r"révocation \d+ \(ValueError\)") as told:
            apply_due(scenario, NOW + timedelta(days=1))
    assert told.value.done == 1
    assert [(event["event"], event["kind"]) for event in logs] == [("act.row_failed", "ValueError")]
    assert scenario.states() == [ACTIF, REVOQUE]
    assert apply_due(scenario, NOW + timedelta(days=1)) == 1


def test_two_revocations_at_once_are_one(scenario: Scenario) -> None:
    """The produit's row is locked while it is looked at: one is written, the other refused."""
    certificate = scenario.issue()
    barrier = Barrier(2)

    def race(_: int) -> str:
        barrier.wait()
        try:
            revoke(scenario, certificate, date_effet=date(2026, 3, 31))
        except Refusal as refusal:
            return refusal.code.value
        return "OK"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(race, range(2))) == ["OK", "WSMG-00000012"]
    assert len(scenario.rows("TABLE revocation")) == 1
