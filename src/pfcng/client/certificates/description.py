"""Everything that is worth saying of a certificate, for people and for programs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pfcng.client.certificates import chain as chains, revocation
from pfcng.client.certificates.chain import Anchor, Chain
from pfcng.client.certificates.fetching import Fetch
from pfcng.client.certificates.revocation import Answer, State
from pfcng.contract.catalogue import Environment
from pfcng.contract.identifiers import PERSON_REGISTERS, STRUCTURE_REGISTERS, is_personne, is_structure
from pfcng.contract.paris import PARIS
from pfcng.pki import name_forms, names
from pfcng.pki.products import PRODUCTION_POLICIES, TEST_POLICY
from pfcng.pki.published import PUBLISHED
from pfcng.pki.recognition import Recognition, policy, recognise

_ANCHORS: Final = {
    Anchor.GIVEN: "de confiance : donnée par --confiance",
    Anchor.PUBLISHED: "publiée par l’ANS (empreinte connue)",
    Anchor.UNKNOWN: "racine inconnue : donnez celles que vous croyez avec --confiance",
    Anchor.MISSING: "incomplète : la suite n’a pas été trouvée, donnez-la avec --confiance",
}
_FORM_LABELS: Final = {
    "rfc4514": "RFC 4514",
    "java": "Java (toString)",
    "java_rfc2253": "Java (getName)",
    "dotnet": ".NET",
    "openssl": "OpenSSL",
    "openssl_rfc2253": "OpenSSL RFC2253",
    "openssl_barres": "OpenSSL à barres",
}
_ENVIRONMENTS: Final = {Environment.TEST: "test", Environment.PRODUCTION: "production"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A certificate in clear.

    Attributes:
        lines: Label and value, in French.
        faults: Why it should not be believed now; French sentences.
        data: The same for programs.
    """

    lines: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]
    data: Mapping[str, Any]


def describe(
    certificate: x509.Certificate,
    candidates: Iterable[x509.Certificate],
    trusted: Iterable[x509.Certificate],
    *,
    fetch: Fetch | None,
    now: datetime,
) -> Description:
    """Tell what a certificate is and whether it holds; without ``fetch`` nobody is asked."""
    known = recognise(certificate)
    chain = chains.build(certificate, candidates, trusted, fetch)
    asked = fetch is not None and chain.issuer is not None and not chains.is_root(certificate)
    answers = (
        revocation.ask(certificate, chain.issuer, fetch=fetch, now=now) if asked and chain.issuer and fetch else []
    )
    faults = (*_own_faults(certificate, now), *chains.faults(chain, now), *_revoked(answers))
    return Description(
        lines=tuple(_lines(certificate, known, chain, answers, now, asked=fetch is not None)),
        faults=faults,
        data=_data(certificate, known, chain, answers, faults),
    )


def _lines(
    certificate: x509.Certificate,
    known: Recognition,
    chain: Chain,
    answers: list[Answer],
    now: datetime,
    *,
    asked: bool,
) -> Iterator[tuple[str, str]]:
    yield "Produit", product_label(known)
    yield from _identity(certificate)
    if known.category:
        yield "Catégorie", known.category
    yield from known.private.items()
    yield "Politique", _policy_label(certificate)
    yield from _other_names(certificate)
    yield "Clé", _key_label(certificate)
    yield "Validité", _validity(certificate, now)
    yield "Numéro de série", f"{certificate.serial_number:X}"
    yield "AKI", _aki(certificate) or "absent"
    yield "Empreinte SHA-256", certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    for position, one in enumerate(chain.certificates[1:]):
        yield "Chaîne" if position == 0 else "", names.rfc4514(one.subject)
    yield ("Chaîne" if len(chain.certificates) == 1 else ""), f"({_ANCHORS[chain.anchor]})"
    for position, answer in enumerate(answers):
        detail = f" ({answer.detail})" if answer.detail else ""
        yield "Révocation" if position == 0 else "", f"{answer.source} : {answer.state.value}{detail}, {answer.place}"
    if not answers:
        why = "aucune réponse possible : autorité ou adresses inconnues" if asked else "non demandée (--hors-ligne)"
        yield "Révocation", why if not chains.is_root(certificate) else "sans objet pour une racine"
    for title, name in (("DN du sujet", certificate.subject), ("DN de l’émetteur", certificate.issuer)):
        yield title, ""
        for form, text in dn_forms(name).items():
            yield f"  {_FORM_LABELS[form]}", text


def dn_forms(name: x509.Name) -> dict[str, str]:
    """The name in every form, by the key that programs read."""
    return {"rfc4514": names.rfc4514(name), **{key: form(name) for key, form in name_forms.FORMS.items()}}


def product_label(known: Recognition) -> str:
    """What the certificate is, in a few words."""
    if known.is_authority:
        return f"autorité {known.authority.common_name}" if known.authority else "autorité, hors de l’IGC-Santé"
    if known.authority is None:
        return "aucun : l’émetteur n’est pas une autorité de l’IGC-Santé"
    what = f"carte {known.card}" if known.card else " ou ".join(one.label for one in known.products) or "non reconnu"
    world = _ENVIRONMENTS[known.authority.environment]
    return f"{what}, {world}" + (", d’un émulateur (OU=EMULATEUR)" if known.emulated else "")


def _identity(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    """Who the subject names: a person, a structure, a service."""
    values = {oid: names.first(certificate.subject, oid) for oid in _PARTS.values()}
    given, surname = values[NameOID.GIVEN_NAME], values[NameOID.SURNAME]
    common_name, unit = values[NameOID.COMMON_NAME], values[NameOID.ORGANIZATIONAL_UNIT_NAME]
    if surname or given:
        yield "Titulaire", " ".join(filter(None, (given, surname)))
    if values[NameOID.TITLE]:
        yield "Titre", values[NameOID.TITLE] or ""
    if common_name:
        register = f" ({PERSON_REGISTERS[common_name[0]]})" if is_personne(common_name) else ""
        yield ("Identifiant" if register else "CN"), common_name + register
    if values[NameOID.ORGANIZATION_NAME]:
        yield "Structure", values[NameOID.ORGANIZATION_NAME] or ""
    if unit and is_structure(unit):
        yield "idNatStruct", f"{unit} ({STRUCTURE_REGISTERS[unit[0]]})"
    if values[NameOID.STATE_OR_PROVINCE_NAME]:
        yield "Département", values[NameOID.STATE_OR_PROVINCE_NAME] or ""


_PARTS: Final = {
    "prenom": NameOID.GIVEN_NAME,
    "nom": NameOID.SURNAME,
    "titre": NameOID.TITLE,
    "cn": NameOID.COMMON_NAME,
    "raison_sociale": NameOID.ORGANIZATION_NAME,
    "id_nat_struct": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "departement": NameOID.STATE_OR_PROVINCE_NAME,
}
"""What a subject may say, by the key that programs read."""


def _policy_label(certificate: x509.Certificate) -> str:
    number = policy(certificate)
    if number is None:
        return "absente"
    if number == TEST_POLICY.dotted_string:
        return f"{number} (test)"
    known = [product.label for product, oid in PRODUCTION_POLICIES.items() if oid.dotted_string == number]
    return f"{number} (production, {known[0]})" if known else number


def _other_names(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError, x509.UnsupportedGeneralNameType):
        return
    texts = found.get_values_for_type(x509.DNSName) + found.get_values_for_type(x509.RFC822Name)
    texts += [one.value[2:].decode("utf-8", "replace") for one in found.get_values_for_type(x509.OtherName)]
    if texts:
        yield "Autres noms", ", ".join(texts)


def _key_label(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "illisible, ou d’un type inconnu"
    return f"RSA {key.key_size} bits" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__


def _validity(certificate: x509.Certificate, now: datetime) -> str:
    first, last = (
        moment.astimezone(PARIS) for moment in (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    )
    dates = f"du {first:%d/%m/%Y à %H:%M} au {last:%d/%m/%Y à %H:%M} (heure de Paris)"
    left = (certificate.not_valid_after_utc - now).days
    return f"{dates}, encore {left} jour{'s' if left > 1 else ''}" if left >= 0 else f"{dates}, expiré"


def _own_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    if now > certificate.not_valid_after_utc:
        yield "Le certificat est expiré : il ne peut plus être renouvelé, demandez-en un autre."
    elif now < certificate.not_valid_before_utc:
        yield "Le certificat n’est pas encore valide."
    if certificate.serial_number <= 0:
        yield "Le numéro de série n’est pas positif, ce que la RFC 5280 interdit."


def _revoked(answers: Iterable[Answer]) -> Iterator[str]:
    if any(answer.state is State.REVOKED for answer in answers):
        yield "Le certificat est révoqué."


def _aki(certificate: x509.Certificate) -> str | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (x509.ExtensionNotFound, ValueError):
        return None
    return found.hex().upper() if found else None


def _data(
    certificate: x509.Certificate, known: Recognition, chain: Chain, answers: list[Answer], faults: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "produits": [product.label for product in known.products],
        "carte": known.card,
        "autorite": known.is_authority,
        "environnement": known.environment.value if known.environment else None,
        "emulateur": known.emulated,
        "categorie": known.category,
        "politique": policy(certificate),
        "sujet": {label: names.first(certificate.subject, oid) for label, oid in _PARTS.items()},
        "numero_serie": f"{certificate.serial_number:X}",
        "aki": _aki(certificate),
        "empreinte_sha256": certificate.fingerprint(hashes.SHA256()).hex().upper(),
        "debut_validite": certificate.not_valid_before_utc.isoformat(),
        "fin_validite": certificate.not_valid_after_utc.isoformat(),
        "dn_sujet": dn_forms(certificate.subject),
        "dn_emetteur": dn_forms(certificate.issuer),
        "chaine": [
            {"sujet": names.rfc4514(one.subject), "publiee": PUBLISHED.get(one.fingerprint(hashes.SHA256()))}
            for one in chain.certificates[1:]
        ],
        "racine": chain.anchor.value,
        "revocation": [
            {"source": one.source, "adresse": one.place, "etat": one.state.value, "detail": one.detail}
            for one in answers
        ],
        "defauts": list(faults),
    }
