"""The signer's certificate: its use, its dates, its chain, its CRL. Each is a step of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.client.certificates import chain as chains, revocation
from pfcng.client.certificates.chain import Anchor, Chain
from pfcng.client.certificates.fetching import Fetch
from pfcng.client.diagnosis.loose import LooseSignature
from pfcng.client.diagnosis.steps import State, Step
from pfcng.contract.paris import PARIS
from pfcng.pki import names
from pfcng.pki.authorities import Population, by_common_name
from pfcng.pki.recognition import recognise
from pfcng.pki.trust import MIN_RSA_BITS

_ACCEPTED_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the caller believes, and whether the network may be asked.

    Attributes:
        certificates: Roots and authorities.
        crls: Name of each file and its octets.
        fetch: How addresses are followed; None to stay off the network.
        now: The instant at which the message is judged.
    """

    certificates: Sequence[x509.Certificate]
    crls: Sequence[tuple[str, bytes]]
    fetch: Fetch | None
    now: datetime


def certificate_steps(signature: LooseSignature, trust: Trust) -> Iterator[Step]:
    """Use, dates, chain, CRL; one step alone when there is no certificate."""
    if not signature.certificates:
        text = "KeyInfo n’a pas de X509Certificate lisible : la clé vient de lui seul, jamais de KeyValue."
        yield Step(name="certificat", title="Certificat du signataire", state=State.BAD, text=text)
        return
    signer, *others = signature.certificates
    yield _use(signer, signature.unreadable_certificates)
    yield _dates(signer, trust.now)
    chain = chains.build(signer, others, trust.certificates, trust.fetch)
    yield _chain(signature.certificates, chain, trust)
    yield _revocation(signer, chain, trust)


def _use(signer: x509.Certificate, unreadable: int) -> Step:
    known = recognise(signer)
    what = known.card or " ou ".join(product.label for product in known.products) or "non reconnu"
    details = {"Sujet": names.rfc4514(signer.subject), "Émetteur": names.rfc4514(signer.issuer), "Produit": what}
    text = _use_fault(signer) or ("Un autre X509Certificate de KeyInfo est illisible." if unreadable else "")
    state = State.BAD if text else State.GOOD
    return Step(name="certificat", title="Usage du certificat", state=state, text=text, details=details)


def _use_fault(signer: x509.Certificate) -> str:
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        return f"La clé n’est pas une clé RSA de {MIN_RSA_BITS} bits au moins."
    if not isinstance(_signature_hash(signer), _ACCEPTED_HASHES):
        return "Le certificat est lui-même signé avec un condensé qui n’est plus admis."
    try:
        return _key_usage_fault(signer) or _kind_fault(signer)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return "Les extensions du certificat sont illisibles."


def _key_usage_fault(signer: x509.Certificate) -> str:
    try:
        usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return "Le certificat n’a pas de keyUsage : il faut nonRepudiation."
    if usage.content_commitment:
        return ""
    kind = "C’est un certificat d’authentification : " if usage.digital_signature else ""
    return f"{kind}keyUsage n’a pas nonRepudiation. Prenez le certificat de signature de la carte."


def _kind_fault(signer: x509.Certificate) -> str:
    if chains.is_authority(signer):
        return "C’est le certificat d’une autorité, pas celui d’une personne."
    if any(one.critical and isinstance(one.value, x509.UnrecognizedExtension) for one in signer.extensions):
        return "Le certificat a une extension critique inconnue."
    return ""


def _signature_hash(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None


def _dates(signer: x509.Certificate, now: datetime) -> Step:
    first, last = (moment.astimezone(PARIS) for moment in (signer.not_valid_before_utc, signer.not_valid_after_utc))
    details = {"Validité": f"du {first:%d/%m/%Y à %H:%M} au {last:%d/%m/%Y à %H:%M} (heure de Paris)"}
    second = now.replace(microsecond=0)
    text = ""
    if second > last:
        text = f"Le certificat est expiré le {now:%d/%m/%Y}."
    elif second < first:
        text = f"Le certificat n’est pas encore valide le {now:%d/%m/%Y}."
    state = State.BAD if text else State.GOOD
    return Step(name="dates", title="Dates du certificat", state=state, text=text, details=details)


def _chain(given: Sequence[x509.Certificate], chain: Chain, trust: Trust) -> Step:
    name, title = "chaine", "Chaîne du certificat"
    details = {
        ("Autorité" if position == 0 else "Au-dessus"): names.rfc4514(one.subject)
        for position, one in enumerate(chain.certificates[1:3])
    }
    fault = _issuer_fault(given[0]) or next(_order_faults(given), "") or next(chains.faults(chain, trust.now), "")
    if fault:
        return Step(name=name, title=title, state=State.BAD, text=fault, details=details)
    if chain.anchor in {Anchor.GIVEN, Anchor.PUBLISHED} and len(chain.certificates) > 1:
        return Step(name=name, title=title, state=State.GOOD, details=details)
    if not trust.certificates:
        text = "Donnez les autorités et racines que la plateforme accepte avec --confiance."
        return Step(name=name, title=title, state=State.UNKNOWN, text=text, details=details)
    last = names.rfc4514(chain.certificates[-1].subject)
    text = f"Aucun des certificats de --confiance n’a émis {last}."
    return Step(name=name, title=title, state=State.BAD, text=text, details=details)


def _issuer_fault(signer: x509.Certificate) -> str:
    common_name = names.first(signer.issuer, x509.NameOID.COMMON_NAME) or ""
    try:
        authority = by_common_name(common_name)
    except KeyError:
        return f"L’émetteur « {common_name} » n’est pas une autorité de l’IGC-Santé."
    if authority.population is not Population.PERSONNES:
        return f"{common_name} ne certifie pas de personnes : la signature se fait avec la carte d’une personne."
    return ""


def _order_faults(given: Sequence[x509.Certificate]) -> Iterator[str]:
    for one, above in pairwise(given):
        if not chains.has_issued(above, one):
            yield "Les X509Certificate de KeyInfo ne se suivent pas : le signataire, puis chaque émetteur."


def _revocation(signer: x509.Certificate, chain: Chain, trust: Trust) -> Step:
    name, title = "crl", "Révocation"
    issuer = chain.issuer if len(chain.certificates) > 1 else None
    if issuer is None:
        text = "L’autorité du certificat n’a pas été trouvée : donnez-la avec --confiance."
        return Step(name=name, title=title, state=State.UNKNOWN, text=text)
    answers = [
        revocation.by_crl(signer, issuer, content, place=place, now=trust.now)
        for place, content in trust.crls
        if _is_of(issuer, content)
    ]
    if trust.fetch is not None:
        answers += revocation.ask(signer, issuer, fetch=trust.fetch, now=trust.now)
    details = {f"{one.source} {one.place}": f"{one.state.value} ({one.detail})" for one in answers}
    states = {one.state for one in answers}
    if revocation.State.REVOKED in states:
        text = "Le certificat est révoqué : la carte est opposée."
        return Step(name=name, title=title, state=State.BAD, text=text, details=details)
    if revocation.State.GOOD in states:
        return Step(name=name, title=title, state=State.GOOD, details=details)
    text = "Aucune CRL ne permet de le savoir : donnez-la avec --crl, ou autorisez --reseau."
    return Step(name=name, title=title, state=State.UNKNOWN, text=text, details=details)


def _is_of(issuer: x509.Certificate, content: bytes) -> bool:
    """Whether a file is a CRL in that authority's name; those of others say nothing here."""
    try:
        return revocation.read_crl(content).issuer == issuer.subject
    except ValueError:
        return True  # told as unreadable
