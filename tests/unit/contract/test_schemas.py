"""The published XSD and WSDL against the guide: §9.2, tables 11 to 21, and what tools make of them."""

import shutil
import subprocess
from dataclasses import MISSING, fields, is_dataclass
from importlib.resources import as_file, files
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
import zeep
from lxml import etree
from zeep.transports import Transport

from pfcng.contract import schemas
from pfcng.contract.messages import XML_NAME, RequeteDemandeCertificats
from pfcng.contract.operations import NAMESPACE, Operation
from pfcng.xml.codec import decode, encode
from support.messages import REQUESTS, RESPONSES, unsigned_body

XSD = {"xsd": "http://www.w3.org/2001/XMLSchema"}
WSDL = {"wsdl": "http://schemas.xmlsoap.org/wsdl/", "soap": "http://schemas.xmlsoap.org/wsdl/soap/", **XSD}
LOCATION = "https://localhost:8443/ws-srv/"
MESSAGE_TYPES = {
    **{operation.request_element: operation.request_type for operation in Operation},
    **{operation.response_element: operation.response_type for operation in Operation},
}

# §9.2 and the extracts of §14 to §18: operation, noun of its messages, documentation of request and operation.
EXTRACTS = [
    ("demanderCertificats", "DemandeCertificats", "demande de certificats", "demande de certificats"),
    ("retirerCertificat", "RetraitCertificat", "demande de retrait", "demande de retrait"),
    ("revoquerCertificat", "RevocationCertificat", "demande de revocation", "demande de revocation"),
    ("renouvelerCertificat", "RenouvellementCertificat", "demande de renouvellement", "demande de renouvellement"),
    ("suivreActivite", "SuiviActivite", "demande de suivi", "demande de suivi"),
]


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.XML(schemas.xsd()))


@pytest.fixture(scope="module")
def definitions() -> etree._Element:
    return etree.XML(schemas.wsdl(LOCATION))


def declarations() -> etree._Element:
    return etree.XML(schemas.xsd())


def structure(name: str) -> etree._Element:
    """The complex type of a root element, or of that name."""
    root = declarations()
    element = root.find(f"xsd:element[@name='{name}']", XSD)
    type_name = name if element is None else element.get("type", "").removeprefix("tns:")
    found = root.find(f"xsd:complexType[@name='{type_name}']", XSD)
    assert found is not None
    return found


def text(node: etree._Element | None) -> str:
    assert node is not None
    return " ".join("".join(str(part) for part in node.itertext()).split())


def test_schema_is_valid_to_xmllint(tmp_path: Path) -> None:
    """Another front end of the same parser, the one integrators have at hand."""
    if not shutil.which("xmllint"):
        pytest.skip("xmllint is not on this machine")
    xsd = tmp_path / schemas.XSD_NAME
    xsd.write_bytes(schemas.xsd())
    message = tmp_path / "message.xml"
    message.write_bytes(etree.tostring(encode(REQUESTS[Operation.DEMANDER_CERTIFICATS])))
    done = subprocess.run(["xmllint", "--noout", "--schema", str(xsd), str(message)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_roots_are_qualified() -> None:
    """The sample of §14.2.2 has a prefix on the root alone."""
    assert declarations().get("elementFormDefault") == "unqualified"
    assert declarations().get("targetNamespace") == NAMESPACE


@pytest.mark.parametrize("kind", ["element", "simpleType", "complexType", "enumeration"])
def test_everything_is_documented(kind: str) -> None:
    """As the extracts of §9.1 are."""
    nodes = list(declarations().iter(f"{{{XSD['xsd']}}}{kind}"))
    assert nodes
    assert all(text(node.find("xsd:annotation/xsd:documentation", XSD)) for node in nodes)


@pytest.mark.parametrize(
    "name",
    [
        "requeteDemandeCertificatsType",
        "requeteDemandeCertificatType",
        "reponseDemandeCertificat",
        "resultatType",
        "usageEnum",
        "requestTypeEnum",
        "nationalId",
    ],
)
def test_types_that_the_guide_names_keep_their_names(name: str) -> None:
    """§9.1, §14.1, §14.2, §18.2: clients generated from the real schema have classes of these names."""
    assert declarations().xpath(f"count(xsd:*[@name='{name}'])", namespaces=XSD) == 1


@pytest.mark.parametrize(
    ("parent", "name", "type_name", "occurs"),
    [
        ("requeteDemandeCertificatsType", "demandeCertificat", "tns:requeteDemandeCertificatType", ("1", "20")),
        ("requeteDemandeCertificatType", "usage", "tns:usageEnum", ("1", "1")),
        ("requeteDemandeCertificatType", "idNatStruct", "tns:nationalId", ("0", "1")),
        ("requeteDemandeCertificatType", "idNatBeneficiaire", "tns:nationalId", ("0", "1")),
        ("requeteDemandeCertificatType", "idNatTiers", "tns:nationalId", ("0", "1")),
        ("requeteSuiviActivite", "typeDemande", "tns:requestTypeEnum", ("1", "1")),
        ("requeteSuiviActivite", "idNatTiers", "tns:nationalId", ("0", "1")),
        ("reponseDemandeCertificats", "demande", "tns:reponseDemandeCertificat", ("0", "20")),
        ("reponseSuiviActivite", "resultat", "tns:resultatType", ("0", "500")),
        ("resultatType", "erreur", "xsd:string", ("1", "1")),
        ("resultatType", "numero", "xsd:string", ("0", "1")),
    ],
)
def test_declarations_that_the_guide_prints_are_kept(
    parent: str, name: str, type_name: str, occurs: tuple[str, str]
) -> None:
    """§9.1, §14.1, §14.2, §18.2."""
    element = structure(parent).find(f".//xsd:element[@name='{name}']", XSD)
    assert element is not None
    assert element.get("type") == type_name
    assert (element.get("minOccurs"), element.get("maxOccurs")) == occurs


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_dataclasses_and_schema_agree(name: str) -> None:
    """Same elements, same order, same presence, repeated or not."""

    def compare(message_type: type[Any], declared: etree._Element) -> None:
        elements = list(declared.iter(f"{{{XSD['xsd']}}}element"))
        expected = [field.metadata[XML_NAME] for field in fields(message_type)]
        assert [element.get("name") for element in elements] == expected
        hints = get_type_hints(message_type)
        for field, element in zip(fields(message_type), elements, strict=True):
            arguments = [argument for argument in get_args(hints[field.name]) if argument not in (NoneType, Ellipsis)]
            if field.name != "erreur":  # one branch of a choice (§18.2)
                assert (element.get("minOccurs") == "0") == (field.default is not MISSING)
            assert (element.get("maxOccurs") != "1") == (Ellipsis in get_args(hints[field.name]))
            if arguments and is_dataclass(arguments[0]):
                assert isinstance(arguments[0], type)
                compare(arguments[0], structure(element.get("type", "").removeprefix("tns:")))

    compare(MESSAGE_TYPES[name], structure(name))


def test_wsdl_is_presented_as_the_guide_prints_it(definitions: etree._Element) -> None:
    """§9.2: names, documentation, style."""
    assert (definitions.get("name"), definitions.get("targetNamespace")) == ("WS", NAMESPACE)
    assert text(definitions.find("wsdl:documentation", WSDL)) == "Service: WS Version: 1.0 Owner: Imprimerie Nationale"
    inline = definitions.find("wsdl:types/xsd:schema", WSDL)
    assert inline is not None
    assert inline.get("targetNamespace") == "http://www.pfcng.in.com/WS/xsd"
    binding = definitions.find("wsdl:binding", WSDL)
    assert binding is not None
    assert (binding.get("name"), binding.get("type")) == ("WSSOAP", "tns:WS")
    assert definitions.xpath("string(wsdl:binding/soap:binding/@style)", namespaces=WSDL) == "document"
    assert definitions.xpath("string(wsdl:portType/@name)", namespaces=WSDL) == "WS"
    assert definitions.xpath("string(wsdl:service[@name='WS']/wsdl:port/@name)", namespaces=WSDL) == "WSSOAP"


@pytest.mark.parametrize(("name", "noun", "request_words", "operation_words"), EXTRACTS, ids=[e[0] for e in EXTRACTS])
def test_operation_is_that_of_the_guide_s_extract(
    definitions: etree._Element, name: str, noun: str, request_words: str, operation_words: str
) -> None:
    """§9.2, §14 to §18: messages, part, documentation, soapAction."""
    for prefix, words in (("requete", "Requete de"), ("reponse", "Reponse a la requete de")):
        message = definitions.find(f"wsdl:message[@name='{prefix}{noun}']", WSDL)
        assert message is not None
        assert text(message.find("wsdl:documentation", WSDL)) == f"{words} {request_words}"
        part = message.find("wsdl:part", WSDL)
        assert part is not None
        assert (part.get("name"), part.get("element")) == ("parameters", f"tns:{prefix}{noun}")
    port = definitions.find(f"wsdl:portType/wsdl:operation[@name='{name}']", WSDL)
    assert port is not None
    assert text(port.find("wsdl:documentation", WSDL)) == f"Interface de {operation_words}"
    assert [node.get("message") for node in port if node.get("message")] == [f"tns:requete{noun}", f"tns:reponse{noun}"]
    bound = definitions.find(f"wsdl:binding/wsdl:operation[@name='{name}']", WSDL)
    assert bound is not None
    assert text(bound.find("wsdl:documentation", WSDL)) == f"Interface de {operation_words}"
    assert bound.xpath("string(soap:operation/@soapAction)", namespaces=WSDL) == name
    assert bound.xpath("count(wsdl:*/soap:body[@use='literal'])", namespaces=WSDL) == 2


def test_wsdl_has_the_five_operations_and_no_other(definitions: etree._Element) -> None:
    """§14 to §18."""
    names = definitions.xpath("wsdl:portType/wsdl:operation/@name", namespaces=WSDL)
    assert names == [operation.soap_action for operation in Operation]


def test_served_wsdl_names_the_address_it_was_asked_at() -> None:
    """The schema too is found from there; what the address holds is escaped."""
    served = etree.XML(schemas.wsdl('https://hôte/ws-apt/a&b"<'))
    assert served.xpath("string(//soap:address/@location)", namespaces=WSDL) == 'https://hôte/ws-apt/a&b"<'
    assert (
        served.xpath("string(//xsd:import/@schemaLocation)", namespaces=WSDL)
        == 'https://hôte/ws-apt/a&b"<?xsd=pfcng-ws.xsd'
    )


class Served(Transport):
    """What a client would fetch at ``LOCATION``."""

    def load(self, url: str) -> bytes:
        return {
            f"{LOCATION}?wsdl": schemas.wsdl(LOCATION),
            f"{LOCATION}?xsd=pfcng-ws.xsd": schemas.xsd(),
        }[url]


def zeep_client(wsdl: str, transport: Transport | None = None) -> Any:
    client: Any = zeep.Client  # zeep has no types
    return client(wsdl, transport=transport)


def as_keywords(node: etree._Element) -> dict[str, Any]:
    """The children of a message as zeep wants them."""
    values: dict[str, Any] = {}
    for child in node:
        value = as_keywords(child) if len(child) else child.text
        if child.tag in {"demandeCertificat", "FQDN"}:
            values.setdefault(child.tag, []).append(value)
        else:
            values[child.tag] = value
    return values


@pytest.mark.parametrize("operation", Operation)
def test_zeep_builds_every_request_from_the_served_wsdl(operation: Operation) -> None:
    """A client that knows only the URL sends what the platform reads."""
    transport: Any = Served
    client = zeep_client(f"{LOCATION}?wsdl", transport())
    keywords = as_keywords(encode(REQUESTS[operation]))
    envelope = client.create_message(client.service, operation.soap_action, **keywords)
    payload = envelope.find(f".//{{{NAMESPACE}}}{operation.request_element}")
    assert decode(unsigned_body(operation, payload)) == REQUESTS[operation]


def test_zeep_loads_the_wsdl_from_the_package_s_files() -> None:
    """Side by side, the two files are a contract to work from without a server."""
    with as_file(files(schemas)) as folder:
        client = zeep_client(str(folder / "pfcng-ws.wsdl"))
    (port,) = client.wsdl.services["WS"].ports.values()
    assert port.name == "WSSOAP"
    assert set(port.binding.all()) == {operation.soap_action for operation in Operation}


# What tables 11 to 20 say of the values of an element: table, message, element, values allowed, values refused.
MAILS = (
    ["a@b.fr", " a@b.fr\n", "o'neil+x@sous.domaine.example", f"{'a' * 140}@b.example"],
    [
        "",
        "a",
        "é@b.fr",
        "a@é.fr",
        "a@b",
        "a@@b.fr",
        "a@b@c.fr",
        "a b@c.fr",
        "a@b.",
        "a@.fr",
        "@b.fr",
        "a\u00a0@b.fr",
        f"{'a' * 142}@b.example",
    ],
)
NATIONAL_IDS = (["8", "3456/0012", "x" * 64], ["", "x" * 65])
OFFRES = (["PS", "PRO", "SERV", "ORG", " PS "], ["", "ps", "XX", "SERVS"])
USAGES = (["AUTH", "AUTH_CLI", "SIGN", "S/MIME", "SSL_SERV", "CONF", "\n CONF\t"], ["", "auth", "SMIME", "TOUS"])
GAMMES = (["EL", " EL"], ["", "el", "ST"])
CSRS = (["MIIC", "A" * 4096], ["", "A" * 4097])
DATES = (
    ["2024-02-29", " 2026-12-31 "],
    ["", "2023-02-29", "2024-02-29Z", "2024-02-29+01:00", "29/02/2024", "12024-02-29"],
)
KEYS = (["ABCD", "ab:cd:01", "AB CD", "1234567890", "A" * 128], ["", "XYZ", "0x12", "A" * 129])
STATUTS = (["OK", "KO", "WSMG-00000005"], ["", "ok", "WSMG-5"])
TEXTS = (["", "Une raison.", "x" * 5000], list[str]())
INDICES = (["", "59", "9" * 20], ["9" * 21])
DEMANDE, REPONSE_DEMANDE = "requeteDemandeCertificats", "reponseDemandeCertificats"
RETRAIT, REVOCATION = "requeteRetraitCertificat", "requeteRevocationCertificat"
RENOUVELLEMENT, SUIVI = "requeteRenouvellementCertificat", "requeteSuiviActivite"
ROWS: list[tuple[str, str, str, tuple[list[str], list[str]]]] = [
    ("11", DEMANDE, "idNatTiers", NATIONAL_IDS),
    ("11", DEMANDE, "offre", OFFRES),
    ("11", DEMANDE, "gamme", GAMMES),
    ("11", DEMANDE, "idNatStruct", NATIONAL_IDS),
    ("11", DEMANDE, "idNatBeneficiaire", NATIONAL_IDS),
    ("11", DEMANDE, "usage", USAGES),
    ("11", DEMANDE, "nomApplicatif", (["app", "a" * 63], ["", "a" * 64])),
    ("11", DEMANDE, "FQDN", (["a.example", "a" * 63], ["", "a" * 64])),
    ("11", DEMANDE, "UPN", MAILS),
    ("11", DEMANDE, "mailSujet", MAILS),
    ("11", DEMANDE, "mailPersonneAInformer", MAILS),
    ("11", DEMANDE, "CSR", CSRS),
    ("11", DEMANDE, "mailDemandeur", MAILS),
    ("12", REPONSE_DEMANDE, "indiceLot", (["", "1447682134768"], ["abc"])),
    ("12", REPONSE_DEMANDE, "statutLot", STATUTS),
    ("12", REPONSE_DEMANDE, "message", TEXTS),
    ("12", REPONSE_DEMANDE, "indiceDemande", INDICES),
    ("12", REPONSE_DEMANDE, "statutDemande", STATUTS),
    ("12", REPONSE_DEMANDE, "demande/message", TEXTS),
    ("12", REPONSE_DEMANDE, "indiceRetrait", INDICES),
    ("13", RETRAIT, "idNatTiers", NATIONAL_IDS),
    ("13", RETRAIT, "indiceRetrait", (["59", "x" * 20], ["", "x" * 21])),
    ("13", RETRAIT, "codeRevocation", ([" ", "é" * 64], ["", "x" * 65])),
    ("14", "reponseRetraitCertificat", "statut", STATUTS),
    ("14", "reponseRetraitCertificat", "message", TEXTS),
    ("14", "reponseRetraitCertificat", "certificat", TEXTS),
    ("15", REVOCATION, "idNatTiers", NATIONAL_IDS),
    ("15", REVOCATION, "AKI", KEYS),
    ("15", REVOCATION, "numeroSerie", KEYS),
    ("15", REVOCATION, "gamme", GAMMES),
    ("15", REVOCATION, "motif", (["VOL", "PERTE", "FIN_DACTIVITE", "AUTRE"], ["", "FIN_D_ACTIVITE"])),
    ("15", REVOCATION, "autreDescription", (["é" * 150], ["", "é" * 151])),
    ("15", REVOCATION, "dateEffet", DATES),
    ("15", REVOCATION, "mailDemandeur", MAILS),
    ("15", REVOCATION, "mailPersonneAInformer", MAILS),
    ("16", "reponseRevocationCertificat", "statut", STATUTS),
    ("16", "reponseRevocationCertificat", "message", TEXTS),
    ("17", RENOUVELLEMENT, "idNatTiers", NATIONAL_IDS),
    ("17", RENOUVELLEMENT, "AKI", KEYS),
    ("17", RENOUVELLEMENT, "numeroSerie", KEYS),
    ("17", RENOUVELLEMENT, "mailPersonneAInformer", MAILS),
    ("17", RENOUVELLEMENT, "CSR", CSRS),
    ("17", RENOUVELLEMENT, "mailDemandeur", MAILS),
    ("18", "reponseRenouvellementCertificat", "indiceRetrait", INDICES),
    ("18", "reponseRenouvellementCertificat", "statut", STATUTS),
    ("18", "reponseRenouvellementCertificat", "message", TEXTS),
    ("19", SUIVI, "idNatTiers", NATIONAL_IDS),
    ("19", SUIVI, "indiceLot", (["1", "9" * 150], ["", "abc", "9" * 151])),
    ("19", SUIVI, "typeDemande", (["DEMANDES_CERTIFICAT", "PRODUITS", "DEMANDES_REVOCATION"], ["", "PRODUIT"])),
    ("19", SUIVI, "offre", OFFRES),
    ("19", SUIVI, "usage", USAGES),
    ("19", SUIVI, "dateCreationDemande", DATES),
    ("19", SUIVI, "idNatBeneficiaire", NATIONAL_IDS),
    ("19", SUIVI, "idNatStruct", NATIONAL_IDS),
    ("19", SUIVI, "idNatActeur", NATIONAL_IDS),
    ("20", "reponseSuiviActivite", "statut", STATUTS),
    ("20", "reponseSuiviActivite", "avertissement", TEXTS),
]
EXAMPLES = {
    **{operation.request_element: message for operation, message in REQUESTS.items()},
    **{operation.response_element: message for operation, message in RESPONSES.items()},
}


@pytest.mark.parametrize("row", ROWS, ids=[f"table-{row[0]}-{row[1]}-{row[2]}" for row in ROWS])
def test_values_are_those_of_the_table(
    schema: etree.XMLSchema, row: tuple[str, str, str, tuple[list[str], list[str]]]
) -> None:
    """Tables 11 to 20: lengths, enumerations, formats."""
    _, message, path, (allowed, refused) = row
    root = encode(EXAMPLES[message])
    leaf = root.find(path)
    if leaf is None:
        leaf = root.find(f"*/{path}")
    assert leaf is not None
    for value, expected in [*((v, True) for v in allowed), *((v, False) for v in refused)]:
        leaf.text = value
        assert schema.validate(root) is expected, value


@pytest.mark.parametrize("name", [child.tag for child in encode(EXAMPLES["reponseSuiviActivite"])[-1]])
def test_line_of_suivi_carries_each_element_of_table_21(schema: etree.XMLSchema, name: str) -> None:
    """Table 21: every element alone, filled or empty (§18.2)."""
    root = encode(EXAMPLES["reponseSuiviActivite"])
    line = root[-1]
    line[:] = [etree.Element(name)]
    assert schema.validate(root)
    line[0].text = "valeur"
    assert schema.validate(root)
    etree.SubElement(line, "erreur").text = "texte"
    assert not schema.validate(root), "erreur stands alone"


def test_usage_of_another_offre_is_for_the_rules_and_not_the_schema(schema: etree.XMLSchema) -> None:
    """A usage that its offre lacks fails its demande; a word that is no usage fails the lot (§14.1)."""
    root = encode(REQUESTS[Operation.DEMANDER_CERTIFICATS])
    for demande in root:
        demande[2].text = "AUTH_CLI"
    assert schema.validate(root)
    root[0][2].text = "AUTRE"
    assert not schema.validate(root)


def test_examples_of_the_tests_are_complete() -> None:
    """A row without example would go unseen."""
    for example in EXAMPLES.values():
        lines = example.demandes if isinstance(example, RequeteDemandeCertificats) else (example,)
        for line in lines:
            assert all(getattr(line, field.name) not in (None, ()) for field in fields(line))
