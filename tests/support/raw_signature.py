"""Signatures made by hand, on messages of any shape: what `pfcng.xml.dsig` would never write.

Nothing here imports it: canonical forms come from lxml on documents of their own, or from libxmlsec1.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from support.minimal_pki import Card

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_SEC: Final = "http://schemas.xmlsoap.org/soap/security/2000-12"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WS: Final = "http://www.pfcng.in.com/WS/"
C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
NAMESPACES: Final = {"soap": SOAP, "sec": SOAP_SEC, "ds": DS, "wsse": WSSE, "ws": WS}

BARE: Final = "{signature}"
SOAP_SEC_WRAPPER: Final = f'<sec:Signature xmlns:sec="{SOAP_SEC}" soap:mustUnderstand="1">{{signature}}</sec:Signature>'
WSSE_WRAPPER: Final = f'<wsse:Security xmlns:wsse="{WSSE}" soap:mustUnderstand="1">{{signature}}</wsse:Security>'
RETRAIT: Final = (
    f'<ws:requeteRetraitCertificat xmlns:ws="{WS}"><indiceRetrait>59</indiceRetrait>'
    "<codeRevocation>été &lt; hiver</codeRevocation></ws:requeteRetraitCertificat>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a client lays out a signed message; the defaults are the plainest that is accepted."""

    wrapper: str = SOAP_SEC_WRAPPER
    body_attributes: str = f'xmlns:sec="{SOAP_SEC}" sec:id="Body"'
    uri: str = "#Body"
    envelope_attributes: str = ""
    payload: str = RETRAIT
    canonicalisation: str = f"{C14N}#WithComments"
    canonicalisation_content: str = ""
    transforms: Sequence[str] = (f'<ds:Transform Algorithm="{DS}enveloped-signature"/>',)
    method: str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    digest: str = "http://www.w3.org/2001/04/xmlenc#sha256"
    key_info: str | None = None
    prologue: str = ""

    def unsigned(self, *certificates: Card) -> str:
        """The message with empty DigestValue and SignatureValue."""
        x509_data = "".join(
            f"<ds:X509Certificate>{certificate_text(card)}</ds:X509Certificate>" for card in certificates
        )
        transforms = f"<ds:Transforms>{''.join(self.transforms)}</ds:Transforms>" if self.transforms else ""
        signature = (
            f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
            f'<ds:CanonicalizationMethod Algorithm="{self.canonicalisation}">{self.canonicalisation_content}'
            f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{self.method}"/>'
            f'<ds:Reference URI="{self.uri}">{transforms}<ds:DigestMethod Algorithm="{self.digest}"/><ds:DigestValue/>'
            "</ds:Reference></ds:SignedInfo><ds:SignatureValue/>"
            f"<ds:KeyInfo>{self.key_info or f'<ds:X509Data>{x509_data}</ds:X509Data>'}</ds:KeyInfo></ds:Signature>"
        )
        return (
            f'{self.prologue}<soap:Envelope xmlns:soap="{SOAP}" {self.envelope_attributes}><soap:Header>'
            f"{self.wrapper.format(signature=signature)}</soap:Header>"
            f"<soap:Body {self.body_attributes}>{self.payload}</soap:Body></soap:Envelope>"
        )

    def signed(self, card: Card, *certificates: Card) -> bytes:
        """The message signed by libxmlsec1; ``certificates`` replace the card's in KeyInfo."""
        root = etree.fromstring(self.unsigned(*(certificates or (card,))).encode())
        body = find(root, "soap:Body")
        context = xmlsec.SignatureContext()
        pem = card.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        for name in (name for name, value in body.items() if value == self.uri.removeprefix("#")):
            context.register_id(body, etree.QName(name).localname, etree.QName(name).namespace)
        context.sign(find(root, ".//ds:Signature"))
        return bytes(etree.tostring(root))


def find(root: etree._Element, path: str) -> etree._Element:
    """The one element at ``path``, in the prefixes of `NAMESPACES`."""
    found = root.find(path, NAMESPACES)
    assert found is not None, path
    return found


def certificate_text(card: Card) -> str:
    return b64encode(card.certificate.public_bytes(Encoding.DER)).decode()


def canonical(element: etree._Element) -> bytes:
    """C14N 1.0 of an element that inherits no ``xml:`` attribute."""
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return bytes(etree.tostring(alone, method="c14n", with_comments=False))


def digest_again(root: etree._Element, algorithm: hashes.HashAlgorithm | None = None) -> None:
    """Make DigestValue the digest of the Body as it is now."""
    digest = hashes.Hash(algorithm or hashes.SHA256())
    digest.update(canonical(find(root, "soap:Body")))
    find(root, ".//ds:DigestValue").text = b64encode(digest.finalize()).decode()


def sign_again(root: etree._Element, card: Card, algorithm: hashes.HashAlgorithm | None = None) -> None:
    """Make SignatureValue the card's signature of SignedInfo as it is now."""
    value = card.key.sign(canonical(find(root, ".//ds:SignedInfo")), padding.PKCS1v15(), algorithm or hashes.SHA256())
    find(root, ".//ds:SignatureValue").text = b64encode(value).decode()
