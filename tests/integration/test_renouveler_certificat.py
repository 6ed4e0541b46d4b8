"""renouvelerCertificat: the same produit for a new key (guide §17)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from pfcng.contract import codes
from pfcng.contract.catalogue import PRODUCTS, Environment, Offre, Product, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.messages import ReponseRenouvellementCertificat, RequeteRenouvellementCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.operations.context import RequestContext
from pfcng.operations.renouveler_certificat import renouveler_certificat
from support.csrs import break_signature, make_csr, make_key
from support.platform import EDITEUR, make_context
from support.scenario import ADMIN, AGENT, INTERNE, MEDECIN, PRODUCTION_EDITEUR, Scenario, aki_of, at, serial_of


def renew(
    scenario: Scenario,
    certificate: x509.Certificate,
    *,
    context: RequestContext | None = None,
    rules: Rules | None = None,
    **changes: object,
) -> ReponseRenouvellementCertificat:
    """The reply to a renouvellement for a new key."""
    requete = RequeteRenouvellementCertificat(
        aki=aki_of(certificate),
        numero_serie=serial_of(certificate),
        mail_demandeur="nouveau@hopital.example",
        mail_personne_a_informer="informer@hopital.example",
        csr=make_csr(),
    )
    return renouveler_certificat(
        replace(requete, **changes),  # type: ignore[arg-type]  # the caller names fields
        database=scenario.database,
        context=context or make_context(),
        rules=rules or Rules(),
    )


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_renewed_certificate_says_the_same_for_a_new_key(scenario: Scenario, product: Product) -> None:
    """Everything but CSR and addresses comes from the old one, which stays actif (§17.1, §17.2)."""
    context = make_context(MEDECIN if product.offre is Offre.PS else EDITEUR)
    key = make_key()
    old = scenario.issue(product, context=context)
    reply = renew(scenario, old, context=context, csr=make_csr(key))
    assert (reply.statut, reply.message) == ("OK", "")
    new = scenario.withdraw(int(reply.indice_retrait or 0), context=context)
    assert new.public_key() == key.public_key()
    assert new.subject == old.subject
    assert _names(new) == _names(old)
    assert scenario.states() == [("Demande close", "Produit actif")] * 2
    [row] = scenario.rows("SELECT d.mail_demandeur, d.renouvelle FROM demande d ORDER BY numero DESC LIMIT 1")
    assert row["mail_demandeur"] == "nouveau@hopital.example"
    assert row["renouvelle"] is not None


def _names(certificate: x509.Certificate) -> object:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def test_key_that_was_presented_is_refused_with_the_text_of_the_guide(scenario: Scenario) -> None:
    """WSMG-00000009 names the demande that has the key (§17.4)."""
    key = make_key()
    old = scenario.issue(csr=make_csr(key))
    [row] = scenario.rows("SELECT numero FROM demande")
    reply = renew(scenario, old, csr=make_csr(key))
    assert (reply.statut, reply.indice_retrait) == ("WSMG-00000009", None)
    assert reply.message == (
        "Échec lors de la validation de CSR : La clé publique pour cette CSR a déjà été présentée pour une autre "
        f"demande ({row['numero']}, DENISE GARNIER-TEST, HOPITAL FICTIF DES LILAS, 02/03/2026). "
        "Veuillez essayer de nouveau avec un autre fichier CSR."
    )
    assert scenario.states()[-1] == ("Demande rejetée", "Produit annulé")


def test_bad_csr_is_refused(scenario: Scenario) -> None:
    """WSMG-00000009 (RMT_ERR_001)."""
    assert renew(scenario, scenario.issue(), csr=break_signature(make_csr())).statut == "WSMG-00000009"


def test_csr_over_the_limit_is_syntax(scenario: Scenario) -> None:
    """1 536 characters here too; table 17's 768 is an erratum."""
    old = scenario.issue()
    with pytest.raises(Refusal) as refused:
        renew(scenario, old, csr="A" * 1537)
    assert refused.value.code == codes.WSMG_05


@pytest.mark.parametrize(
    "context", [make_context(), make_context(PRODUCTION_EDITEUR, environment=Environment.PRODUCTION)]
)
def test_certificate_that_is_not_there_is_refused(scenario: Scenario, context: RequestContext) -> None:
    """WSMG-00000008: unknown, or of the other environment (§17.4)."""
    old = scenario.issue()
    serial = serial_of(old) if context.environment is Environment.PRODUCTION else "1234"
    with pytest.raises(Refusal) as refused:
        renew(scenario, old, context=context, numero_serie=serial)
    assert refused.value.code == codes.WSMG_08


def test_certificate_that_has_expired_is_not_renewed(scenario: Scenario) -> None:
    """WSMG-00000010: only what counts today is renewed."""
    old = scenario.issue()
    reply = renew(scenario, old, context=at(old.not_valid_after_utc + timedelta(seconds=1)))
    assert reply.statut == "WSMG-00000010"
    assert "certificat à renouveler" in reply.message


def test_undelivered_certificate_is_not_renewed(scenario: Scenario) -> None:
    """The old produit must be actif."""
    old = scenario.withdraw(scenario.order(), delivered=False)
    assert renew(scenario, old).statut == "WSMG-00000010"


STRANGERS = [
    (Product(Offre.ORG, Usage.SIGN), EDITEUR, MEDECIN, Raison.HORS_PERIMETRE),
    (Product(Offre.PRO, Usage.SIGN), EDITEUR, AGENT, Raison.HORS_PERIMETRE),
    (Product(Offre.PS, Usage.SIGN), MEDECIN, INTERNE, Raison.HORS_OFFRE),
    (Product(Offre.PS, Usage.SIGN), MEDECIN, EDITEUR, Raison.HORS_OFFRE),
]
"""A product, who orders it, and who may not renew it; of PRO, the porteur (table 6)."""


def refusal_of(scenario: Scenario, certificate: x509.Certificate, **changes: Any) -> tuple[str, str]:
    """Code and reason of a renouvellement that is refused before it is a demande."""
    with pytest.raises(Refusal) as refused:
        renew(scenario, certificate, **changes)
    return refused.value.code.value, refused.value.raison


@pytest.mark.parametrize(("product", "orderer", "other", "reason"), STRANGERS)
def test_who_may_not_order_may_not_renew(
    scenario: Scenario, product: Product, orderer: str, other: str, reason: Raison
) -> None:
    """Rights as for a demande, of today (§17, table 6)."""
    old = scenario.issue(product, context=make_context(orderer))
    assert refusal_of(scenario, old, context=make_context(other)) == ("WSMG-00000010", reason)


@pytest.mark.parametrize(("product", "orderer", "other", "reason"), STRANGERS)
def test_who_may_not_renew_learns_nothing_of_the_certificate(
    scenario: Scenario, product: Product, orderer: str, other: str, reason: Raison
) -> None:
    """Rights come before the state, the dates and the key: one answer whatever they are (§17, RMT_ERR_002)."""
    key = make_key()
    old = scenario.issue(product, context=make_context(orderer), csr=make_csr(key))
    undelivered = scenario.withdraw(
        scenario.order(product, context=make_context(orderer)), context=make_context(orderer), delivered=False
    )
    expired = at(old.not_valid_after_utc + timedelta(seconds=1), other)
    context = make_context(other)
    told = {
        refusal_of(scenario, old, context=context),
        refusal_of(scenario, old, context=expired),
        refusal_of(scenario, undelivered, context=context),
        refusal_of(scenario, old, context=context, csr=make_csr(key)),
        refusal_of(scenario, old, context=context, rules=Rules(closed_products=frozenset([product]))),
    }
    assert told == {("WSMG-00000010", reason)}


@pytest.mark.parametrize(("product", "orderer", "other", "reason"), STRANGERS)
def test_refused_for_its_rights_leaves_no_demande(
    scenario: Scenario, product: Product, orderer: str, other: str, reason: Raison
) -> None:
    """A demande would hold what the old one held, and a suivi would tell it to who has no right to it."""
    old = scenario.issue(product, context=make_context(orderer))
    before = scenario.rows("SELECT numero, acteur FROM demande")
    assert refusal_of(scenario, old, context=make_context(other)) == ("WSMG-00000010", reason)
    assert scenario.rows("SELECT numero, acteur FROM demande") == before
    assert len(scenario.rows("TABLE cle_presentee")) == 1


def test_habilitation_that_ended_renews_nothing(scenario: Scenario) -> None:
    """Today's habilitations count, not those of the old demande."""
    old = scenario.issue()
    with scenario.database.transaction() as connection:
        connection.execute("DELETE FROM habilitation")
    assert refusal_of(scenario, old) == ("WSMG-00000010", Raison.HORS_PERIMETRE)


def test_annuaire_that_changed_is_told(scenario: Scenario) -> None:
    """WSMG-00000044: the bénéficiaire works there no more."""
    old = scenario.issue(Product(Offre.PRO, Usage.SIGN))
    with scenario.database.transaction() as connection:
        connection.execute("DELETE FROM rattachement")
    assert renew(scenario, old).statut == "WSMG-00000044"


def test_product_that_is_closed_is_not_renewed(scenario: Scenario) -> None:
    """RMT_ERR_002: « Le type de produit n’est pas ouvert à la commande. »."""
    old = scenario.issue()
    rules = Rules(closed_products=frozenset([Product(Offre.ORG, Usage.AUTH_CLI)]))
    assert "n’est pas ouvert à la commande" in renew(scenario, old, rules=rules).message


def test_admin_asip_renews_for_a_tiers(scenario: Scenario) -> None:
    """AdminASIP with idNatTiers; anybody else who gives it is refused (§8)."""
    old = scenario.issue()
    assert renew(scenario, old, context=make_context(ADMIN), id_nat_tiers=EDITEUR).statut == "OK"
    with pytest.raises(Refusal) as refused:
        renew(scenario, old, context=make_context(MEDECIN), id_nat_tiers=EDITEUR)
    assert refused.value.code == codes.WSMG_10
