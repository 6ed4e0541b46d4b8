"""The work of ``pfcng demander`` and ``pfcng retirer``: from a profile and options to an outcome."""

import shlex
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509

from pfcng.cli.output import Outcome, Status
from pfcng.cli.work.failure import failure, maybe_received, never_sent, usage
from pfcng.cli.work.session import load_profile
from pfcng.client import (
    Client,
    ClientError,
    Reference,
    RefusedError,
    Retrait,
    certificate_file,
    csr,
)
from pfcng.client.exchanges import OK
from pfcng.client.explanations import one_line
from pfcng.client.files import file_fault
from pfcng.contract.catalogue import Product
from pfcng.contract.messages import DemandeCertificat, ReponseDemandeCertificats
from pfcng.contract.paris import PARIS
from pfcng.pki import names

MAX_CODE_CHARACTERS: Final = 64
"""Guide §15.1 table 13."""


def demander(profile: Path, demande: DemandeCertificat, *, csr_file: Path | None, key_file: Path | None) -> Outcome:
    """Order one certificate for a CSR that exists (``csr_file``) or for a key to be made (``key_file``)."""
    data: dict[str, object] = {
        "operation": "demanderCertificats",
        **dict.fromkeys(("indice_lot", "indice_demande", "indice_retrait", "cle")),
    }
    match csr_file, key_file:
        case Path() as file, None:
            make_csr = partial(csr.read, file)
        case None, Path() as file:
            make_csr = partial(csr.generate, file)
        case _:
            return usage("Donnez soit --csr, soit --generer-cle.", data)
    try:
        with Client(load_profile(profile)) as client:
            try:
                pem = make_csr()
            except OSError as error:
                return usage(f"Le fichier {file} ne convient pas : {file_fault(error)}.", data)
            except csr.UnreadableCsr as error:
                return usage(str(error), data)
            data["cle"] = str(key_file) if key_file else None
            reply = client.demander_certificats([replace(demande, csr=pem)])
    except ClientError as error:
        if key_file and data["cle"] and never_sent(error):
            key_file.unlink()  # nobody has seen its CSR: the same command can be given again
            data["cle"] = None
        return failure(error, data, headline="La demande est refusée.", advice=_demande_advice(error, data["cle"]))
    return _demande_outcome(reply, profile, Product(demande.offre, demande.usage), data)


def retirer(profile: Path, indice: str, code: str, sortie: Path, *, id_nat_tiers: str | None) -> Outcome:
    """Withdraw the certificate of a demande and write it to ``sortie``."""
    data: dict[str, object] = {"operation": "retirerCertificat", **dict.fromkeys(_CERTIFICATE_KEYS)}
    if not 1 <= len(code) <= MAX_CODE_CHARACTERS:
        return usage(f"Donnez un code de révocation de 1 à {MAX_CODE_CHARACTERS} caractères.", data)
    try:
        certificate_file.check(sortie)
    except (certificate_file.OccupiedFile, OSError) as error:
        return usage(_unwritable(sortie, error), data)
    try:
        with Client(load_profile(profile)) as client:
            retrait = client.retirer_certificat(indice, code, id_nat_tiers)
    except ClientError as error:
        advice = "Relancez la même commande : le même certificat sera rendu." if maybe_received(error) else ""
        return failure(error, data, headline="Le retrait est refusé.", advice=advice)
    data |= {"code": OK, **_described(retrait.certificate)}
    try:
        certificate_file.write(sortie, retrait.certificate)
    except (certificate_file.OccupiedFile, OSError) as error:
        advice = "Relancez avec un autre --sortie : le même certificat sera rendu."
        return usage(_unwritable(sortie, error), data, advice=advice)
    return _retrait_outcome(retrait, sortie, data)


def _unwritable(sortie: Path, error: certificate_file.OccupiedFile | OSError) -> str:
    if isinstance(error, OSError):
        return f"Le fichier {sortie} ne peut pas être écrit : {file_fault(error)}."
    return str(error)


def _demande_outcome(
    reply: ReponseDemandeCertificats, profile: Path, product: Product, data: dict[str, object]
) -> Outcome:
    demande = reply.demandes[0]
    data |= {
        "code": demande.statut_demande,
        "message": one_line(demande.message),
        "indice_lot": reply.indice_lot or None,
        "indice_demande": demande.indice_demande,
        "indice_retrait": demande.indice_retrait,
    }
    if demande.statut_demande != OK:
        error = RefusedError(demande.statut_demande, demande.message, reply)
        return failure(error, data, headline="La demande est refusée.", advice=_demande_advice(error, data["cle"]))
    lines = [
        ("Produit", product.label),
        ("Lot", reply.indice_lot or ""),
        ("Demande", demande.indice_demande or ""),
        ("Indice de retrait", demande.indice_retrait or ""),
    ]
    if data["cle"]:
        lines.append(("Clé privée", str(data["cle"])))
    command = ["pfcng", "retirer", "--profil", str(profile), "--indice", demande.indice_retrait or "", "--sortie"]
    return Outcome(
        status=Status.DONE,
        headline="La demande est acceptée.",
        lines=tuple(lines),
        advice=f"Pour retirer le certificat : {shlex.join(command)} FICHIER",
        data=data,
    )


def _retrait_outcome(retrait: Retrait, sortie: Path, data: dict[str, object]) -> Outcome:
    certificate = retrait.certificate
    data |= {"message": one_line(retrait.reply.message), "certificat": str(sortie)}
    return Outcome(
        status=Status.DONE,
        headline="Le certificat est retiré.",
        lines=(
            ("Fichier", str(sortie)),
            ("Sujet", str(data["sujet"])),
            ("Émetteur", str(data["emetteur"])),
            ("Numéro de série", str(data["numero_serie"])),
            ("AKI", str(data["aki"] or "absent")),
            ("Début de validité", _moment(certificate.not_valid_before_utc)),
            ("Fin de validité", _moment(certificate.not_valid_after_utc)),
        ),
        data=data,
    )


_CERTIFICATE_KEYS: Final = (
    "certificat",
    "numero_serie",
    "aki",
    "sujet",
    "emetteur",
    "debut_validite",
    "fin_validite",
)


def _described(certificate: x509.Certificate) -> dict[str, object]:
    """What a révocation or a renouvellement asks for (guide §16.1), and what a person recognises."""
    return {
        "numero_serie": f"{certificate.serial_number:X}",
        "aki": _aki(certificate),
        "sujet": one_line(names.rfc4514(certificate.subject)),
        "emetteur": one_line(names.rfc4514(certificate.issuer)),
        "debut_validite": certificate.not_valid_before_utc.isoformat(),
        "fin_validite": certificate.not_valid_after_utc.isoformat(),
    }


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(PARIS):%d/%m/%Y %H:%M} (heure de Paris)"


def _aki(certificate: x509.Certificate) -> str | None:
    try:
        return Reference.of(certificate).aki
    except ValueError:
        return None


def _demande_advice(error: ClientError, key_file: object) -> str:
    advice = []
    if maybe_received(error):
        advice.append("La demande a peut-être été enregistrée : vérifiez-le (e-mails, suivi) avant de la renouveler.")
    if key_file:
        keep = "gardez-la jusque-là" if advice else "pour recommencer, donnez un autre fichier à --generer-cle"
        advice.append(f"La clé privée créée reste dans {key_file} ; {keep}.")
    return "\n".join(advice)
