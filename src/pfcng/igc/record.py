"""The procès-verbal of a ceremony: what was made, in French, signed by the roots (CMS, detached)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from pfcng.contract.catalogue import Environment
from pfcng.igc.ceremony import Made
from pfcng.pki import names

RECORD: Final = "proces-verbal.txt"
SIGNATURE: Final = "proces-verbal.p7s"


def describe(made: Made) -> list[tuple[str, str]]:
    """What is to be known of an authority, label and value."""
    certificate = made.certificate
    public_key = certificate.public_key()
    size = f"RSA de {public_key.key_size} bits" if isinstance(public_key, rsa.RSAPublicKey) else ""
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_lines = [
        ("Clé", made.reservation.key),
        ("", f"{size}{', qui existait avant la cérémonie' if made.reservation.existed else ''}"),
    ]
    return [
        ("Nom", names.rfc4514(certificate.subject)),
        ("Émetteur", names.rfc4514(certificate.issuer)),
        ("Numéro de série", f"{certificate.serial_number:X}"),
        ("Valide", f"du {_moment(certificate.not_valid_before_utc)} au {_moment(certificate.not_valid_after_utc)}"),
        ("Empreinte SHA-256", fingerprint(certificate.fingerprint(hashes.SHA256()))),
        ("Empreinte de la clé", fingerprint(_sha256(spki))),
        *key_lines,
    ]


def write_record(
    *,
    environment: Environment,
    made: Iterable[Made],
    crls: Sequence[tuple[str, x509.CertificateRevocationList]],
    participants: Iterable[str],
    now: datetime,
) -> str:
    """The procès-verbal.

    Args:
        environment: Of the hierarchy.
        made: Every authority.
        crls: Stem and CRL of each root.
        participants: Who was there.
        now: When it is written.
    """
    lines = [
        f"Procès-verbal de cérémonie des clés, IGC-Santé, environnement {environment}",
        f"Écrit le {_moment(now)}",
        *(f"Participant : {name}" for name in participants),
    ]
    for one in made:
        lines += ["", one.name.file_stem, *(f"  {label:<20}{value}".rstrip() for label, value in describe(one))]
    return "\n".join([*lines, *_crl_lines(crls), ""])


def write_crl_record(
    *,
    crls: Sequence[tuple[str, x509.CertificateRevocationList]],
    withdrawn: Sequence[tuple[x509.Certificate, str]],
    participants: Iterable[str],
    now: datetime,
) -> str:
    """The procès-verbal of CRLs that were made again.

    Args:
        crls: Stem and CRL of each root.
        withdrawn: Each authority that was revoked, and why.
        participants: Who was there.
        now: When it is written.
    """
    lines = [
        "Procès-verbal des CRL des racines, IGC-Santé",
        f"Écrit le {_moment(now)}",
        *(f"Participant : {name}" for name in participants),
    ]
    for certificate, reason in withdrawn:
        lines += ["", f"AC révoquée ({reason})", f"  {names.rfc4514(certificate.subject)}"]
        lines += [f"  numéro de série {certificate.serial_number:X}"]
    return "\n".join([*lines, *_crl_lines(crls), ""])


def _crl_lines(crls: Sequence[tuple[str, x509.CertificateRevocationList]]) -> list[str]:
    lines = ["", "CRL des racines"]
    for stem, crl in crls:
        until = crl.next_update_utc
        lines.append(f"  {stem}.crl, jusqu’au {_moment(until) if until else '?'}, révocations : {len(crl)}")
        lines.append(f"  {fingerprint(crl.fingerprint(hashes.SHA256()))}")
    return lines


def sign_record(content: bytes, signers: Iterable[tuple[x509.Certificate, rsa.RSAPrivateKey]]) -> bytes:
    """A detached CMS signature by each root, in one DER file.

    Raises:
        KeyUnavailable: a key cannot sign now.
    """
    builder = PKCS7SignatureBuilder().set_data(content)
    for certificate, key in signers:
        builder = builder.add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])


def fingerprint(digest: bytes) -> str:
    """In pairs, to be read aloud."""
    return digest.hex(":").upper()


def _sha256(content: bytes) -> bytes:
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(content)
    return hasher.finalize()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d/%m/%Y %H:%M:%S} UTC"
