"""A client that shares no code with ours: zeep builds the message from the WSDL, xmlsec signs it."""

from pathlib import Path
from typing import Any, Final

import requests
import xmlsec
import zeep
from cryptography import x509
from lxml import etree

from support.csrs import make_csr, make_key
from support.live import Sandbox
from support.scenario import aki_of, serial_of

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
DEMANDE: Final = {
    "offre": "SERV",
    "gamme": "EL",
    "usage": "SSL_SERV",
    "idNatStruct": "1750099012",
    "FQDN": ["www.hopital.example", "hopital.example"],
    "mailPersonneAInformer": "informer@hopital.example",
    "mailDemandeur": "demandeur@hopital.example",
}


class SignBody:
    """WS-Security by hand: exclusive C14N, rsa-sha512 and sha384, the signature in ``wsse:Security``."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key

    def apply(self, envelope: Any, headers: Any) -> tuple[Any, Any]:
        """Sign the Body (zeep's WSSE plug-in)."""
        body = envelope.find(f"{{{SOAP}}}Body")
        body.set(f"{{{WSU}}}Id", "le-corps")
        header = envelope.find(f"{{{SOAP}}}Header")
        if header is None:
            header = etree.Element(f"{{{SOAP}}}Header")
            envelope.insert(0, header)
        signature = xmlsec.template.create(
            envelope, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha512, ns="ds"
        )
        reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha384, uri="#le-corps")
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
        xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        etree.SubElement(header, f"{{{WSSE}}}Security").append(signature)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(str(self._key), xmlsec.constants.KeyDataFormatPem)
        context.key.load_cert_from_file(str(self._certificate), xmlsec.constants.KeyDataFormatPem)
        context.register_id(body, "Id", WSU)
        context.sign(signature)
        return envelope, headers

    def verify(self, envelope: Any) -> Any:
        """Replies are not signed."""
        return envelope


def zeep_client(sandbox: Sandbox) -> zeep.Client:
    """A zeep client of ws-srv: the server certificate ``editeur`` connects, the card signs."""
    tls = sandbox.description["serveurs"]["editeur"]
    sign = sandbox.description["cartes"]["cpa-editeur"]["sign"]
    session = requests.Session()
    session.trust_env = False  # a CA bundle of the environment would replace ours
    session.cert = (str(sandbox.path(tls["certificat"])), str(sandbox.path(tls["cle"])))
    session.verify = str(sandbox.anchors)
    return zeep.Client(
        f"{sandbox.description['urls']['ws_srv']}/?wsdl",
        transport=zeep.Transport(session=session),
        wsse=SignBody(sandbox.path(sign["certificat"]), sandbox.path(sign["cle"])),
    )


def test_zeep_orders_and_withdraws_through_ws_srv(sandbox: Sandbox) -> None:
    """The published WSDL is enough: lot, index, certificate, with a signature made by another library (§9, §11)."""
    key = make_key()
    service = zeep_client(sandbox).service
    reply = service.demanderCertificats(demandeCertificat=[{**DEMANDE, "CSR": make_csr(key)}])
    assert (reply.statutLot, reply.demande[0].statutDemande) == ("OK", "OK")
    delivered = service.retirerCertificat(indiceRetrait=reply.demande[0].indiceRetrait, codeRevocation="code")
    assert delivered.statut == "OK"
    certificate = x509.load_pem_x509_certificate(delivered.certificat.encode())
    assert certificate.public_key() == key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == DEMANDE["FQDN"]


def test_zeep_follows_renews_and_revokes_what_it_ordered(sandbox: Sandbox) -> None:
    """The five operations, one after the other, from the published WSDL alone (§14 to §18)."""
    service = zeep_client(sandbox).service
    mails = {"mailDemandeur": DEMANDE["mailDemandeur"], "mailPersonneAInformer": DEMANDE["mailPersonneAInformer"]}
    reply = service.demanderCertificats(demandeCertificat=[{**DEMANDE, "CSR": make_csr()}])
    delivered = service.retirerCertificat(indiceRetrait=reply.demande[0].indiceRetrait, codeRevocation="code")
    certificate = x509.load_pem_x509_certificate(delivered.certificat.encode())
    named = {"AKI": aki_of(certificate), "numeroSerie": serial_of(certificate)}
    renewed = service.renouvelerCertificat(**named, **mails, CSR=make_csr())
    assert (renewed.statut, renewed.message) == ("OK", None)
    revoked = service.revoquerCertificat(**named, **mails, gamme="EL", motif="FIN_DACTIVITE")
    assert revoked.statut == "OK"
    followed = service.suivreActivite(typeDemande="PRODUITS", offre="SERV", idNatStruct=DEMANDE["idNatStruct"])
    states = {result.numeroSerie: result.etat for result in followed.resultat}
    assert states[serial_of(certificate)] == "Produit révoqué"
