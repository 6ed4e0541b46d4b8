"""The main job, from a signed message to a certificate that OpenSSL verifies, for every product."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pfcng.client import RefusedError
from pfcng.contract.catalogue import PRODUCTS, TABLE_11, Offre, Presence, Product, Usage
from support.csrs import break_signature, make_csr, make_key
from support.demandes import AGENT, HOPITAL, demande_for
from support.live import Sandbox

ORG_AUTH_CLI = Product(Offre.ORG, Usage.AUTH_CLI)
ISSUERS = {
    Offre.PS: "TEST AC IGC-SANTE ELEMENTAIRE PERSONNES",
    Offre.PRO: "TEST AC IGC-SANTE ELEMENTAIRE PERSONNES",
    Offre.ORG: "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
    Offre.SERV: "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
}


def openssl_verify(sandbox: Sandbox, certificate: x509.Certificate, issuer: str, folder: Path) -> str:
    """What ``openssl verify`` says of a certificate, with the sandbox's chain; "OK" where there is no openssl."""
    if shutil.which("openssl") is None:
        return ": OK\n"
    file = folder / "certificat.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    chain = ["-CAfile", str(sandbox.anchors), "-untrusted", str(sandbox.authority(issuer))]
    command = ["openssl", "verify", "-x509_strict", *chain, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_every_product_is_ordered_withdrawn_and_verified(sandbox: Sandbox, product: Product, tmp_path: Path) -> None:
    """A signed demande gives an index, the index a certificate of that key that OpenSSL verifies (§14, §15)."""
    key = make_key()
    card = "cps-medecin" if product.offre is Offre.PS else "cpa-editeur"
    with sandbox.client(card) as client:
        reply = client.demander_certificats([demande_for(product, make_csr(key), mail_sujet=_mail(product))])
        assert (reply.statut_lot, reply.message) == ("OK", "")
        [demande] = reply.demandes
        assert demande.indice_demande == demande.indice_retrait
        retrait = client.retirer_certificat(str(demande.indice_retrait), "code")
    assert retrait.certificate.public_key() == key.public_key()
    assert openssl_verify(sandbox, retrait.certificate, ISSUERS[product.offre], tmp_path).endswith(": OK\n")
    assert _common_name(retrait.certificate) == _expected_common_name(product)


def _mail(product: Product) -> str | None:
    """A protected address of its own for each product that has one (§7.2)."""
    allowed = TABLE_11[product]["mailSujet"] is not Presence.INTERDIT
    return f"{product.label.lower().replace('/', '')}@hopital.example" if allowed else None


def _common_name(certificate: x509.Certificate) -> str:
    [attribute] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(attribute.value)


def _expected_common_name(product: Product) -> str:
    return {
        Offre.PS: "899700990015",
        Offre.PRO: AGENT,
        Offre.ORG: "INSI-AUTO",
        Offre.SERV: "www.hopital.example" if product.usage is Usage.SSL_SERV else "INSI-AUTO",
    }[product.offre]


def test_lot_of_twenty_with_one_bad_csr_answers_as_the_guide_shows(sandbox: Sandbox) -> None:
    """StatutLot KO with the failing demande's message; that one has no index, the other nineteen are OK (§14.2.2)."""
    csrs = [make_csr() for _ in range(20)]
    csrs[7] = break_signature(csrs[7])
    with sandbox.client() as client:
        reply = client.demander_certificats([demande_for(ORG_AUTH_CLI, csr) for csr in csrs])
    bad = reply.demandes[7]
    assert (bad.statut_demande, bad.indice_demande, bad.indice_retrait) == ("WSMG-00000009", None, None)
    assert bad.message == (
        "Échec lors de la validation de CSR : La signature de la CSR est incorrecte. "
        "Veuillez essayer de nouveau avec un autre fichier CSR."
    )
    assert (reply.statut_lot, reply.message) == ("KO", bad.message)
    others = [*reply.demandes[:7], *reply.demandes[8:]]
    assert [(demande.statut_demande, demande.message) for demande in others] == [("OK", "")] * 19
    assert all(demande.indice_retrait == demande.indice_demande for demande in others)


def test_retrait_again_after_delivery_is_refused(sandbox: Sandbox) -> None:
    """A delivered produit is actif, not « Produit à retirer » (RMT_ERR_005)."""
    with sandbox.client() as client:
        reply = client.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr())])
        indice = str(reply.demandes[0].indice_retrait)
        client.retirer_certificat(indice, "code")
        with pytest.raises(RefusedError) as refused:
            client.retirer_certificat(indice, "code")
    assert refused.value.code == "WSMG-00000011"
    assert "Le produit n’est pas dans l’état « Produit à retirer »." in refused.value.message


def test_retrait_by_another_acteur_is_refused(sandbox: Sandbox) -> None:
    """Only who signed the demande withdraws it (§15.4)."""
    with sandbox.client() as client, sandbox.client("cps-medecin") as other:
        reply = client.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr())])
        with pytest.raises(RefusedError) as refused:
            other.retirer_certificat(str(reply.demandes[0].indice_retrait), "code")
    assert refused.value.code == "WSMG-00000030"


def test_the_same_person_in_the_other_environment_finds_nothing(sandbox: Sandbox) -> None:
    """A PRODUCTION card learns nothing of a TEST demande: its index is unknown (§13)."""
    with sandbox.client() as client, sandbox.client("cpa-production") as production:
        reply = client.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr())])
        with pytest.raises(RefusedError) as refused:
            production.retirer_certificat(str(reply.demandes[0].indice_retrait), "code")
    assert refused.value.code == "WSMG-00000027"


def test_production_card_gets_a_production_certificate(sandbox: Sandbox, tmp_path: Path) -> None:
    """The environment follows from the signer's card, down to the authority that issues (§13)."""
    with sandbox.client("cpa-production") as client:
        reply = client.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr())])
        retrait = client.retirer_certificat(str(reply.demandes[0].indice_retrait), "code")
    issuer = "AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"
    assert openssl_verify(sandbox, retrait.certificate, issuer, tmp_path).endswith(": OK\n")


@pytest.mark.parametrize(
    ("card", "changes", "code"),
    [
        ("cps-medecin", {}, "WSMG-00000010"),
        ("cpa-editeur", {"id_nat_struct": "1690099023"}, "WSMG-00000010"),
        ("cpa-editeur", {"id_nat_struct": None}, "WSMG-00000032"),
        ("cpa-editeur", {"nom_applicatif": None}, "WSMG-00000035"),
        ("cpa-editeur", {"id_nat_tiers": "899700990015"}, "WSMG-00000010"),
        ("cpa-inconnue-srv", {}, "WSMG-00000010"),
    ],
)
def test_demande_outside_the_rules_is_refused(
    sandbox: Sandbox, card: str, changes: dict[str, object], code: str
) -> None:
    """No habilitation, a structure outside it, a missing element, a tiers without AdminASIP, nobody known (§8, §14)."""
    with sandbox.client(card) as client:
        reply = client.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr(), **changes)])
    assert (reply.statut_lot, reply.demandes[0].statut_demande) == ("KO", code)


def test_admin_asip_acts_for_a_tiers(sandbox: Sandbox) -> None:
    """AdminASIP with idNatTiers: the tiers' rights count, and retrait asks for the same pair (§8, RMT_ERR_005)."""
    editeur = "599900034200017/CPAT0001"
    with sandbox.client("admin-ans") as admin:
        reply = admin.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr(), id_nat_tiers=editeur)])
        indice = str(reply.demandes[0].indice_retrait)
        with sandbox.client() as tiers, pytest.raises(RefusedError) as refused:
            tiers.retirer_certificat(indice, "code")
        assert refused.value.code == "WSMG-00000011"
        assert admin.retirer_certificat(indice, "code", id_nat_tiers=editeur).certificate is not None


def test_unknown_structure_is_not_told_from_a_foreign_one(sandbox: Sandbox) -> None:
    """A stranger learns nothing of what exists: both get the refusal of the périmètre (§14.4)."""
    with sandbox.client() as client:
        unknown, foreign = (
            client.demander_certificats([demande_for(ORG_AUTH_CLI, make_csr(), id_nat_struct=structure)])
            for structure in ("1999999998", "1690099023")
        )
    assert unknown.demandes[0].message == foreign.demandes[0].message
    assert HOPITAL not in unknown.demandes[0].message
