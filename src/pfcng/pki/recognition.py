"""What a certificate is, by the marks that the IGC-Santé leaves: authority, category, usages, policy.

The tables are those by which certificates are made (`pki.products`, `pki.authorities`).
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.pki import names
from pfcng.pki.authorities import EMULATEUR, AuthorityName, Population, by_common_name
from pfcng.pki.private_extensions import CARD_NUMBER, CARD_TYPE, PRODUCT_CATEGORY, PROFESSION, SAVOIR_FAIRE
from pfcng.pki.products import AUTH_UPN, CARD, PRODUCTION_POLICIES, SIGN_PERSON, SOFTWARE, TEST_POLICY, USAGES

CATEGORIES: Final = {
    **dict.fromkeys(SOFTWARE.values(), "certificat logiciel"),
    **dict.fromkeys(CARD.values(), "carte"),
    **dict.fromkeys((0x02, 0x82), "module de sécurité de serveur"),
}
"""TRE_G01; the upper bit tells test products."""
_CARD_TYPES: Final = {0: "CPS", 1: "CPF", 2: "CPE ou CDE", 3: "CPA ou CDA"}
"""TRE_G02."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What is known of a certificate.

    Attributes:
        authority: Its issuer; its own name for an authority's certificate; None outside the IGC-Santé.
        is_authority: Whether it is an authority's.
        emulated: Whether the issuer says that it is an emulator's.
        category: TRE_G01 in words.
        products: The products whose certificates look like this; one when nothing is left open.
        card: Type of the card, and its use.
        private: Further private marks, label → value, in French.
    """

    authority: AuthorityName | None
    is_authority: bool = False
    emulated: bool = False
    category: str | None = None
    products: tuple[Product, ...] = ()
    card: str | None = None
    private: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Environment | None:
        """TEST or PRODUCTION, by the authority."""
        return self.authority.environment if self.authority else None


def recognise(certificate: x509.Certificate) -> Recognition:
    """Tell what a certificate is. Nothing of it is believed: a name is a name until its chain is checked."""
    extensions = _extensions(certificate)
    authority = _authority(certificate.issuer)
    emulated = EMULATEUR in [
        one.value for one in certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    ]
    constraints = extensions.get(x509.BasicConstraints.oid)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        return Recognition(authority=_authority(certificate.subject), is_authority=True, emulated=emulated)
    category = _octet(extensions.get(PRODUCT_CATEGORY))
    card = _card(extensions) if category in CARD.values() else None
    return Recognition(
        authority=authority,
        emulated=emulated,
        category=CATEGORIES.get(category) if category is not None else None,
        products=() if card or authority is None else _products(certificate, extensions, authority),
        card=card,
        private=_private(extensions),
    )


def policy(certificate: x509.Certificate) -> str | None:
    """The certificate's first policy, as a dotted number."""
    policies = _extensions(certificate).get(x509.CertificatePolicies.oid)
    if not isinstance(policies, x509.CertificatePolicies):
        return None
    return next((one.policy_identifier.dotted_string for one in policies), None)


def _extensions(certificate: x509.Certificate) -> dict[x509.ObjectIdentifier, x509.ExtensionType]:
    try:
        return {one.oid: one.value for one in certificate.extensions}
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return {}


def _authority(name: x509.Name) -> AuthorityName | None:
    try:
        return by_common_name(names.first(name, NameOID.COMMON_NAME) or "")
    except KeyError:
        return None


def _products(
    certificate: x509.Certificate,
    extensions: dict[x509.ObjectIdentifier, x509.ExtensionType],
    authority: AuthorityName,
) -> tuple[Product, ...]:
    """Those with these usages, then those that the subject, the other names and the policy leave."""
    key, extended = extensions.get(x509.KeyUsage.oid), extensions.get(x509.ExtendedKeyUsage.oid)
    marks = (key, frozenset(extended) if isinstance(extended, x509.ExtendedKeyUsage) else frozenset())
    rows = [*USAGES.items(), *((Product(offre, Usage.AUTH), AUTH_UPN) for offre in (Offre.PS, Offre.PRO))]
    found = [product for product, usages in rows if (usages.key, frozenset(usages.extended)) == marks]
    persons = authority.population is Population.PERSONNES
    found = [product for product in found if (product.offre in {Offre.PS, Offre.PRO}) is persons]
    wanted = _offre(certificate, extensions, persons=persons)
    found = [product for product in found if product.offre is wanted] or found
    number = policy(certificate)
    if number != TEST_POLICY.dotted_string:
        exact = [one for one in found if PRODUCTION_POLICIES[one].dotted_string == number]
        found = exact or found
    return tuple(found)


def _offre(
    certificate: x509.Certificate, extensions: dict[x509.ObjectIdentifier, x509.ExtensionType], *, persons: bool
) -> Offre:
    """A person inside a structure is PRO's; an organisation with other names (servers, addresses) is SERV's."""
    if persons:
        inside = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        return Offre.PRO if inside else Offre.PS
    return Offre.SERV if x509.SubjectAlternativeName.oid in extensions else Offre.ORG


def _card(extensions: dict[x509.ObjectIdentifier, x509.ExtensionType]) -> str:
    number = _integer(extensions.get(CARD_TYPE))
    name = _CARD_TYPES.get(number, "carte") if number is not None else "carte"
    use = "signature" if extensions.get(x509.KeyUsage.oid) == SIGN_PERSON.key else "authentification"
    return f"{name}, {use}"


def _private(extensions: dict[x509.ObjectIdentifier, x509.ExtensionType]) -> dict[str, str]:
    found = {
        "Numéro de carte": _string(extensions.get(CARD_NUMBER)),
        "Profession": _integer(extensions.get(PROFESSION)),
        "Savoir-faire": ", ".join(_strings(extensions.get(SAVOIR_FAIRE))) or None,
    }
    return {label: str(value) for label, value in found.items() if value is not None}


def _content(extension: x509.ExtensionType | None, tag: int) -> bytes | None:
    """What a short TLV of that tag holds."""
    if not isinstance(extension, x509.UnrecognizedExtension):
        return None
    der = extension.value
    return der[2:] if len(der) >= 2 and der[0] == tag and der[1] == len(der) - 2 else None


def _octet(extension: x509.ExtensionType | None) -> int | None:
    content = _content(extension, 0x04)
    return content[0] if content and len(content) == 1 else None


def _integer(extension: x509.ExtensionType | None) -> int | None:
    content = _content(extension, 0x02)
    return int.from_bytes(content, "big") if content else None


def _string(extension: x509.ExtensionType | None) -> str | None:
    content = _content(extension, 0x13)
    return content.decode("ascii", "replace") if content else None


def _strings(extension: x509.ExtensionType | None) -> list[str]:
    rest, found = _content(extension, 0x30) or b"", []
    while len(rest) >= 2 and rest[0] == 0x0C and rest[1] <= len(rest) - 2:
        found.append(rest[2 : 2 + rest[1]].decode("utf-8", "replace"))
        rest = rest[2 + rest[1] :]
    return found
