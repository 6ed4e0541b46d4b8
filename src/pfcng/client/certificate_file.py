"""The file that receives a certificate: complete or not there, and never in the place of something else."""

import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.client.files import create

_PUBLIC = 0o644


class OccupiedFile(Exception):
    """The file holds something else than the certificate; its text is a French sentence."""


def check(file: Path) -> None:
    """Make sure, before a certificate is asked for, that it could be written to ``file``.

    Raises:
        OccupiedFile: The file exists and is not a certificate.
        OSError: Its folder does not exist or cannot be written to.
    """
    if os.path.lexists(file):
        _existing(file)
    elif not file.parent.is_dir():
        raise FileNotFoundError(file.parent)
    elif not os.access(file.parent, os.W_OK):
        raise PermissionError(file.parent)


def write(file: Path, certificate: x509.Certificate) -> None:
    """Write a certificate as PEM, all of it or nothing; when the file holds this certificate already, leave it.

    Raises:
        OccupiedFile: The file holds something else.
        OSError: The file cannot be written.
    """
    if os.path.lexists(file):
        if _existing(file) != certificate:
            raise OccupiedFile(f"Le fichier {file} contient un autre certificat ; il n’a pas été remplacé.")
        return
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        create(draft, certificate.public_bytes(Encoding.PEM), _PUBLIC)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _existing(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise OccupiedFile(f"{file} existe et n’est pas un certificat ; il n’a pas été remplacé.") from error
