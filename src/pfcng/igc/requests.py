"""What PFCNG-IGC is asked for: everything a certificate says, completed and checked by the management module."""

from dataclasses import asdict, dataclass
from typing import Any

from pfcng.contract.catalogue import Environment, Offre, Product, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationIdentity:
    """A structure as a DN names it.

    Attributes:
        departement_label: For example ``Rhône (69)``.
        raison_sociale: Whole; the DN keeps its beginning.
        id_nat_struct: National identifier, with its type digit.
    """

    departement_label: str
    raison_sociale: str
    id_nat_struct: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationSubject:
    """The subject of an ORG or SERV certificate; ``common_name`` is the nomApplicatif or the first FQDN."""

    departement_label: str
    raison_sociale: str
    id_nat_struct: str
    common_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSubject:
    """The subject of a PS or PRO certificate.

    Attributes:
        id_nat: National identifier, with its type digit.
        nom: Family name (SN).
        prenom: Given name (GN).
        title: Profession, or the title of employees.
        profession_code: TRE_G15, for a professional.
        formation_code: TRE_G16, for a professional in training.
        savoir_faire: Codes of the specialities.
        organisation: The structure of a PRO certificate; None for PS.
    """

    id_nat: str
    nom: str
    prenom: str
    title: str
    profession_code: int | None = None
    formation_code: int | None = None
    savoir_faire: tuple[str, ...] = ()
    organisation: OrganisationIdentity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """One certificate to issue.

    Attributes:
        environment: Which hierarchy signs.
        product: Which profile.
        spki: SubjectPublicKeyInfo, DER.
        subject: Person for PS and PRO, organisation for ORG and SERV.
        fqdn: DNS names of an SSL_SERV, A-labels, at least one there and none elsewhere.
        mail_sujet: The protected e-mail address, where the product has one.
        upn: User principal name of an AUTH.
    """

    environment: Environment
    product: Product
    spki: bytes
    subject: OrganisationSubject | PersonSubject
    fqdn: tuple[str, ...] = ()
    mail_sujet: str | None = None
    upn: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values; equal requests give equal JSON."""
        content = asdict(self)
        content.update(spki=self.spki.hex(), fqdn=list(self.fqdn))
        if isinstance(self.subject, PersonSubject):
            content["subject"]["savoir_faire"] = list(self.subject.savoir_faire)
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "CertificateRequest":
        """The reverse of `to_json`."""
        product = content["product"]
        return cls(
            environment=Environment(content["environment"]),
            product=Product(Offre(product["offre"]), Usage(product["usage"])),
            spki=bytes.fromhex(content["spki"]),
            subject=_subject(content["subject"]),
            fqdn=tuple(content["fqdn"]),
            mail_sujet=content["mail_sujet"],
            upn=content["upn"],
        )


def _subject(content: dict[str, Any]) -> OrganisationSubject | PersonSubject:
    if "common_name" in content:
        return OrganisationSubject(**content)
    organisation = content["organisation"]
    return PersonSubject(
        **{
            **content,
            "savoir_faire": tuple(content["savoir_faire"]),
            "organisation": organisation and OrganisationIdentity(**organisation),
        }
    )
