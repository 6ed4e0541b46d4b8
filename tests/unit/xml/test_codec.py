"""The codec: tolerant in what it reads, exact in what it writes, and precise in what it refuses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import date

import pytest
from lxml import etree

from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    ReponseRetraitCertificat,
    ReponseSuiviActivite,
    Request,
    RequeteDemandeCertificats,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    Response,
    Resultat,
)
from pfcng.contract.operations import NAMESPACE, Operation
from pfcng.contract.refusal import Refusal
from pfcng.xml.codec import check_lot_limits, decode, decode_each_demande, decode_response, encode
from support.messages import DEMANDE, REQUESTS, RESPONSES, unsigned_body

DEMANDER, REVOQUER = Operation.DEMANDER_CERTIFICATS, Operation.REVOQUER_CERTIFICAT
XSI = "http://www.w3.org/2001/XMLSchema-instance"
Damage = Callable[[etree._Element], object]


def parsed(message: Request | Response) -> etree._Element:
    """The published form after its way over the wire."""
    return etree.fromstring(etree.tostring(encode(message)))


def child(parent: etree._Element, name: str) -> etree._Element:
    found = parent.find(name)
    assert found is not None
    return found


def refusal_of(operation: Operation, payload: etree._Element) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode(unsigned_body(operation, payload))
    return caught.value


@pytest.mark.parametrize("operation", Operation)
def test_request_comes_back_as_it_was_sent(operation: Operation) -> None:
    """Tables 11, 13, 15, 17 and 19, every element filled."""
    assert decode(unsigned_body(operation, parsed(REQUESTS[operation]))) == REQUESTS[operation]


@pytest.mark.parametrize("operation", Operation)
def test_reply_comes_back_as_it_was_sent(operation: Operation) -> None:
    """Tables 12, 14, 16, 18, 20 and 21, every element filled."""
    assert decode_response(parsed(RESPONSES[operation]), operation) == RESPONSES[operation]


@pytest.mark.parametrize("operation", Operation)
def test_children_are_read_in_any_order(operation: Operation) -> None:
    """Integrators hold annex 1, which may order elements otherwise (§9.1)."""
    payload = parsed(REQUESTS[operation])
    for parent in (payload, *payload):
        parent[:] = list(reversed(parent))
    expected = REQUESTS[operation]
    if isinstance(expected, RequeteDemandeCertificats):
        reversed_names = replace(DEMANDE, fqdn=DEMANDE.fqdn[::-1])
        expected = RequeteDemandeCertificats(demandes=(reversed_names, reversed_names))
    assert decode(unsigned_body(operation, payload)) == expected


@pytest.mark.parametrize("operation", Operation)
def test_children_are_read_qualified_or_not(operation: Operation) -> None:
    """Also when a default namespace qualifies all of them at once (§9.1)."""
    text = etree.tostring(encode(REQUESTS[operation])).decode()
    qualified = text.replace("xmlns:ns3", "xmlns").replace("ns3:", "")
    assert decode(unsigned_body(operation, etree.fromstring(qualified))) == REQUESTS[operation]


@pytest.mark.parametrize("operation", Operation)
def test_reading_leaves_the_verified_payload_as_it_was(operation: Operation) -> None:
    """What was signed is read again to keep the demandes of a refused lot."""
    payload = parsed(REQUESTS[operation])
    payload[:] = list(reversed(payload))
    before = etree.tostring(payload)
    decode(unsigned_body(operation, payload))
    assert etree.tostring(payload) == before


def test_pretty_printed_values_are_read_without_their_margins() -> None:
    """White space around an identifier, a mail or an enumeration is layout."""
    payload = parsed(REQUESTS[REVOQUER])
    for leaf in payload:
        if leaf.tag != "autreDescription":
            leaf.text = f"\r\n\t  {leaf.text} \n"
    assert decode(unsigned_body(REVOQUER, payload)) == REQUESTS[REVOQUER]


@pytest.mark.parametrize("code", [" 1234 ", "a\tb", "\n", "a\r\nb", "é" * 64])
def test_code_revocation_is_kept_as_it_was_typed(code: str) -> None:
    """A secret that is trimmed is another secret (§15.1)."""
    request = RequeteRetraitCertificat(indice_retrait="59", code_revocation=code)
    assert decode(unsigned_body(Operation.RETIRER_CERTIFICAT, parsed(request))) == request


def test_only_the_white_space_of_xml_is_layout() -> None:
    """A no-break space belongs to the value."""
    payload = parsed(RequeteRetraitCertificat(indice_retrait="59", code_revocation="x"))
    child(payload, "indiceRetrait").text = "\u00a0 5  9\n"
    request = decode(unsigned_body(Operation.RETIRER_CERTIFICAT, payload))
    assert isinstance(request, RequeteRetraitCertificat)
    assert request.indice_retrait == "\u00a0 5 9"


def test_date_effet_is_a_day() -> None:
    """YYYY-MM-DD (§16.1 table 15)."""
    request = decode(unsigned_body(REVOQUER, parsed(REQUESTS[REVOQUER])))
    assert isinstance(request, RequeteRevocationCertificat)
    assert request.date_effet == date(2024, 2, 29)


# What is done to a lot of two demandes, and the element that WSMG-00000005 names.
WRONG: list[tuple[str, Damage]] = [
    ("MailDemandeur", lambda lot: setattr(child(lot[0], "mailDemandeur"), "text", "jean.dupont@exemple")),
    ("MailDemandeur", lambda lot: setattr(child(lot[0], "mailDemandeur"), "text", "a@" + "b." * 100_000)),
    ("MailDemandeur", lambda lot: lot[1].remove(child(lot[1], "mailDemandeur"))),
    ("MailPersonneAInformer", lambda lot: setattr(child(lot[1], "mailPersonneAInformer"), "text", "")),
    ("Offre", lambda lot: lot[0].append(etree.Element("offre"))),
    ("Usage", lambda lot: setattr(child(lot[0], "usage"), "text", "TOUS")),
    ("FQDN", lambda lot: setattr(child(lot[0], "FQDN"), "text", "a" * 64)),
    ("FQDN", lambda lot: lot[0].extend([etree.Element("FQDN") for _ in range(4)])),
    ("CSR", lambda lot: child(lot[0], "CSR").append(etree.Element("pem"))),
    ("IdNatStruct", lambda lot: child(lot[0], "idNatStruct").set("type", "FINESS")),
    ("UPN", lambda lot: child(lot[0], "UPN").set(f"{{{XSI}}}nil", "true")),
    ("MailInformer", lambda lot: lot[0].append(etree.Element("mailInformer"))),
    ("Offre", lambda lot: setattr(child(lot[0], "offre"), "tag", "{urn:autre}offre")),
    ("Offre", lambda lot: setattr(child(lot[0], "offre"), "tag", "Offre")),
    ("DemandeCertificat", lambda lot: setattr(lot[1], "text", "texte")),
    ("DemandeCertificat", lambda lot: setattr(lot[1][3], "tail", "texte")),
    ("DemandeCertificat", lambda lot: lot[1].set("numero", "1")),
    ("DemandeCertificat", lambda lot: lot.clear()),
    ("DemandeCertificat", lambda lot: lot.extend([deepcopy(lot[0]) for _ in range(19)])),
    ("Evil", lambda lot: lot.insert(1, etree.Element("evil"))),
    ("RequeteDemandeCertificats", lambda lot: setattr(lot[0], "tail", "texte")),
    ("RequeteDemandeCertificats", lambda lot: lot.set("version", "2")),
    ("RequeteRetraitCertificat", lambda lot: setattr(lot, "tag", f"{{{NAMESPACE}}}requeteRetraitCertificat")),
    ("X" + "x" * 63, lambda lot: lot.append(etree.Element("x" * 5000))),
]


@pytest.mark.parametrize(("name", "damage"), WRONG, ids=[f"{i}-{wrong[0][:30]}" for i, wrong in enumerate(WRONG)])
def test_refusal_names_the_first_wrong_element(name: str, damage: Damage) -> None:
    """WSMG-00000005 with the element, first letter in upper case (§14.4, example 2)."""
    payload = parsed(REQUESTS[DEMANDER])
    damage(payload)
    refusal = refusal_of(DEMANDER, payload)
    assert refusal.code.value == "WSMG-00000005"
    assert refusal.raison == name


def test_first_of_two_wrong_demandes_is_named() -> None:
    """The lot is read in its order (§14.4)."""
    payload = parsed(REQUESTS[DEMANDER])
    child(payload[1], "offre").text = "XX"
    child(payload[0], "mailDemandeur").text = "x"
    assert refusal_of(DEMANDER, payload).raison == "MailDemandeur"


def test_what_is_missing_is_named_before_wrong_values() -> None:
    """A sound structure comes first, then its values."""
    payload = parsed(REQUESTS[DEMANDER])
    child(payload[0], "offre").text = "XX"
    payload[0].remove(child(payload[0], "CSR"))
    assert refusal_of(DEMANDER, payload).raison == "CSR"


def test_refusal_says_nothing_of_the_value() -> None:
    """A revocation code never reaches a log."""
    payload = parsed(RequeteRetraitCertificat(indice_retrait="59", code_revocation="x"))
    child(payload, "codeRevocation").text = "secret" * 20
    refusal = refusal_of(Operation.RETIRER_CERTIFICAT, payload)
    assert refusal.raison == "CodeRevocation"
    assert "secret" not in refusal.diagnostic


def test_schema_location_is_a_hint_that_nothing_follows() -> None:
    """Any element may say where its schema is (XML Schema part 1, §2.6)."""
    payload = parsed(REQUESTS[DEMANDER])
    for node in payload.iter("*"):
        node.set(f"{{{XSI}}}schemaLocation", f"{NAMESPACE} http://192.0.2.1/pfcng-ws.xsd")
        node.set(f"{{{XSI}}}noNamespaceSchemaLocation", "file:///dev/zero")
    assert decode(unsigned_body(DEMANDER, payload)) == REQUESTS[DEMANDER]


def test_reading_is_the_same_from_several_threads() -> None:
    """Each thread has its own compiled schema, hence its own errors."""
    good = parsed(REQUESTS[DEMANDER])
    names = ["offre", "usage", "mailDemandeur", "UPN"]
    bad = {name: parsed(REQUESTS[DEMANDER]) for name in names}
    for name, payload in bad.items():
        child(payload[0], name).text = ""

    def read(turn: int) -> bool:
        name = names[turn % len(names)]
        refused = refusal_of(DEMANDER, bad[name]).raison == name[0].upper() + name[1:]
        return refused and decode(unsigned_body(DEMANDER, good)) == REQUESTS[DEMANDER]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(400)))


def lot_of(demandes: int, names: int = 1, *, qualified: bool = False) -> etree._Element:
    """A lot that only its limits are asked of."""
    space = f"{{{NAMESPACE}}}" if qualified else ""
    lot = etree.Element(f"{{{NAMESPACE}}}requeteDemandeCertificats")
    for _ in range(demandes):
        demande = etree.SubElement(lot, f"{space}demandeCertificat")
        for _ in range(names):
            etree.SubElement(demande, f"{space}FQDN")
    return lot


@pytest.mark.parametrize("qualified", [True, False])
@pytest.mark.parametrize(
    ("demandes", "names", "code"),
    [(21, 0, "WSMG-00000023"), (1, 6, "WSMG-00000042"), (21, 6, "WSMG-00000023"), (20, 6, "WSMG-00000042")],
)
def test_lot_over_its_limits_is_refused_whole(demandes: int, names: int, code: str, *, qualified: bool) -> None:
    """More than 20 demandes, then more than 5 FQDN in any (§19 table 22)."""
    with pytest.raises(Refusal) as caught:
        check_lot_limits(unsigned_body(DEMANDER, lot_of(demandes, names, qualified=qualified)))
    assert caught.value.code.value == code


def test_sixth_name_in_the_last_demande_is_refused() -> None:
    """In any demande of the lot (§19 table 22)."""
    lot = lot_of(20, 5)
    check_lot_limits(unsigned_body(DEMANDER, lot))
    etree.SubElement(lot[-1], "FQDN")
    with pytest.raises(Refusal):
        check_lot_limits(unsigned_body(DEMANDER, lot))


def test_limits_of_a_lot_are_not_asked_of_other_operations() -> None:
    """Only demanderCertificats has a lot (§14)."""
    check_lot_limits(unsigned_body(Operation.RETIRER_CERTIFICAT, lot_of(21, 6)))


def test_demandes_of_a_refused_lot_are_read_one_by_one() -> None:
    """Those that can be read are kept as « Demande non traitée » (§14.2)."""
    payload = parsed(
        RequeteDemandeCertificats(demandes=tuple(replace(DEMANDE, nom_applicatif=f"n{i}") for i in range(5)))
    )
    child(payload[1], "mailDemandeur").text = "x"
    payload[3].remove(child(payload[3], "CSR"))
    payload.append(etree.Element("evil"))
    demandes = decode_each_demande(unsigned_body(DEMANDER, payload))
    assert [demande.nom_applicatif for demande in demandes] == ["n0", "n2", "n4"]


def test_demandes_of_a_lot_that_is_too_long_are_read_up_to_20() -> None:
    """No more is looked at than a lot may hold (§14)."""
    payload = parsed(RequeteDemandeCertificats(demandes=(DEMANDE,) * 20))
    payload.extend([parsed(REQUESTS[DEMANDER])[0] for _ in range(3)])
    assert decode_each_demande(unsigned_body(DEMANDER, payload)) == (DEMANDE,) * 20
    payload.insert(0, etree.Element("demandeCertificat"))
    assert decode_each_demande(unsigned_body(DEMANDER, payload)) == (DEMANDE,) * 19


def test_other_operations_have_no_demandes() -> None:
    """Only demanderCertificats has a lot (§14)."""
    assert decode_each_demande(unsigned_body(REVOQUER, parsed(REQUESTS[REVOQUER]))) == ()


def golden(text: str) -> bytes:
    """A reply as the guide prints it, its prefix declared, its layout taken away."""
    root = etree.fromstring(text.replace("Certificats>", f'Certificats xmlns:ns3="{NAMESPACE}">', 1))
    for node in root.iter():
        node.tail = None
        node.text = node.text if node.text and node.text.strip() else None
    return etree.tostring(root, method="c14n")


STRUCTURE_OBLIGATOIRE = "Pour les offres PRO, ORG et SERV, « idNat_Struct » est obligatoire."
GOLDEN = [
    (
        ReponseDemandeCertificats(
            indice_lot="",
            statut_lot="WSMG-00000023",
            message="Le lot ne peut pas contenir plus de 20 demandes. Veuillez renouveler votre demande.",
        ),
        """<ns3:reponseDemandeCertificats>
         <indiceLot/>
         <statutLot>WSMG-00000023</statutLot>
         <message>Le lot ne peut pas contenir plus de 20 demandes. Veuillez renouveler votre demande.</message>
      </ns3:reponseDemandeCertificats>""",
    ),
    (
        ReponseDemandeCertificats(
            indice_lot="1447682134768",
            statut_lot="KO",
            message=STRUCTURE_OBLIGATOIRE,
            demandes=(
                ReponseDemande(statut_demande="WSMG-00000032", message=STRUCTURE_OBLIGATOIRE),
                ReponseDemande(indice_demande="59", statut_demande="OK", message="", indice_retrait="59"),
                ReponseDemande(indice_demande="60", statut_demande="OK", message="", indice_retrait="60"),
            ),
        ),
        """<ns3:reponseDemandeCertificats>
            <indiceLot>1447682134768</indiceLot>
            <statutLot>KO</statutLot>
            <message>Pour les offres PRO, ORG et SERV, « idNat_Struct » est obligatoire.</message>
            <demande>
                <statutDemande>WSMG-00000032</statutDemande>
                <message>Pour les offres PRO, ORG et SERV, « idNat_Struct » est obligatoire.</message>
            </demande>
            <demande>
                <indiceDemande>59</indiceDemande>
                <statutDemande>OK</statutDemande>
                <message></message>
                <indiceRetrait>59</indiceRetrait>
            </demande>
            <demande>
                <indiceDemande>60</indiceDemande>
                <statutDemande>OK</statutDemande>
                <message></message>
                <indiceRetrait>60</indiceRetrait>
            </demande>
        </ns3:reponseDemandeCertificats>""",
    ),
]


@pytest.mark.parametrize(("reply", "printed"), GOLDEN, ids=["lot-refused", "lot-ko"])
def test_reply_is_written_as_the_guide_prints_it(reply: ReponseDemandeCertificats, printed: str) -> None:
    """§14.2.2, octet for octet once both are canonical."""
    assert etree.tostring(encode(reply), method="c14n") == golden(printed)


@pytest.mark.parametrize(("reply", "printed"), GOLDEN, ids=["lot-refused", "lot-ko"])
def test_reply_printed_in_the_guide_is_read(reply: ReponseDemandeCertificats, printed: str) -> None:
    """§14.2.2, with its layout."""
    payload = etree.fromstring(printed.replace("Certificats>", f'Certificats xmlns:ns3="{NAMESPACE}">', 1))
    assert decode_response(payload, DEMANDER) == reply


def test_absent_and_empty_are_different() -> None:
    """``None`` is no element, an empty string an empty one (§14.2.2)."""
    root = encode(ReponseDemandeCertificats(indice_lot=None, statut_lot="OK", message=""))
    assert [node.tag for node in root] == ["statutLot", "message"]


def test_comments_in_a_reply_are_no_part_of_its_values() -> None:
    """A reply is not signed, so nothing took them away before."""
    reply = etree.fromstring(
        f'<r:reponseRetraitCertificat xmlns:r="{NAMESPACE}"><!-- a --><message>ab<!-- b -->c<?d?></message>'
        "<r:statut>OK</r:statut></r:reponseRetraitCertificat>"
    )
    expected = ReponseRetraitCertificat(statut="OK", message="abc")
    assert decode_response(reply, Operation.RETIRER_CERTIFICAT) == expected


@pytest.mark.parametrize("operation", [Operation.RETIRER_CERTIFICAT, DEMANDER])
def test_reply_that_the_schema_refuses_is_an_error(operation: Operation) -> None:
    """Also the reply of another operation."""
    payload = parsed(ReponseRetraitCertificat(statut="OK", message=""))
    child(payload, "statut").text = "peut-être"
    with pytest.raises(ValueError, match="schema-valid"):
        decode_response(payload, operation)


@pytest.mark.parametrize("text", ["\x00", "a\x0bb", "\ufffe", "\ud800"])
def test_characters_that_xml_cannot_carry_are_an_error(text: str) -> None:
    """XML 1.0 §2.2."""
    with pytest.raises(ValueError):  # noqa: PT011 (lxml's own words)
        encode(ReponseRetraitCertificat(statut="OK", message=text))


@pytest.mark.parametrize(
    "message",
    [
        ReponseRetraitCertificat(statut="bof", message=""),
        RequeteDemandeCertificats(demandes=()),
        RequeteDemandeCertificats(demandes=(DEMANDE,) * 21),
        RequeteRetraitCertificat(indice_retrait="59", code_revocation="secret" * 20),
        ReponseSuiviActivite(statut="OK", resultats=(Resultat(erreur="x", numero="1"),)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_message_that_the_schema_refuses_is_not_written(message: Request | Response) -> None:
    """What is sent is always valid; the error keeps the value to itself."""
    with pytest.raises(ValueError, match="schema-valid") as caught:
        encode(message)
    assert "secret" not in str(caught.value)


def test_longest_reply_is_written_and_read() -> None:
    """500 results (§18)."""
    reply = ReponseSuiviActivite(statut="OK", resultats=tuple(Resultat(numero=str(i)) for i in range(500)))
    assert decode_response(parsed(reply), Operation.SUIVRE_ACTIVITE) == reply


def test_demande_needs_only_what_table_11_makes_obligatory() -> None:
    """Presence by product is not the schema's business (§14.1 table 11)."""
    payload = parsed(RequeteDemandeCertificats(demandes=(DEMANDE,)))
    optional = ("idNatStruct", "idNatBeneficiaire", "idNatTiers", "nomApplicatif", "FQDN", "UPN", "mailSujet")
    for name in optional:
        for node in payload[0].findall(name):
            payload[0].remove(node)
    (demande,) = decode_each_demande(unsigned_body(DEMANDER, payload))
    assert demande == DemandeCertificat(
        offre=DEMANDE.offre,
        gamme=DEMANDE.gamme,
        usage=DEMANDE.usage,
        mail_personne_a_informer=DEMANDE.mail_personne_a_informer,
        csr=DEMANDE.csr,
        mail_demandeur=DEMANDE.mail_demandeur,
    )
