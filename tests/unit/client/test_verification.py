"""What is said of a demande before it is sent; the rules are the platform's own."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from pfcng.client.verification import Level, Remark
from pfcng.client.verification.common_names import meant_for_insi
from pfcng.client.verification.demande import Known, demande_remarks
from pfcng.client.verification.keys import csr_remarks, explain, known_keys
from pfcng.client.verification.request import UnreadableRequest, read_request
from pfcng.contract.catalogue import PRODUCTS, TABLE_11, Offre, Presence, Product, Usage
from pfcng.contract.codes import WSMG_09, Raison
from pfcng.contract.messages import DemandeCertificat, RequeteDemandeCertificats
from pfcng.contract.refusal import Refusal
from pfcng.domain.formats import check_formats
from pfcng.domain.presence import check_presence
from pfcng.domain.rules import Rules
from pfcng.pki import csr
from pfcng.xml.codec import encode
from pfcng.xml.soap import wrap
from support.csrs import break_signature, make_csr, make_key
from support.demandes import demande_for

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
SERVER = Product(Offre.SERV, Usage.SSL_SERV)
KNOWN = Known(domaines=("hopital.example", "*.hopital.example"))


def remarks(demande: DemandeCertificat, known: Known = KNOWN, level: Level | None = None) -> list[Remark]:
    return [one for one in demande_remarks(demande, known) if level is None or one.level is level]


def faults(demande: DemandeCertificat, known: Known = KNOWN) -> dict[str, str]:
    """Element → code."""
    found = remarks(demande, known, Level.FAULT)
    return {one.element: one.code.value if one.code else "" for one in found}


def doubts(demande: DemandeCertificat, known: Known = KNOWN) -> str:
    return "\n".join(one.text for one in remarks(demande, known, Level.DOUBT))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_right_demande_of_every_product_has_no_fault(product: Product) -> None:
    """What the platform accepts is not called a fault (§14.1 table 11)."""
    assert faults(demande_for(product, "csr"), replace(KNOWN, domaines=("*hopital.example", "hopital.example"))) == {}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.label)
def test_every_fault_of_table_11_is_told_at_once_with_the_platform_s_first_code(product: Product) -> None:
    """All the rows of a demande that is wrong everywhere; the first is the one that the platform answers."""
    right, everything = demande_for(product, "csr"), demande_for(Product(Offre.SERV, Usage.SIGN), "csr")
    fields = {
        "idNatStruct": "id_nat_struct", "idNatBeneficiaire": "id_nat_beneficiaire", "nomApplicatif": "nom_applicatif",
        "FQDN": "fqdn", "UPN": "upn", "mailSujet": "mail_sujet",
    }  # fmt: skip
    values = {"UPN": "a@hopital.example", "FQDN": ("www.hopital.example",), "idNatBeneficiaire": "899700990015"}
    wrong = right
    for element, presence in TABLE_11[product].items():
        given = values.get(element) or getattr(everything, fields[element])
        absent: object = () if element == "FQDN" else None
        changes = {Presence.OBLIGATOIRE: absent, Presence.INTERDIT: given}
        if presence in changes:
            wrong = replace(wrong, **{fields[element]: changes[presence]})  # type: ignore[arg-type]  # each fits its field
    found = faults(wrong)
    expected = {element for element, presence in TABLE_11[product].items() if presence is not Presence.FACULTATIF}
    assert set(found) == expected
    with pytest.raises(Refusal) as refused:
        check_presence(wrong)
    assert next(iter(found.values())) == refused.value.code.value


@pytest.mark.parametrize(
    ("field", "value", "element"),
    [
        ("nom_applicatif", "mon appli", "nomApplicatif"),
        ("nom_applicatif", "a" * 64, "nomApplicatif"),
        ("mail_demandeur", "a@hopital", "mailDemandeur"),
        ("mail_personne_a_informer", "x" * 150 + "@hopital.example", "mailPersonneAInformer"),
        ("id_nat_struct", "1" * 65, "idNatStruct"),
        ("gamme", "ST", "gamme"),
    ],
)
def test_wrong_value_is_a_fault_on_its_element(field: str, value: str, element: str) -> None:
    """Formats and schema: WSMG-00000005 (§14.1 table 11, §14.4)."""
    assert faults(demande_for(ORG, "csr", **{field: value})) == {element: "WSMG-00000005"}


def test_formats_are_those_of_the_platform() -> None:
    """The two read the same rules: what one refuses the other tells, element by element."""
    demande = demande_for(ORG, "csr", nom_applicatif="é", mail_demandeur="x", mail_personne_a_informer="y")
    told = list(faults(demande))
    with pytest.raises(Refusal) as refused:
        check_formats(RequeteDemandeCertificats(demandes=(demande,)), Rules())
    assert told[0].lower() == refused.value.raison.lower()
    assert set(told) == {"nomApplicatif", "mailDemandeur", "mailPersonneAInformer"}


def test_missing_address_is_said_to_be_missing() -> None:
    """Once, not a second time as a malformed one."""
    [only] = remarks(demande_for(ORG, "csr", mail_demandeur=""), level=Level.FAULT)
    assert only.text == "« mailDemandeur » est toujours obligatoire."


def test_character_that_xml_cannot_carry_is_told() -> None:
    """Lxml would refuse it when the message is written."""
    assert "XML" in " ".join(one.text for one in remarks(demande_for(ORG, "csr", id_nat_struct="1\x00")))


def test_lenient_names_are_the_real_platform_s() -> None:
    """Spaces and underscores pass there (docs/choices.md §14)."""
    assert faults(demande_for(ORG, "csr", nom_applicatif="mon appli_1"), replace(KNOWN, lenient_names=True)) == {}


def test_fqdn_outside_the_habilitation_is_named() -> None:
    """By the forms of §8: *.hopital.example takes one label."""
    demande = demande_for(SERVER, "csr", fqdn=("www.hopital.example", "a.b.hopital.example", "www.autre.example"))
    found = [one.text for one in remarks(demande, level=Level.FAULT)]
    assert ["a.b.hopital.example" in found[0], "www.autre.example" in found[1]] == [True, True]
    assert faults(demande) == {"FQDN": "WSMG-00000010"}


def test_unknown_habilitation_is_said_not_to_have_been_compared() -> None:
    """Silence would read as consent."""
    assert any("--domaine" in one.text for one in remarks(demande_for(SERVER, "csr"), Known(), Level.NOTE))


def test_odd_fqdns_are_doubts_or_faults() -> None:
    """A wildcard and a sixth name are refused; an IP address, a bare name and a repeated one are doubtful."""
    assert faults(demande_for(SERVER, "csr", fqdn=("*.hopital.example",)))["FQDN"] == "WSMG-00000005"
    assert "joker" in remarks(demande_for(SERVER, "csr", fqdn=("*.hopital.example",)))[0].text
    six = tuple(f"w{i}.hopital.example" for i in range(6))
    assert "WSMG-00000042" in [
        one.code.value for one in remarks(demande_for(SERVER, "csr", fqdn=six), level=Level.FAULT) if one.code
    ]
    odd = doubts(demande_for(SERVER, "csr", fqdn=("127.0.0.1", "serveur", "A.hopital.example", "a.hopital.example")))
    assert all(word in odd for word in ("adresse IP", "« serveur »", "plusieurs fois"))


@pytest.mark.parametrize(
    "name", ["insi-auto", "INSI_AUTO", "INSIAUTO", "INSI AUTO", "Insi-Manu", "INSI-AUTOO", "INS-AUTO", "INSI"]
)
def test_name_that_is_nearly_insi_s_is_doubtful(name: str) -> None:
    """INSi refuses any CN but its two, to the letter (DESIR_560)."""
    assert "DESIR_560" in doubts(demande_for(ORG, "csr", nom_applicatif=name), replace(KNOWN, lenient_names=True))


@pytest.mark.parametrize("name", ["DRIMbox", "dossier", "Padoa", "ANSI-AUTOROUTE", "INSERM"])
def test_other_names_are_left_alone(name: str) -> None:
    """A warning on every name would not be read."""
    assert meant_for_insi(name) is None


def test_exact_insi_name_wants_the_product_that_insi_takes() -> None:
    """ORG AUTH_CLI alone."""
    assert "ORG_AUTH_CLI" in doubts(demande_for(Product(Offre.ORG, Usage.SIGN), "csr"))
    assert doubts(demande_for(ORG, "csr")) == ""


def test_organisation_is_shown_as_it_is_cut() -> None:
    """O keeps 40 characters of the raison sociale."""
    known = replace(KNOWN, raison_sociale="AGENCE DES SYSTEMES D'INFORMATION PARTAGES DE SANTE")
    assert "« AGENCE DES SYSTEMES D'INFORMATION PARTAG »" in doubts(demande_for(ORG, "csr"), known)


@pytest.mark.parametrize(
    ("id_nat", "expected"),
    [
        ("1750099013", "clé"),
        ("750099012", "1750099012 (FINESS)"),
        ("187512751", "2187512751 (SIREN)"),
        ("18751275100020", "318751275100020 (SIRET)"),
        ("99700367909006", "499700367909006 (cabinet, RPPS-rang)"),
        ("3750099012/CPET0001", "1750099012"),
        ("hopital", "chiffre de type"),
    ],
)
def test_structure_identifier_is_doubted_and_corrected(id_nat: str, expected: str) -> None:
    """Type digit, form, check digit; what it may have meant. Never a fault: the annuaire alone knows."""
    demande = demande_for(ORG, "csr", id_nat_struct=id_nat)
    assert expected in doubts(demande)
    assert faults(demande) == {}


def test_person_identifier_is_doubted_and_compared_with_the_structure() -> None:
    """An RPPS without its type digit; an employee of another structure (WSMG-00000044)."""
    pro = Product(Offre.PRO, Usage.SIGN)
    known = Known(domaines=("*hopital.example",))
    assert "899700990015 (RPPS)" in doubts(demande_for(pro, "csr", id_nat_beneficiaire="99700990015"), known)
    other = demande_for(pro, "csr", id_nat_struct="1690099023")
    assert "salarié de la structure 1750099012" in doubts(other, known)


def test_key_that_was_used_is_refused_wherever_it_was_seen(tmp_path: Path) -> None:
    """CSR, private key in the clear; a key is presented once (§17.4)."""
    key = make_key()
    (tmp_path / "ancienne.csr").write_text(make_csr(key, subject="autre"))
    (tmp_path / "note.txt").write_text("rien")
    [used] = csr_remarks(make_csr(key), known_keys([tmp_path]))
    assert "ancienne.csr" in used.text
    assert list(csr_remarks(make_csr(), known_keys([tmp_path]))) == []


def test_bad_csrs_are_explained() -> None:
    """A wrong signature, no PKCS#10, a long one: with the platform's code (RMT_ERR_001)."""
    codes = [next(csr_remarks(text, {})).code for text in (break_signature(make_csr()), "pas une CSR", "A" * 2000)]
    assert [code.value if code else "" for code in codes] == ["WSMG-00000009", "WSMG-00000009", "WSMG-00000005"]


def test_every_weakness_is_explained_in_french() -> None:
    """The diagnostics of `csr.find_weakness` are for a log; a person reads French."""
    prime = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers().p
    weaknesses = [
        csr.find_weakness(RSAPublicNumbers(65537, (1 << 1023) + 1)),
        csr.find_weakness(RSAPublicNumbers(3, (1 << 2047) + 1)),
        csr.find_weakness(RSAPublicNumbers(65537, (1 << 2047) + 1)),
        csr.find_weakness(RSAPublicNumbers(65537, prime * prime)),
        "not an RSA key",
        "key of the generator of CVE-2017-15361 (ROCA)",
    ]
    for weakness in weaknesses:
        assert weakness
        text = explain(Refusal(WSMG_09, Raison.CLE_NON_ACCEPTEE, diagnostic=weakness))
        assert weakness not in text


def message(*demandes: DemandeCertificat) -> bytes:
    return wrap(encode(RequeteDemandeCertificats(demandes=demandes)))


def test_request_of_any_tool_is_read_with_all_its_faults() -> None:
    """Unknown, repeated, missing elements and wrong values, in the demande where they are."""
    right = message(demande_for(ORG, "csr"), demande_for(ORG, "csr"))
    assert read_request(right).remarks == ()
    wrong = right.replace(b"<usage>AUTH_CLI</usage>", b"<usage>AUTHCLI</usage><couleur/>", 1).replace(
        b"<mailDemandeur>demandeur@hopital.example</mailDemandeur>", b"", 1
    )
    read = read_request(wrong)
    assert [one.element for one in read.remarks] == ["couleur", "usage", "mailDemandeur"]
    assert all(one.text.startswith("Demande 1 : ") for one in read.remarks)
    assert read.positions == (2,)


def test_wrong_namespace_is_told() -> None:
    """Only the root is qualified (guide §9.2)."""
    read = read_request(message(demande_for(ORG, "csr")).replace(b"http://www.pfcng.in.com/WS/", b"urn:autre"))
    assert "espace de noms" in read.remarks[0].text


@pytest.mark.parametrize("content", [b"<a/>", b"<!DOCTYPE a><a/>", b"\x00", b"<a", b"<a>" * 100])
def test_what_is_no_request_is_refused_in_french(content: bytes) -> None:
    """Hostile files too: no DTD, no entity, no depth."""
    with pytest.raises(UnreadableRequest):
        read_request(content)
