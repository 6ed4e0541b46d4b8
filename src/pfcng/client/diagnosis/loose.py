"""A ds:Signature as it is, allowed or not: what is needed to compute again what its tool has computed."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from lxml import etree

from pfcng.xml.canonical import Canonicalisation, canonical_octets
from pfcng.xml.claim import C14N, DIGEST_METHODS, ENVELOPED, EXCLUSIVE_C14N, MAX_CERTIFICATES, SIGNATURE_METHODS
from pfcng.xml.parsing import MalformedXml
from pfcng.xml.shape import child_elements
from pfcng.xml.soap import DS

_C14N_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
_HASHES: Final = {
    "sha1": hashes.SHA1(),  # noqa: S303 - to say that it was used, not to use it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "md5": hashes.MD5(),  # noqa: S303 - idem
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseSignature:
    """What a ds:Signature says, as far as it can be read; None or empty where it cannot."""

    element: etree._Element
    signed_info: etree._Element | None
    canonicalisation: str
    form: Canonicalisation | None
    method: str
    signature_value: bytes | None
    uri: str | None
    transforms: tuple[str, ...]
    body_form: Canonicalisation | None
    digest_method: str
    digest_value: bytes | None
    certificates: tuple[x509.Certificate, ...]
    unreadable_certificates: int

    @property
    def hash(self) -> hashes.HashAlgorithm | None:
        """The hash function of the signature."""
        return named_hash(self.method)

    @property
    def digest_hash(self) -> hashes.HashAlgorithm | None:
        """The hash function of the Reference."""
        return named_hash(self.digest_method)

    @property
    def allowed(self) -> bool:
        """Whether both methods are on the platform's lists."""
        return self.method in SIGNATURE_METHODS and self.digest_method in DIGEST_METHODS


def read(signature: etree._Element) -> LooseSignature:
    """Read what is there; the first Reference where there are several."""
    info = _child(signature, "SignedInfo")
    reference = _child(info, "Reference")
    transforms = child_elements(found) if (found := _child(reference, "Transforms")) is not None else []
    certificates, unreadable = _certificates(signature)
    c14n = _child(info, "CanonicalizationMethod")
    return LooseSignature(
        element=signature,
        signed_info=info,
        canonicalisation=_algorithm(c14n),
        form=_form(c14n),
        method=_algorithm(_child(info, "SignatureMethod")),
        signature_value=_octets(_child(signature, "SignatureValue")),
        uri=None if reference is None else reference.get("URI"),
        transforms=tuple(_algorithm(one) for one in transforms),
        body_form=_transformed(transforms),
        digest_method=_algorithm(_child(reference, "DigestMethod")),
        digest_value=_octets(_child(reference, "DigestValue")),
        certificates=certificates,
        unreadable_certificates=unreadable,
    )


def named_hash(algorithm: str) -> hashes.HashAlgorithm | None:
    """The hash function that an algorithm's address ends with."""
    name = algorithm.rpartition("#")[2].rpartition("-")[2].lower()
    return _HASHES.get(name)


def digest(function: hashes.HashAlgorithm, octets: bytes) -> bytes:
    """The digest of octets."""
    context = hashes.Hash(function)
    context.update(octets)
    return context.finalize()


def all_hashes() -> Iterator[tuple[str, hashes.HashAlgorithm]]:
    """Every hash function that a tool may have used, by name."""
    yield from _HASHES.items()


def canonical(element: etree._Element | None, form: Canonicalisation | None) -> bytes | None:
    """The canonical octets, or None where there are none."""
    if element is None or form is None:
        return None
    try:
        return canonical_octets(element, form)
    except (MalformedXml, etree.LxmlError, ValueError):
        return None


def _child(parent: etree._Element | None, name: str) -> etree._Element | None:
    if parent is None:
        return None
    return next((child for child in child_elements(parent) if child.tag == f"{{{DS}}}{name}"), None)


def _algorithm(element: etree._Element | None) -> str:
    return "" if element is None else element.get("Algorithm", "")


def _form(method: etree._Element | None) -> Canonicalisation | None:
    algorithm = _algorithm(method)
    if algorithm.startswith(EXCLUSIVE_C14N):
        prefixes = "" if method is None else next((one.get("PrefixList", "") for one in child_elements(method)), "")
        return Canonicalisation(
            exclusive=True, comments=algorithm.endswith("WithComments"), prefixes=tuple(prefixes.split())
        )
    if algorithm.removesuffix("#WithComments") in {C14N, _C14N_11}:
        return Canonicalisation(comments=algorithm.endswith("#WithComments"))
    return None


def _transformed(transforms: list[etree._Element]) -> Canonicalisation | None:
    """How the transforms make octets; None for those that nobody should compute (XPath, XSLT)."""
    form: Canonicalisation | None = Canonicalisation()
    for transform in transforms:
        if _algorithm(transform) == ENVELOPED:
            continue
        form = _form(transform)
        if form is None:
            return None
        # A same-document Reference leaves comments out (XML Signature 1.0 §4.3.3.3).
        form = Canonicalisation(exclusive=form.exclusive, prefixes=form.prefixes)
    return form


def _octets(element: etree._Element | None) -> bytes | None:
    if element is None:
        return None
    try:
        return base64.b64decode("".join("".join(map(str, element.itertext())).split()), validate=True) or None
    except (ValueError, binascii.Error):
        return None


def _certificates(signature: etree._Element) -> tuple[tuple[x509.Certificate, ...], int]:
    found, unreadable = [], 0
    for element in list(signature.iter(f"{{{DS}}}X509Certificate"))[:MAX_CERTIFICATES]:
        try:
            certificate = x509.load_der_x509_certificate(_octets(element) or b"")
            certificate.public_key()
            _ = (certificate.subject, certificate.issuer)
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
            unreadable += 1
        else:
            found.append(certificate)
    return tuple(found), unreadable
