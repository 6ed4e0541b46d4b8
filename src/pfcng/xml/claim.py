"""What a ds:Signature claims: read to the letter, algorithms allowed, nothing believed yet.

Steps 1 and 2 of `dsig.verify`. A shape that is not spelled out here is refused, so that libxmlsec1 never meets a
feature of XML Signature that this platform does not want: a second Reference, Object, Manifest, XPath, XSLT, HMAC.
Source: guide §11; docs/choices.md §11; XML Signature 1.0 §4.
"""

import binascii
import re
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives import hashes
from lxml import etree
from xmlsec import constants

from pfcng.contract.codes import WSMG_02
from pfcng.contract.operations import NAMESPACE
from pfcng.contract.refusal import Refusal
from pfcng.xml.canonical import Canonicalisation
from pfcng.xml.shape import XML_SPACE, child_elements, has_text
from pfcng.xml.soap import DS, SIGNATURE_ENTRIES, SOAP, WSSE, WSU, Envelope

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_WITH_COMMENTS: Final = f"{C14N}#WithComments"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED: Final = f"{DS}enveloped-signature"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"

CANONICALISATIONS: Final = {
    C14N: constants.TransformInclC14N,
    C14N_WITH_COMMENTS: constants.TransformInclC14NWithComments,
    EXCLUSIVE_C14N: constants.TransformExclC14N,
    f"{EXCLUSIVE_C14N}WithComments": constants.TransformExclC14NWithComments,
}
SIGNATURE_METHODS: Final = {
    RSA_SHA256: (constants.TransformRsaSha256, hashes.SHA256()),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": (constants.TransformRsaSha384, hashes.SHA384()),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": (constants.TransformRsaSha512, hashes.SHA512()),
}
DIGEST_METHODS: Final = {
    SHA256: constants.TransformSha256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": constants.TransformSha384,
    "http://www.w3.org/2001/04/xmlenc#sha512": constants.TransformSha512,
}
MAX_CERTIFICATES: Final = 5
"""X509Certificate in a message: a signer's, or a chain from it up."""

_SIGNATURE: Final = f"{{{DS}}}Signature"
_WSSE_ENTRY: Final = f"{{{WSSE}}}Security"
_INCLUSIVE_NAMESPACES: Final = f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"
_CERTIFICATE: Final = f"{{{DS}}}X509Certificate"
_KEY_INFO_CHILDREN: Final = [f"{{{DS}}}{name}" for name in ("X509Data", "KeyName", "KeyValue")]
_X509_DATA_CHILDREN: Final = [
    _CERTIFICATE, *(f"{{{DS}}}{name}" for name in ("X509SubjectName", "X509IssuerSerial", "X509SKI"))
]  # fmt: skip
_FRAGMENT: Final = re.compile(r"#([A-Za-z_][A-Za-z0-9._-]*)")
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")
_COUNT_SOAP: Final = etree.XPath("count(//soap:*)", namespaces={"soap": SOAP})
_COUNT_DS: Final = etree.XPath("count(descendant-or-self::ds:*)", namespaces={"ds": DS})
_COUNT_CONTRACT: Final = etree.XPath("count(.//ws:*)", namespaces={"ws": NAMESPACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A ds:Signature whose shape is right.

    Attributes:
        signature: The element.
        signed_info: Its SignedInfo.
        signed_info_form: How SignedInfo became the octets that were signed.
        signature_hash: The hash function of the RSA signature.
        signature_value: The RSA signature, as claimed.
        identifier: What its one Reference names.
        form: How the Body became octets.
        digest: Name of their hash function, as `hashlib` knows it.
        digest_value: Their digest, as claimed.
        certificates: The DER of its certificates, the signer's first.
    """

    signature: etree._Element
    signed_info: etree._Element
    signed_info_form: Canonicalisation
    signature_hash: hashes.HashAlgorithm
    signature_value: bytes
    identifier: str
    form: Canonicalisation
    digest: str
    digest_value: bytes
    certificates: tuple[bytes, ...]


def signature_refusal(diagnostic: str) -> Refusal:
    """WSMG-00000002; the diagnostic, in printable ASCII, names the step and never reaches a reply's body."""
    return Refusal(WSMG_02, diagnostic=_NOT_PRINTABLE.sub("?", f"signature: {diagnostic}")[:300])


def find_signature(envelope: Envelope) -> etree._Element:
    """Step 1: one signature, in an accepted place, and nothing that could be mistaken for the Body.

    Raises:
        Refusal: WSMG-00000002.
    """
    if envelope.header is None:
        raise signature_refusal("1 place: no Header")
    signatures = list(envelope.root.iter(_SIGNATURE))
    if len(signatures) != 1:
        raise signature_refusal(f"1 place: {len(signatures)} ds:Signature")
    _check_place(signatures[0], envelope.header)
    if _COUNT_DS(envelope.root) != _COUNT_DS(signatures[0]):
        raise signature_refusal("1 place: elements of XML Signature outside of ds:Signature")
    # Envelope, Header, Body: a fourth element of SOAP's is a Body moved or copied elsewhere.
    if _COUNT_SOAP(envelope.root) != 3:
        raise signature_refusal("1 place: elements of SOAP out of their place")
    if _COUNT_CONTRACT(envelope.header):
        raise signature_refusal("1 place: elements of the contract in Header")
    return signatures[0]


def _check_place(signature: etree._Element, header: etree._Element) -> None:
    entries = [entry for entry in header if entry.tag in SIGNATURE_ENTRIES]
    if len(entries) != 1:
        raise signature_refusal(f"1 place: {len(entries)} header entries for a signature")
    [entry] = entries
    if signature is entry:
        return
    if signature.getparent() is not entry or entry.tag == _SIGNATURE:
        raise signature_refusal("1 place: ds:Signature not in an accepted place")
    # WS-Security puts tokens and timestamps beside the signature; SOAP-DSIG nothing.
    beside = {etree.QName(child).namespace for child in _elements(entry) if child is not signature}
    if beside and (entry.tag != _WSSE_ENTRY or not beside <= {WSSE, WSU}):
        raise signature_refusal("1 place: elements beside ds:Signature")


def read_claim(signature: etree._Element) -> Claim:
    """Step 2: the shape of the signature, to the letter, and its algorithms, from the lists above.

    Raises:
        Refusal: WSMG-00000002.
    """
    _check_attributes(signature, optional="Id")
    signed_info, value, key_info = _sequence(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    _check_attributes(signed_info, optional="Id")
    canonicalisation, method, reference = _sequence(
        signed_info, "CanonicalizationMethod", "SignatureMethod", "Reference"
    )
    _check_attributes(value, optional="Id")
    _check_attributes(reference, "URI", optional="Id")
    fragment = _FRAGMENT.fullmatch(reference.get("URI", ""))
    if not fragment:
        raise signature_refusal("2 shape: the Reference is not to a fragment of the message")
    transforms, digest_method, digest_value = _reference_parts(reference)
    _check_attributes(digest_value)
    return Claim(
        signature=signature,
        signed_info=signed_info,
        signed_info_form=_read_canonicalisation(canonicalisation),
        signature_hash=SIGNATURE_METHODS[_bare_algorithm(method, SIGNATURE_METHODS)][1],
        signature_value=_base64(value),
        identifier=fragment[1],
        form=_read_transforms(transforms),
        digest=_bare_algorithm(digest_method, DIGEST_METHODS).rpartition("#")[2],
        digest_value=_base64(digest_value),
        certificates=_read_key_info(key_info),
    )


def _reference_parts(reference: etree._Element) -> tuple[list[etree._Element], etree._Element, etree._Element]:
    if len(_elements(reference)) == 2:
        method, value = _sequence(reference, "DigestMethod", "DigestValue")
        return [], method, value
    transforms, method, value = _sequence(reference, "Transforms", "DigestMethod", "DigestValue")
    _check_attributes(transforms)
    return _elements(transforms), method, value


def _read_transforms(transforms: list[etree._Element]) -> Canonicalisation:
    """Enveloped-signature at most, then one canonicalisation at most; without one it is C14N 1.0.

    A same-document Reference leaves comments out, whatever the algorithm (XML Signature 1.0 §4.3.3.3).
    """
    if any(transform.tag != f"{{{DS}}}Transform" for transform in transforms):
        raise signature_refusal("2 shape: children of Transforms")
    if transforms and transforms[0].get("Algorithm") == ENVELOPED:
        _bare_algorithm(transforms.pop(0), [ENVELOPED])
    match transforms:
        case []:
            return Canonicalisation()
        case [canonicalisation]:
            return replace(_read_canonicalisation(canonicalisation), comments=False)
    raise signature_refusal("2 algorithm: transforms other than enveloped-signature then one canonicalisation")


def _read_canonicalisation(method: etree._Element) -> Canonicalisation:
    algorithm = _algorithm(method, CANONICALISATIONS)
    form = Canonicalisation(exclusive=algorithm.startswith(EXCLUSIVE_C14N), comments=algorithm.endswith("WithComments"))
    children = _elements(method)
    if not form.exclusive or [child.tag for child in children] != [_INCLUSIVE_NAMESPACES]:
        _check_empty(method)
        return form
    _check_attributes(children[0], "PrefixList")
    _check_empty(children[0])
    return replace(form, prefixes=tuple(children[0].get("PrefixList", "").split()))


def _read_key_info(key_info: etree._Element) -> tuple[bytes, ...]:
    """The certificates of KeyInfo; a KeyValue or names beside them count for nothing."""
    _check_attributes(key_info, optional="Id")
    children = _elements(key_info)
    if any(child.tag not in _KEY_INFO_CHILDREN for child in children):
        raise signature_refusal("2 shape: children of KeyInfo")
    data = [item for child in children if child.tag == _KEY_INFO_CHILDREN[0] for item in _elements(child)]
    if any(item.tag not in _X509_DATA_CHILDREN for item in data):
        raise signature_refusal("2 shape: children of X509Data")
    certificates = [item for item in data if item.tag == _CERTIFICATE]
    if not 1 <= len(certificates) <= MAX_CERTIFICATES:
        raise signature_refusal(f"2 shape: {len(certificates)} X509Certificate")
    for certificate in certificates:
        _check_attributes(certificate)
    return tuple(_base64(certificate) for certificate in certificates)


def _bare_algorithm(method: etree._Element, allowed: Container[str]) -> str:
    """The algorithm of an element without parameters (an HMACOutputLength is one)."""
    _check_empty(method)
    return _algorithm(method, allowed)


def _algorithm(method: etree._Element, allowed: Container[str]) -> str:
    _check_attributes(method, "Algorithm")
    algorithm = method.get("Algorithm", "")
    if algorithm not in allowed:
        raise signature_refusal(f"2 algorithm: {_name(method)} {algorithm[:100]}")
    return algorithm


def _sequence(parent: etree._Element, *names: str) -> list[etree._Element]:
    children = _elements(parent)
    if [child.tag for child in children] != [f"{{{DS}}}{name}" for name in names]:
        raise signature_refusal(f"2 shape: children of {_name(parent)}")
    return children


def _elements(parent: etree._Element) -> list[etree._Element]:
    if has_text(parent):
        raise signature_refusal(f"2 shape: text in {_name(parent)}")
    return child_elements(parent)


def _check_attributes(element: etree._Element, *required: str, optional: str = "") -> None:
    if not set(required) <= set(element.keys()) <= {*required, optional}:
        raise signature_refusal(f"2 shape: attributes of {_name(element)}")


def _check_empty(element: etree._Element) -> None:
    if len(element) or has_text(element):
        raise signature_refusal(f"2 shape: content of {_name(element)}")


def _base64(element: etree._Element) -> bytes:
    """The octets of a leaf. Comments count as children: readers disagree on the value around them."""
    try:
        if len(element):
            raise ValueError  # noqa: TRY301 (same answer)
        # XML white space apart, nothing else is tolerated, nor anything after the padding.
        text = (element.text or "").encode("ascii").translate(None, XML_SPACE.encode())
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise signature_refusal(f"2 shape: {_name(element)} is not base64") from None
    if not octets:
        raise signature_refusal(f"2 shape: {_name(element)} is empty")
    return octets


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
