"""The diagnosis of a signed message: every step is looked at, also after the first that fails.

Document, place, shape, reference and the second opinion of libxmlsec1 are the platform's own code (`xml.dsig`); what
follows a fault is read loosely (`loose`), so that one fault does not hide the next.
Source: guide §11; docs/choices.md §11.
"""

from dataclasses import dataclass

from lxml import etree

from pfcng.client.diagnosis import french, loose
from pfcng.client.diagnosis.certificate import Trust, certificate_steps
from pfcng.client.diagnosis.digests import digest_step, signature_step
from pfcng.client.diagnosis.loose import LooseSignature
from pfcng.client.diagnosis.steps import State, Step
from pfcng.contract.refusal import Refusal
from pfcng.pki.trust import UntrustedCertificate
from pfcng.xml import dsig, soap
from pfcng.xml.claim import Claim, find_signature, read_claim
from pfcng.xml.parsing import MalformedXml, parse
from pfcng.xml.shape import child_elements
from pfcng.xml.soap import BODY, DS, Envelope

_TITLES = {
    "document": "Document et enveloppe SOAP",
    "place": "Place de la signature",
    "forme": "Forme et algorithmes",
    "reference": "Référence au Body",
    "xmlsec": "Second avis (libxmlsec1)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found.

    Attributes:
        steps: In the order in which the platform takes them, all of them.
        body: The canonical octets whose digest the Reference must carry; None when there are none.
        signed_info: The canonical octets of SignedInfo, which the key signs; idem.
    """

    steps: tuple[Step, ...]
    body: bytes | None = None
    signed_info: bytes | None = None

    @property
    def first_fault(self) -> Step | None:
        """What the platform stops at."""
        return next((step for step in self.steps if step.state is State.BAD), None)


def diagnose(raw: bytes, trust: Trust) -> Diagnosis:
    """Look at a message of any origin; nothing of it is fetched or followed."""
    try:
        root = parse(raw)
    except MalformedXml as error:
        text = f"Ce n’est pas un document XML que la plateforme accepte : {french.explain(error.reason)}."
        return Diagnosis(steps=(Step(name="document", title=_TITLES["document"], state=State.BAD, text=text),))
    envelope, document = _open(raw)
    steps = [document]
    strict, claim = _claim(envelope, steps)
    element = strict if strict is not None else next(root.iter(f"{{{DS}}}Signature"), None)
    if element is None:
        return Diagnosis(steps=tuple(steps))
    signature = loose.read(element)
    base = envelope.root if envelope else root
    target, identifier = _target(signature, base)
    steps.append(_reference(claim, envelope, signature, target))
    octets = loose.canonical(signature.signed_info, signature.form)
    body = loose.canonical(target, signature.body_form)
    steps += certificate_steps(signature, trust)
    steps += [
        signature_step(signature, octets, body, raw),
        digest_step(signature, target, body, raw, identifier),
        _second_opinion(claim, envelope, signature, identifier),
    ]
    return Diagnosis(steps=tuple(steps), body=body, signed_info=octets)


def _open(raw: bytes) -> tuple[Envelope | None, Step]:
    try:
        envelope = soap.open_envelope(raw, soap_action=None)
    except soap.ClientFault as fault:
        return None, Step(name="document", title=_TITLES["document"], state=State.BAD, text=fault.text)
    details = {"Opération": envelope.operation.value}
    return envelope, Step(name="document", title=_TITLES["document"], state=State.GOOD, details=details)


def _claim(envelope: Envelope | None, steps: list[Step]) -> tuple[etree._Element | None, Claim | None]:
    """The signature by the platform's rules, as far as they let it through."""
    if envelope is None:
        return None, None
    try:
        element = find_signature(envelope)
    except Refusal as refusal:
        steps.append(_refused("place", refusal))
        return None, None
    steps.append(Step(name="place", title=_TITLES["place"], state=State.GOOD))
    try:
        claim = read_claim(element)
    except Refusal as refusal:
        steps.append(_refused("forme", refusal))
        return element, None
    details = {"Signature": claim.signature_hash.name, "Condensé": claim.digest}
    steps.append(Step(name="forme", title=_TITLES["forme"], state=State.GOOD, details=details))
    return element, claim


def _refused(name: str, refusal: Refusal) -> Step:
    return Step(name=name, title=_TITLES[name], state=State.BAD, text=french.explain(refusal.diagnostic))


def _reference(
    claim: Claim | None, envelope: Envelope | None, signature: LooseSignature, target: etree._Element | None
) -> Step:
    details = {"URI": (signature.uri or "")[:100]}
    if claim is not None and envelope is not None:
        try:
            dsig.find_identifier(claim, envelope)
        except Refusal as refusal:
            text = french.explain(refusal.diagnostic)
            return Step(name="reference", title=_TITLES["reference"], state=State.BAD, text=text, details=details)
        return Step(name="reference", title=_TITLES["reference"], state=State.GOOD, details=details)
    if target is not None and target.tag == BODY:
        return Step(name="reference", title=_TITLES["reference"], state=State.UNKNOWN, details=details)
    text = french.explain("reference: not to the Body")
    return Step(name="reference", title=_TITLES["reference"], state=State.BAD, text=text, details=details)


def _target(signature: LooseSignature, root: etree._Element) -> tuple[etree._Element | None, str | None]:
    """What the Reference names, and the attribute by which it does; the envelope's Body where it names nothing."""
    fragment = (signature.uri or "").removeprefix("#")
    if fragment and signature.uri != fragment:
        for element in root.iter(etree.Element):
            for name, value in element.items():
                if value == fragment and etree.QName(name).localname.lower() == "id":
                    return element, str(name)
    return next((child for child in child_elements(root) if child.tag == BODY), None), None


def _second_opinion(
    claim: Claim | None, envelope: Envelope | None, signature: LooseSignature, identifier: str | None
) -> Step:
    name = "xmlsec"
    if claim is None or envelope is None or identifier is None or not signature.certificates:
        return Step(name=name, title=_TITLES[name], state=State.UNKNOWN, text="Les fautes ci-dessus l’empêchent.")
    try:
        dsig.ask_libxmlsec1(claim, envelope.body, identifier, signature.certificates[0])
    except (Refusal, UntrustedCertificate):
        return Step(name=name, title=_TITLES[name], state=State.BAD, text="libxmlsec1 ne vérifie pas cette signature.")
    return Step(name=name, title=_TITLES[name], state=State.GOOD)
