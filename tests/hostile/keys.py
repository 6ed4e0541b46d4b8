"""Families 14 to 18: no signature, another key, another algorithm, another operation."""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from hostile.scene import Family, Message, Scene, Variant, ds_element, new_element
from pfcng.contract.operations import Operation, by_request_element
from support.raw_signature import DS, EXCLUSIVE, WS, WSSE, certificate_text, digest_again, sign_again

MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"


def _no_signature(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    message.root.remove(message.header)
    yield "no Header", message.octets
    message = scene.message()
    message.header.remove(message.entry)
    yield "empty Header", message.octets
    message = scene.message()
    message.entry.remove(message.signature)
    yield "empty entry", message.octets
    message = scene.message()
    for child in list(message.signature):
        message.signature.remove(child)
    yield "empty Signature", message.octets
    message = scene.message()
    message.ds("SignatureValue").text = None
    yield "empty SignatureValue", message.octets
    message = scene.message()
    message.ds("DigestValue").text = None
    yield "empty DigestValue, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("SignatureValue").text = "AAAA"
    yield "short SignatureValue", message.octets
    message = scene.message()
    message.ds("SignatureValue").text = b64encode(bytes(256)).decode()
    yield "SignatureValue of zeros", message.octets
    message = scene.message()
    message.body.replace(message.payload, message.evil_payload())
    yield "evil payload under an old signature", message.octets
    message = scene.message()
    message.body.replace(message.payload, message.evil_payload())
    digest_again(message.root)
    yield "evil payload, digested but not signed", message.octets


def _soap_action(scene: Scene) -> Iterator[Variant]:
    own = by_request_element(etree.QName(scene.message().payload).localname)
    for action in (
        *(operation.soap_action for operation in Operation if operation is not own),
        "autre",
        f"{WS}x",
        "''",
    ):
        yield action, scene.octets, {"SOAPAction": f'"{action}"'}
        yield f"{action} without quotes", scene.octets, {"SOAPAction": action}


def _certificates(scene: Scene) -> Iterator[Variant]:
    message = scene.message()
    sign_again(message.root, scene.stranger)
    yield "signed by another key", message.octets
    stranger, signer = certificate_text(scene.stranger), certificate_text(scene.signer)
    for label, certificates in {
        "the stranger's": [stranger],
        "the stranger's then the signer's": [stranger, signer],
        "the signer's then the stranger's": [signer, stranger],
        "the signer's twice": [signer, signer],
        "none": [],
        "cut short": [signer[:-40]],
        "not base64": [f"{signer[:-4]}****"],
        "with text after its padding": [f"{signer}===AAAA"],
        "empty": [""],
        "garbage": [b64encode(b"garbage").decode()],
        "twenty": [signer] * 20,
    }.items():
        for key in (scene.stranger, scene.signer):
            message = scene.message()
            data = message.ds("X509Data")
            for item in list(data):
                data.remove(item)
            for certificate in certificates:
                data.append(ds_element("X509Certificate", certificate))
            sign_again(message.root, key)
            yield f"{label}, signed by the {'stranger' if key is scene.stranger else 'signer'}", message.octets
    numbers = scene.stranger.key.public_key().public_numbers()
    key_value, rsa_value = ds_element("KeyValue"), ds_element("RSAKeyValue")
    key_value.append(rsa_value)
    rsa_value.append(ds_element("Modulus", b64encode(numbers.n.to_bytes(256)).decode()))
    rsa_value.append(ds_element("Exponent", b64encode(numbers.e.to_bytes(3)).decode()))
    for label in ("alone", "before X509Data", "after X509Data"):
        message = scene.message()
        if label == "alone":
            message.key_info.remove(message.key_info[0])
        message.key_info.insert(0 if "before" in label else len(message.key_info), deepcopy(key_value))
        sign_again(message.root, scene.stranger)
        yield f"KeyValue {label}, signed by the stranger", message.octets
    for child in (
        ds_element("RetrievalMethod", URI=scene.canary.as_uri(), Type=f"{DS}rawX509Certificate"),
        ds_element("KeyName", "signer"),
        ds_element("PGPData"),
        new_element(f"{{{WSSE}}}SecurityTokenReference"),
        new_element("{http://www.w3.org/2009/xmldsig11#}KeyInfoReference", URI="#Body"),
    ):
        message = scene.message()
        message.key_info.replace(message.key_info[0], deepcopy(child))
        yield f"{etree.QName(child).localname} alone", message.octets
    message = scene.message()
    data = message.ds("X509Data")
    data.remove(message.ds("X509Certificate"))
    yield "X509SubjectName alone", message.octets


def _hmac(scene: Scene) -> Iterator[Variant]:
    public_key = scene.signer.key.public_key()
    secrets = {
        "public key in DER": public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "public key in PEM": public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "PKCS#1 key": public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "certificate": scene.signer.certificate.public_bytes(Encoding.DER),
        "empty secret": b"",
    }
    for name, digest in ((f"{MORE}hmac-sha256", "sha256"), (f"{DS}hmac-sha1", "sha1")):
        for label, secret in secrets.items():
            message = scene.message()
            message.ds("SignatureMethod").set("Algorithm", name)
            message.ds("SignatureValue").text = _mac(message, secret, digest)
            yield f"{name.rpartition('#')[2]}, {label}", message.octets
    for length in ("0", "1", "8", "128"):
        message = scene.message()
        method = message.ds("SignatureMethod")
        method.set("Algorithm", f"{MORE}hmac-sha256")
        method.append(ds_element("HMACOutputLength", length))
        message.ds("SignatureValue").text = _mac(message, secrets["public key in DER"], "sha256")
        yield f"HMACOutputLength {length}", message.octets
        message = scene.message()
        message.ds("SignatureMethod").append(ds_element("HMACOutputLength", length))
        yield f"HMACOutputLength {length} with RSA, signed again", scene.sealed(message)


def _mac(message: Message, secret: bytes, digest: str) -> str:
    signed_info = etree.tostring(etree.fromstring(etree.tostring(message.signed_info)), method="c14n")
    return b64encode(hmac.digest(secret, bytes(signed_info), digest)).decode()


def _algorithms(scene: Scene) -> Iterator[Variant]:
    for label, name, algorithm in (
        ("rsa-sha1", f"{DS}rsa-sha1", hashes.SHA1()),  # noqa: S303 (what has to be refused)
        ("rsa-sha224", f"{MORE}rsa-sha224", hashes.SHA224()),
        ("rsa-sha256 in capitals", f"{MORE}RSA-SHA256", hashes.SHA256()),
        ("rsa-sha256 with a space", f"{MORE}rsa-sha256 ", hashes.SHA256()),
        ("rsa-md5", f"{MORE}rsa-md5", hashes.SHA256()),
        ("rsa-ripemd160", f"{MORE}rsa-ripemd160", hashes.SHA256()),
        ("rsa-pss", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", hashes.SHA256()),
        ("dsa", f"{DS}dsa-sha1", hashes.SHA256()),
        ("ecdsa", f"{MORE}ecdsa-sha256", hashes.SHA256()),
        ("none", "", hashes.SHA256()),
        ("unknown", "urn:evil", hashes.SHA256()),
    ):
        message = scene.message()
        message.ds("SignatureMethod").set("Algorithm", name)
        sign_again(message.root, scene.signer, algorithm)
        yield f"signature {label}, signed again", message.octets
    for label, name, digest in (
        ("sha1", f"{DS}sha1", hashes.SHA1()),  # noqa: S303 (idem)
        ("md5", f"{MORE}md5", hashes.MD5()),  # noqa: S303 (idem)
        ("sha224", f"{MORE}sha224", hashes.SHA224()),
        ("sha3", "http://www.w3.org/2007/05/xmldsig-more#sha3-256", hashes.SHA3_256()),
        ("unknown", "urn:evil", hashes.SHA256()),
        ("none", "", hashes.SHA256()),
    ):
        message = scene.message()
        message.ds("DigestMethod").set("Algorithm", name)
        digest_again(message.root, digest)
        yield f"digest {label}, signed again", scene.sealed(message)
    for name in ("urn:evil", "", "http://www.w3.org/2010/xml-c14n2", "http://www.w3.org/2006/12/xml-c14n11"):
        message = scene.message()
        message.ds("CanonicalizationMethod").set("Algorithm", name)
        yield f"canonicalisation {name!r}, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("CanonicalizationMethod").append(new_element(f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList="ds"))
    yield "PrefixList with inclusive canonicalisation, signed again", scene.sealed(message)
    message = scene.message()
    message.ds("SignatureMethod").set("Other", "1")
    yield "unknown attribute, signed again", scene.sealed(message)


FAMILIES: Final[dict[int, Family]] = {
    14: Family(title="no signature", variants=_no_signature),
    15: Family(title="SOAPAction", variants=_soap_action),
    16: Family(title="certificate that is not the key's", variants=_certificates),
    17: Family(title="HMAC", variants=_hmac),
    18: Family(title="algorithms", variants=_algorithms),
}
