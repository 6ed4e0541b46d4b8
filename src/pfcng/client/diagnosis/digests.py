"""The two computations of a signature: the digest of the Body, and the signature of SignedInfo."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from pfcng.client.diagnosis import loose
from pfcng.client.diagnosis.hypotheses import candidates
from pfcng.client.diagnosis.loose import LooseSignature
from pfcng.client.diagnosis.steps import State, Step
from pfcng.pki import names

_PREFIXES: Final = {
    "sha1": "3021300906052b0e03021a05000414",
    "sha224": "302d300d06096086480165030402040500041c",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
    "md5": "3020300c06082a864886f70d020505000410",
}
"""What precedes a digest inside an RSA signature, by hash function (RFC 8017 §9.2)."""


def digest_step(
    signature: LooseSignature, target: etree._Element | None, octets: bytes | None, raw: bytes, identifier: str | None
) -> Step:
    """Whether DigestValue is the digest of what the Reference names."""
    name, title = "condense", "Condensé du Body"
    function = signature.digest_hash
    if target is None or octets is None or function is None or signature.digest_value is None:
        text = "Le condensé ne peut pas être calculé : la référence, ses transformations ou son algorithme manquent."
        return Step(name=name, title=title, state=State.BAD, text=text)
    expected = loose.digest(function, octets)
    details = {"Condensé attendu": _shown(expected), "Condensé du message": _shown(signature.digest_value)}
    if expected == signature.digest_value:
        return Step(name=name, title=title, state=State.GOOD, details=details)
    slip = _digest_slip(signature, expected, candidates(target, raw, identifier))
    text = slip or "Le Body a été modifié après sa signature, ou n’a pas été canonisé comme la Reference le dit."
    return Step(name=name, title=title, state=State.BAD, text=text, details=details)


def _digest_slip(signature: LooseSignature, expected: bytes, tried: Iterable[tuple[str, bytes]]) -> str | None:
    claimed = signature.digest_value or b""
    if claimed.lower() == expected.hex().encode():
        return "DigestValue est le condensé en hexadécimal, mis en base64 : ce sont ses octets qu’il faut coder."
    for slip, octets in tried:
        for name, function in loose.all_hashes():
            if loose.digest(function, octets) == claimed:
                return f"Votre outil a condensé {slip}, en {name.upper()}."
    return None


def signature_step(signature: LooseSignature, octets: bytes | None, body: bytes | None, raw: bytes) -> Step:
    """Whether SignatureValue is the signature of SignedInfo by the key of the certificate."""
    name, title = "signature", "Signature de SignedInfo"
    value, function = signature.signature_value, signature.hash
    if octets is None or value is None or function is None or not signature.certificates:
        text = (
            "La signature ne peut pas être vérifiée : SignedInfo, sa valeur, son algorithme ou le certificat manquent."
        )
        return Step(name=name, title=title, state=State.BAD, text=text)
    details = {"Condensé de SignedInfo attendu": _shown(loose.digest(function, octets))}
    signer = signature.certificates[0]
    if _verifies(signer, value, octets, function):
        return Step(name=name, title=title, state=State.GOOD, details=details)
    opened = _opened(signer, value)
    if opened is None:
        return Step(
            name=name, title=title, state=State.BAD, text=_other_key(signature, octets, function), details=details
        )
    inside, algorithm = opened
    details["Condensé signé"] = f"{_shown(inside)} ({algorithm.upper()})"
    text = _signature_slip(signature, inside, algorithm, octets=octets, body=body, raw=raw)
    return Step(name=name, title=title, state=State.BAD, text=text, details=details)


def _signature_slip(
    signature: LooseSignature, inside: bytes, algorithm: str, *, octets: bytes, body: bytes | None, raw: bytes
) -> str:
    by_name = dict(loose.all_hashes())
    if inside == loose.digest(by_name[algorithm], octets):
        return f"SignedInfo a été signé avec {algorithm.upper()}, mais SignatureMethod annonce « {signature.method} »."
    if inside == signature.digest_value or (body is not None and inside == loose.digest(by_name[algorithm], body)):
        return "Votre outil a signé le Body lui-même : c’est SignedInfo, qui en porte le condensé, qu’il faut signer."
    if inside == loose.digest(by_name[algorithm], loose.digest(by_name[algorithm], octets)):
        return "Votre outil a condensé deux fois : la fonction de signature condense déjà SignedInfo."
    if signature.signed_info is not None:
        for slip, tried in candidates(signature.signed_info, raw):
            if inside == loose.digest(by_name[algorithm], tried):
                return f"Pour SignedInfo, votre outil a signé {slip}."
    return "La clé est la bonne, mais SignedInfo a changé, ou n’a pas été canonisé comme CanonicalizationMethod le dit."


def _other_key(signature: LooseSignature, octets: bytes, function: hashes.HashAlgorithm) -> str:
    value, signer = signature.signature_value or b"", signature.certificates[0]
    for other in signature.certificates[1:]:
        if _verifies(other, value, octets, function):
            subject = names.rfc4514(other.subject)
            return f"La signature est de la clé de {subject} : son certificat doit être le premier de KeyInfo."
    if _verifies(signer, value, octets, function, pss=True):
        return "La signature est faite en RSA-PSS, mais SignatureMethod annonce PKCS#1 v1.5."
    key = signer.public_key()
    if isinstance(key, rsa.RSAPublicKey) and len(value) != key.key_size // 8:
        return f"SignatureValue a {len(value)} octets : une signature de cette clé en a {key.key_size // 8}."
    subject = names.rfc4514(signer.subject)
    return (
        f"La signature n’est pas faite par la clé du certificat {subject}. Une carte a deux clés : celle de signature "
        "va avec le certificat de signature."
    )


def _verifies(
    certificate: x509.Certificate, value: bytes, octets: bytes, function: hashes.HashAlgorithm, *, pss: bool = False
) -> bool:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    scheme = padding.PSS(padding.MGF1(function), padding.PSS.AUTO) if pss else padding.PKCS1v15()
    try:
        key.verify(value, octets, scheme, function)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _opened(certificate: x509.Certificate, value: bytes) -> tuple[bytes, str] | None:
    """The digest inside a PKCS#1 v1.5 signature of that key, and its hash function."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    try:
        info = key.recover_data_from_signature(value, padding.PKCS1v15(), None)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return None
    return next(_matches(info), None)


def _matches(info: bytes) -> Iterator[tuple[bytes, str]]:
    for name, prefix in _PREFIXES.items():
        octets = bytes.fromhex(prefix)
        if info.startswith(octets) and len(info) == len(octets) + octets[-1]:
            yield info[len(octets) :], name


def _shown(octets: bytes) -> str:
    return b64encode(octets).decode()[:120]
