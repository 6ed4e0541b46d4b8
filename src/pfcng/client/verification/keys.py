"""The key of a CSR: whether the platform will certify it, and whether it was used before.

A key that was presented once is refused for ever (guide §17.4), so what is at hand, certificates, CSRs and keys in a
folder, is worth comparing with.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from pfcng.client.verification.remarks import Remark, fault, note
from pfcng.contract import codes
from pfcng.contract.codes import Raison
from pfcng.contract.refusal import Refusal
from pfcng.pki import csr, names

_MAX_BYTES: Final = 1 << 20
_NO_SUBJECT: Final = "Demande"
"""What the client writes where a subject must stand (`client.csr`)."""
_WEAKNESSES: Final = {
    "RSA key of": f"la plateforme certifie des clés RSA de {', '.join(map(str, csr.RSA_SIZES))} bits",
    "not an RSA key": "la plateforme ne certifie que des clés RSA",
    "public exponent": f"son exposant public doit être impair et valoir au moins {csr.MIN_EXPONENT}",
    "small factor": "son module a un petit facteur : elle est cassée",
    "ROCA": "elle vient d’un générateur défectueux (ROCA, CVE-2017-15361)",
    "close factors": "les facteurs de son module sont trop proches : elle se casse en un instant",
}
"""What `csr.find_weakness` says, in French."""


def csr_remarks(text: str, seen: Mapping[bytes, str]) -> Iterator[Remark]:
    """What is to be said of a CSR.

    Args:
        text: PEM or bare base64, as the contract carries it.
        seen: Where each known key was seen, by `csr.fingerprint`.
    """
    try:
        key = csr.read(text)
    except Refusal as refusal:
        yield fault("CSR", explain(refusal), refusal.code)
        return
    if key.fingerprint in seen:
        place = seen[key.fingerprint]
        yield fault(
            "CSR", f"La clé a déjà servi ({place}) : une clé ne se présente qu’une fois. Faites-en une.", codes.WSMG_09
        )


def subject_note(text: str, common_name: str | None) -> Iterator[Remark]:
    """The subject of a CSR counts for nothing: say so where it looks as if somebody counted on it."""
    try:
        name = names.first(csr.load(text).subject, x509.NameOID.COMMON_NAME)
    except (Refusal, ValueError):
        return
    if name and common_name and name not in {common_name, _NO_SUBJECT}:
        yield note("CSR", f"Le sujet de la CSR (CN={name}) est ignoré : le certificat portera CN={common_name}.")


def explain(refusal: Refusal) -> str:
    """Why a CSR is refused, in French."""
    if refusal.code is codes.WSMG_05:
        return f"La CSR est trop longue ({refusal.diagnostic.split()[0]} caractères de base64)."
    if refusal.raison == Raison.CLE_NON_ACCEPTEE:
        reason = next((french for english, french in _WEAKNESSES.items() if english in refusal.diagnostic), "")
        return f"La clé n’est pas acceptée : {reason or refusal.diagnostic}."
    if refusal.raison == Raison.CSR_SIGNATURE:
        return f"{refusal.raison} Elle doit être faite par sa propre clé, avec SHA-224 à SHA-512."
    return str(refusal.raison)


def known_keys(places: Iterable[Path]) -> dict[bytes, str]:
    """The RSA keys of the certificates, CSRs and clear private keys in files and folders, and where they were seen."""
    seen: dict[bytes, str] = {}
    for place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and file.stat().st_size <= _MAX_BYTES:
                for key in _public_keys(file.read_bytes()):
                    seen.setdefault(csr.fingerprint(key), str(file))
    return seen


def _public_keys(content: bytes) -> Iterator[rsa.RSAPublicKey]:
    readers = (
        lambda: [one.public_key() for one in x509.load_pem_x509_certificates(content)],
        lambda: [x509.load_der_x509_certificate(content).public_key()],
        lambda: [x509.load_pem_x509_csr(content).public_key()],
        lambda: [x509.load_der_x509_csr(content).public_key()],
        lambda: [load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=True).public_key()],
        lambda: [load_der_private_key(content, None, unsafe_skip_rsa_key_validation=True).public_key()],
    )
    for read in readers:
        try:
            found = read()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        yield from (key for key in found if isinstance(key, rsa.RSAPublicKey))
        return
