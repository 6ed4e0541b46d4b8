"""What a retrait refuses, and what it delivers again (guide §15, RMT_ERR_005, RMT_ERR_009)."""

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.contract.messages import RequeteDemandeCertificats, RequeteRetraitCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.operations.retirer_certificat import Retrait, confirm_delivery, retirer_certificat
from pfcng.store.database import Database
from support.csrs import make_csr
from support.demandes import demande_for
from support.platform import make_context

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
MEDECIN = "899700990015"


def order(database: Database, *, context: RequestContext | None = None, **changes: object) -> str:
    """The indice de retrait of a new demande."""
    requete = RequeteDemandeCertificats(demandes=(demande_for(ORG, make_csr(), **changes),))
    reply = demander_certificats(requete, database=database, context=context or make_context(), rules=Rules())
    return str(reply.demandes[0].indice_retrait)


def withdraw(
    authority: EmbeddedAuthority,
    database: Database,
    indice: str,
    *,
    code: str = "code",
    tiers: str | None = None,
    context: RequestContext | None = None,
) -> Retrait:
    """A retrait as far as its reply."""
    requete = RequeteRetraitCertificat(indice_retrait=indice, code_revocation=code, id_nat_tiers=tiers)
    return retirer_certificat(requete, database=database, authority=authority, context=context or make_context())


def code_hash(database: Database) -> str:
    """The hash of the one produit's code de révocation."""
    with database.transaction() as connection:
        [row] = connection.execute("SELECT code_revocation FROM produit").fetchall()
    return str(row["code_revocation"])


@pytest.mark.parametrize("indice", ["999999", "0", "-1", "abc", "１２", str(2**63), "9" * 20])
def test_unknown_index_is_refused(authority: EmbeddedAuthority, annuaire: Database, indice: str) -> None:
    """WSMG-00000027, whatever stands where an index should be (§15.4)."""
    order(annuaire)
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice)
    assert refused.value.code == codes.WSMG_27


def test_index_of_the_other_environment_is_unknown(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """WSMG-00000027 too: PRODUCTION learns nothing of TEST (§13)."""
    indice = order(annuaire)
    production = make_context("599900034200017/CPAP0001", environment=Environment.PRODUCTION)
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice, context=production)
    assert refused.value.code == codes.WSMG_27


def test_another_acteur_is_refused(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """WSMG-00000030 with its own text (§15.4)."""
    indice = order(annuaire)
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice, context=make_context(MEDECIN))
    assert refused.value.code == codes.WSMG_30


def test_acteur_who_left_the_annuaire_is_refused(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """RMT_ERR_005: the annuaire of the day of the retrait counts."""
    indice = order(annuaire)
    with annuaire.transaction() as connection:
        connection.execute("DELETE FROM personne WHERE id_nat = %s", (make_context().signataire,))
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice)
    assert refused.value.code == codes.WSMG_11
    assert "L’acteur n’existe pas dans l’annuaire" in refused.value.message


def test_demande_of_another_channel_is_refused(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """WSMG-00000031: what was ordered at the IHM is withdrawn there (§15)."""
    indice = order(annuaire)
    with annuaire.transaction() as connection:
        connection.execute("UPDATE demande SET canal = 'IHM'")
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice)
    assert refused.value.code == codes.WSMG_31


def test_demande_that_was_rejected_gives_no_certificate(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """RMT_ERR_005: the produit is not « Produit à retirer »; nothing reaches the authority."""
    order(annuaire, id_nat_struct="1690099023")
    with annuaire.transaction() as connection:
        [row] = connection.execute("SELECT numero FROM demande").fetchall()
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, str(row["numero"]))
    assert refused.value.message == codes.WSMG_11.message("Le produit n’est pas dans l’état « Produit à retirer »")
    with annuaire.transaction() as connection:
        assert connection.execute("TABLE igc.certificat").fetchall() == []


def test_tiers_named_by_nobody_special_is_refused(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """Only AdminASIP acts for a tiers (§8)."""
    indice = order(annuaire)
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice, tiers=MEDECIN)
    assert refused.value.code == codes.WSMG_11


def test_undelivered_certificate_is_delivered_again_with_the_new_code(
    authority: EmbeddedAuthority, annuaire: Database
) -> None:
    """RMT_ERR_009: the same certificate; the code that its holder sent last is the one that counts."""
    indice = order(annuaire)
    first = withdraw(authority, annuaire, indice, code="premier code")
    second = withdraw(authority, annuaire, indice, code="second code")
    assert first.reponse.certificat == second.reponse.certificat
    Argon2id.verify_phc_encoded(b"second code", code_hash(annuaire))
    with pytest.raises(InvalidKey):
        Argon2id.verify_phc_encoded(b"premier code", code_hash(annuaire))


def test_delivered_certificate_is_not_delivered_again(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """Demande close, produit actif: a retrait is over (§15.2)."""
    indice = order(annuaire)
    confirm_delivery(withdraw(authority, annuaire, indice), database=annuaire, context=make_context())
    with pytest.raises(Refusal) as refused:
        withdraw(authority, annuaire, indice)
    assert refused.value.code == codes.WSMG_11


def test_delivery_confirmed_twice_counts_once(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """Two replies may have left: the second confirmation finds the produit actif and changes nothing."""
    retrait = withdraw(authority, annuaire, order(annuaire))
    for _ in range(2):
        confirm_delivery(retrait, database=annuaire, context=make_context())
    with annuaire.transaction() as connection:
        told = connection.execute("SELECT resultat FROM journal ORDER BY id").fetchall()
    assert [row["resultat"] for row in told] == ["accepté", "transmettre", "retirer", "delivrer"]


def test_code_de_revocation_is_nowhere_in_clear(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """It is kept as a slow salted hash: two produits with one code have two hashes."""
    indice = order(annuaire)
    withdraw(authority, annuaire, indice, code="mon code très secret")
    with annuaire.transaction() as connection:
        everything = [connection.execute(f"TABLE {table}").fetchall() for table in ("produit", "journal", "historique")]
    assert "secret" not in str(everything)
    assert code_hash(annuaire).startswith("$argon2id$")


def test_produit_keeps_what_the_certificate_says(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """Serial in upper-case hexadecimal, issuer, validity (tables 15 and 21)."""
    retrait = withdraw(authority, annuaire, order(annuaire))
    certificate = x509.load_pem_x509_certificate((retrait.reponse.certificat or "").encode())
    with annuaire.transaction() as connection:
        [row] = connection.execute("SELECT * FROM produit").fetchall()
    assert row["numero_serie"] == f"{certificate.serial_number:X}"
    assert row["autorite"] == certificate.issuer.rfc4514_string()
    assert (row["debut_validite"], row["fin_validite"]) == (
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
    assert row["dn_sujet"] == certificate.subject.rfc4514_string()
