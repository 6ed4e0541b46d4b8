"""The signature of a message: `sign` and `verify`. What `verify` returns is the only thing that may be decoded.

The steps of `verify` are numbered, and a diagnostic begins with the number of the one that refused; to the client all
of them are WSMG-00000002. The Body's canonical octets are computed once, checked against the signature, and parsed
again, so that no difference of opinion about the tree can slip in between; libxmlsec1 has to find the same on its own.
Source: guide §11; docs/choices.md §11; XML Signature 1.0; SOAP-DSIG (W3C note, 6 February 2001).
"""

import hashlib
import hmac
import textwrap
from base64 import b64encode
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import xmlsec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from pfcng.contract.operations import Operation
from pfcng.pki.authorities import Population
from pfcng.pki.trust import MIN_RSA_BITS, Authority, TrustStore, UntrustedCertificate
from pfcng.xml.canonical import Canonicalisation, canonical_octets
from pfcng.xml.claim import (
    C14N_WITH_COMMENTS,
    CANONICALISATIONS,
    DIGEST_METHODS,
    ENVELOPED,
    RSA_SHA256,
    SHA256,
    SIGNATURE_METHODS,
    Claim,
    find_signature,
    read_claim,
    signature_refusal,
)
from pfcng.xml.parsing import MalformedXml, parse_again
from pfcng.xml.shape import child_elements, has_text
from pfcng.xml.soap import BODY, DS, ENVELOPE, HEADER, SOAP, SOAP_SEC, WSU, Envelope

IDENTIFIERS: Final = (
    f"{{{SOAP_SEC}}}id", "id", "Id", "ID", f"{{{WSU}}}Id", "{http://www.w3.org/XML/1998/namespace}id"
)  # fmt: skip
"""Attributes by which a Body may be named (docs/choices.md §11)."""

_BEARERS: Final = etree.XPath("//@*[normalize-space() = $identifier and translate(local-name(), 'ID', 'id') = 'id']")
_WITH_REMARKS: Final = etree.XPath("descendant-or-self::*[comment() or processing-instruction()]")
_CERTIFICATE_FAULTS: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_KEYS: Final = 1000
"""Signers' keys that are kept ready."""
_LINE: Final = 76
"""Base64 characters a line (guide §11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedBody:
    """What a person signed. Only `verify` makes one: holding one is the proof that it was verified.

    Attributes:
        operation: The operation that the payload calls.
        payload: The element in the Body, parsed from the canonical octets that were digested; it holds no comment and
            no processing instruction.
        signer: The certificate whose key signed.
        authority: The authority that issued it, hence the environment.
    """

    operation: Operation
    payload: etree._Element
    signer: x509.Certificate
    authority: Authority


def verify(envelope: Envelope, *, trust: TrustStore, now: datetime) -> VerifiedBody:
    """Verify that a person whose certificate is believed signed the Body.

    Args:
        envelope: From `soap.open_envelope`.
        trust: The accepted authorities and their CRLs.
        now: Aware instant, for the certificate's validity.

    Raises:
        Refusal: WSMG-00000002, the precise cause in its ``diagnostic``.

    Source: guide §11; docs/choices.md §11.
    """
    claim = read_claim(find_signature(envelope))  # 1 place, 2 shape and algorithms
    attribute = find_identifier(claim, envelope)  # 3 reference
    signer, authority = _believe(claim.certificates, trust, now)  # 4 certificate
    octets = _authentic_octets(claim, envelope.body, signer)  # 5 signature, 6 content
    ask_libxmlsec1(claim, envelope.body, attribute, signer)  # 7 second opinion
    payload = _payload(octets, envelope)  # 8 payload
    return VerifiedBody(operation=envelope.operation, payload=payload, signer=signer, authority=authority)


def find_identifier(claim: Claim, envelope: Envelope) -> str:
    """Step 3: the Reference is to the Body of this envelope, by an attribute whose value nothing else bears."""
    bearers: Any = _BEARERS(envelope.root, identifier=claim.identifier)
    if len(bearers) != 1:
        raise signature_refusal(f"3 reference: the identifier occurs {len(bearers)} times")
    [bearer] = bearers
    if bearer != claim.identifier or bearer.getparent() is not envelope.body or bearer.attrname not in IDENTIFIERS:
        raise signature_refusal("3 reference: not to the Body")
    # Between elements a remark is harmless (SoapUI writes <!--Optional:-->); inside a value, readers disagree.
    remarked: Any = _WITH_REMARKS(envelope.body)
    if any(has_text(element) or not child_elements(element) for element in remarked):
        raise signature_refusal("3 reference: comment or processing instruction inside a value")
    return str(bearer.attrname)


def _believe(certificates: tuple[bytes, ...], trust: TrustStore, now: datetime) -> tuple[x509.Certificate, Authority]:
    """Step 4: the first certificate is a person's, and believed; each other one issued the one before it."""
    try:
        chain = [_BELIEVED.get(octets) or x509.load_der_x509_certificate(octets) for octets in certificates]
        for certificate, issuer in pairwise(chain):
            certificate.verify_directly_issued_by(issuer)
        _check_key(chain[0])
        authority = trust.validate(chain[0], now)
    except UntrustedCertificate as error:
        raise signature_refusal(f"4 certificate: {error.reason}") from error
    except _CERTIFICATE_FAULTS as error:
        raise signature_refusal(f"4 certificate: malformed or not a chain: {type(error).__name__}") from error
    if authority.name.population is not Population.PERSONNES:
        raise signature_refusal(f"4 certificate: {authority.name.common_name} certifies no person")
    if len(_BELIEVED) >= _KEYS:
        _BELIEVED.clear()
    _BELIEVED[certificates[0]] = chain[0]
    return chain[0], authority


_BELIEVED: Final[dict[bytes, x509.Certificate]] = {}
"""Signers' certificates by their octets, `_KEYS` at most, never a stranger's: what was read of one is not read again.
Whether it is believed is asked each time."""


def _check_key(signer: x509.Certificate) -> None:
    _rsa_key(signer)
    if not signer.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment:
        raise UntrustedCertificate("keyUsage without contentCommitment")


def _rsa_key(signer: x509.Certificate) -> rsa.RSAPublicKey:
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise UntrustedCertificate(f"not an RSA key of {MIN_RSA_BITS} bits or more")
    return key


def _authentic_octets(claim: Claim, body: etree._Element, signer: x509.Certificate) -> bytes:
    """Steps 5 and 6: the signer's key signed SignedInfo, and SignedInfo digests these octets of the Body."""
    try:
        signed = canonical_octets(claim.signed_info, claim.signed_info_form)
        _rsa_key(signer).verify(claim.signature_value, signed, padding.PKCS1v15(), claim.signature_hash)
    except (InvalidSignature, MalformedXml, etree.LxmlError, ValueError) as error:
        raise signature_refusal("5 signature: not by the key of the certificate") from error
    try:
        octets = canonical_octets(body, claim.form)
    except (MalformedXml, etree.LxmlError, ValueError) as error:
        raise signature_refusal("6 content: no canonical form") from error
    if not hmac.compare_digest(hashlib.new(claim.digest, octets).digest(), claim.digest_value):
        raise signature_refusal("6 content: digest mismatch")
    return octets


def ask_libxmlsec1(claim: Claim, body: etree._Element, attribute: str, signer: x509.Certificate) -> None:
    """Step 7: libxmlsec1 finds the same, in place, with the signer's key; it looks into KeyInfo for no other.

    It comes last because its canonicalisation asks about every node whether it is signed: 5 µs each.
    """
    name = etree.QName(attribute)
    try:
        context = xmlsec.SignatureContext()
        context.key = _key_for_libxmlsec1(
            _rsa_key(signer).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        for method in (*CANONICALISATIONS.values(), *(transform for transform, _ in SIGNATURE_METHODS.values())):
            context.enable_signature_transform(method)
        for method in (xmlsec.constants.TransformEnveloped, *CANONICALISATIONS.values(), *DIGEST_METHODS.values()):
            context.enable_reference_transform(method)
        context.register_id(body, name.localname, name.namespace)
        context.verify(claim.signature)
    except (xmlsec.Error, etree.LxmlError, ValueError, TypeError) as error:
        raise signature_refusal("7 libxmlsec1: not verified") from error


@lru_cache(maxsize=_KEYS)
def _key_for_libxmlsec1(public_key: bytes) -> xmlsec.Key:
    """The key of a believed signer, who mostly sends more than one message: reading it takes as long as using it."""
    return xmlsec.Key.from_memory(public_key, xmlsec.constants.KeyDataFormatDer)


def _payload(octets: bytes, envelope: Envelope) -> etree._Element:
    """Step 8: the octets that were digested are parsed; nothing else of the message goes further."""
    try:
        body = parse_again(octets, comments=False, instructions=False)
    except MalformedXml as error:
        raise signature_refusal("8 payload: no XML") from error
    if body.tag != BODY or [child.tag for child in body] != [envelope.payload.tag]:
        raise signature_refusal("8 payload: not the one of the envelope")
    return body[0]


def sign(
    payload: etree._Element,
    *,
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey,
    default_namespace: str | None = None,
) -> bytes:
    """A whole envelope, its Body signed as the guide shows: SOAP-SEC form, rsa-sha256, C14N 1.0.

    Args:
        payload: The request element; left as it is.
        certificate: The signer's signature certificate.
        key: Its private key, of which only ``sign`` is used: a card or an HSM will do.
        default_namespace: Declared on the envelope, for a platform that wants one there; it is signed like the rest.

    Returns:
        UTF-8 with XML declaration. The octets are final: whoever reformats them breaks the signature.

    Source: guide §11.
    """
    namespaces: dict[str | None, str] = {"SOAP-ENV": SOAP}
    if default_namespace is not None:
        namespaces[None] = default_namespace
    envelope = etree.Element(ENVELOPE, nsmap=namespaces)  # type: ignore[arg-type]  # None is lxml's default prefix
    header = etree.SubElement(envelope, HEADER)
    body = etree.SubElement(envelope, BODY, {f"{{{SOAP_SEC}}}id": "Body"}, nsmap={"SOAP-SEC": SOAP_SEC})
    body.append(_alone(payload))
    entry = etree.SubElement(header, f"{{{SOAP_SEC}}}Signature", nsmap={"SOAP-SEC": SOAP_SEC})
    entry.set(f"{{{SOAP}}}mustUnderstand", "1")
    signature = etree.SubElement(entry, f"{{{DS}}}Signature", nsmap={"ds": DS})
    digest = hashlib.sha256(canonical_octets(body, Canonicalisation())).digest()
    signed_info = _add_signed_info(signature, digest)
    octets = canonical_octets(signed_info, Canonicalisation(comments=True))
    _add(signature, "SignatureValue", key.sign(octets, padding.PKCS1v15(), hashes.SHA256()))
    data = _add(_add(signature, "KeyInfo"), "X509Data")
    _add(data, "X509SubjectName").text = certificate.subject.rfc4514_string()
    _add(data, "X509Certificate", certificate.public_bytes(Encoding.DER))
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))


def _alone(payload: etree._Element) -> etree._Element:
    copy = deepcopy(payload)
    copy.tail = None
    return copy


def _add_signed_info(signature: etree._Element, digest: bytes) -> etree._Element:
    signed_info = _add(signature, "SignedInfo")
    _add(signed_info, "CanonicalizationMethod", Algorithm=C14N_WITH_COMMENTS)
    _add(signed_info, "SignatureMethod", Algorithm=RSA_SHA256)
    reference = _add(signed_info, "Reference", URI="#Body")
    _add(_add(reference, "Transforms"), "Transform", Algorithm=ENVELOPED)
    _add(reference, "DigestMethod", Algorithm=SHA256)
    _add(reference, "DigestValue", digest)
    return signed_info


def _add(parent: etree._Element, name: str, octets: bytes = b"", **attributes: str) -> etree._Element:
    """A child in XML Signature's namespace; octets are written in base64, in lines."""
    child = etree.SubElement(parent, f"{{{DS}}}{name}", attributes)
    if octets:
        child.text = "\n".join(textwrap.wrap(b64encode(octets).decode(), _LINE))
    return child
