"""One request for each product, as the management module hands it to PFCNG-IGC; nobody in it exists."""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pfcng.contract.catalogue import TABLE_11, Environment, Offre, Presence, Product, Usage
from pfcng.igc.requests import CertificateRequest, OrganisationIdentity, OrganisationSubject, PersonSubject

STRUCTURE = OrganisationIdentity(
    departement_label="Rhône (69)", raison_sociale="CENTRE DE SANTE FICTIF", id_nat_struct="10B0221636"
)


def spki(key: rsa.RSAPrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a key, DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def request_for(product: Product, environment: Environment, key: rsa.RSAPrivateKey) -> CertificateRequest:
    """A request with every element that table 11 lets the product have."""
    row = TABLE_11[product]

    def allowed(element: str) -> bool:
        return row[element] is not Presence.INTERDIT

    return CertificateRequest(
        environment=environment,
        product=product,
        spki=spki(key),
        subject=_person(product) if product.offre in {Offre.PS, Offre.PRO} else _organisation(product),
        fqdn=("un.hopital.example", "deux.hopital.example") if allowed("FQDN") else (),
        mail_sujet="service@hopital.example" if allowed("mailSujet") else None,
        upn="durand@hopital.example" if allowed("UPN") else None,
    )


def _organisation(product: Product) -> OrganisationSubject:
    return OrganisationSubject(
        departement_label=STRUCTURE.departement_label,
        raison_sociale=STRUCTURE.raison_sociale,
        id_nat_struct=STRUCTURE.id_nat_struct,
        common_name="un.hopital.example" if product.usage is Usage.SSL_SERV else "INSI-MANU",
    )


def _person(product: Product) -> PersonSubject:
    return PersonSubject(
        id_nat="899700990015",
        nom="DURAND-TEST",
        prenom="PAUL",
        title="Médecin",
        profession_code=10,
        savoir_faire=("SM26",),
        organisation=STRUCTURE if product.offre is Offre.PRO else None,
    )
