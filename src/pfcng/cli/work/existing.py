"""The work of ``pfcng revoquer``, and of ``pfcng renouveler`` without a folder."""

import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509

from pfcng.cli.certificate_options import Target
from pfcng.cli.output import Outcome, Status
from pfcng.cli.work.asking import is_agreed
from pfcng.cli.work.failure import failure, maybe_received, never_sent, usage
from pfcng.cli.work.session import load_profile
from pfcng.client import Client, ClientError, Profile, Reference, csr
from pfcng.client.dossier import Dossier
from pfcng.client.files import file_fault
from pfcng.client.listing import today
from pfcng.contract.catalogue import Motif
from pfcng.pki.bundles import read_certificates


class TargetFault(ClientError):
    """The options name no certificate, or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    reference: Reference
    profile: Profile
    mails: tuple[str, str]
    tiers: str | None
    dossier: Dossier | None

    @property
    def mail_options(self) -> dict[str, str]:
        return {"mail_demandeur": self.mails[0], "mail_personne_a_informer": self.mails[1]}


_ASK: Final = "La révocation est définitive. Révoquer le certificat {serie} ?"


def revoquer(target: Target, motif: Motif, *, description: str | None, day: date | None, confirmed: bool) -> Outcome:
    """Revoke a certificate, once that was confirmed."""
    data: dict[str, object] = {
        "operation": "revoquerCertificat",
        **dict.fromkeys(("aki", "numero_serie")),
        "motif": motif.value,
        "date_effet": day.isoformat() if day else None,
    }
    if (motif is Motif.AUTRE) != (description is not None):
        return usage("Donnez --description avec le motif AUTRE, et seulement avec lui.", data)
    try:
        found = _resolve(target)
        data |= {"aki": found.reference.aki, "numero_serie": found.reference.numero_serie}
        if not (confirmed or _confirm(found.reference.numero_serie)):
            return usage("Rien n’est fait : confirmez avec --oui, ou dans un terminal.", data)
        with Client(found.profile) as client:
            client.revoquer_certificat(
                found.reference,
                motif,
                autre_description=description,
                date_effet=day,
                id_nat_tiers=found.tiers,
                **found.mail_options,
            )
    except ClientError as error:
        advice = "La révocation a peut-être été enregistrée : « pfcng suivre --type DEMANDES_REVOCATION » le dit."
        return failure(
            error, data, headline="La révocation est refusée.", advice=advice if maybe_received(error) else ""
        )
    if found.dossier is not None:
        replace(found.dossier, revocation=((day or today()).isoformat(), motif.value)).save()
    when = f"au {day:%d/%m/%Y}" if day else "tout de suite"
    return Outcome(
        status=Status.DONE,
        headline=f"La révocation est enregistrée, {when}.",
        lines=(("Numéro de série", found.reference.numero_serie), ("Motif", motif.value)),
        data={**data, "code": "OK"},
    )


def renouveler(target: Target, *, csr_file: Path | None, key_file: Path | None) -> Outcome:
    """Renew a certificate that no folder holds: the answer is an index for ``pfcng retirer``."""
    keys = ("aki", "numero_serie", "indice_retrait", "cle")
    data: dict[str, object] = {"operation": "renouvelerCertificat", **dict.fromkeys(keys)}
    if (csr_file is None) == (key_file is None) or target.dossier is not None:
        return usage("Donnez soit un dossier seul, soit un certificat et --csr ou --generer-cle.", data)
    make_csr = partial(csr.read, csr_file) if csr_file else partial(csr.generate, key_file or Path())
    try:
        found = _resolve(target)
        try:
            pem = make_csr()
        except OSError as error:
            return usage(f"Le fichier {csr_file or key_file} ne convient pas : {file_fault(error)}.", data)
        except csr.UnreadableCsr as error:
            return usage(str(error), data)
        data |= {"aki": found.reference.aki, "numero_serie": found.reference.numero_serie}
        data["cle"] = str(key_file) if key_file else None
        with Client(found.profile) as client:
            reply = client.renouveler_certificat(found.reference, pem, id_nat_tiers=found.tiers, **found.mail_options)
    except ClientError as error:
        if key_file and data["cle"] and never_sent(error):
            key_file.unlink()  # nobody has seen its CSR: the same command can be given again
            data["cle"] = None
        advice = "Le renouvellement a peut-être été enregistré : vérifiez-le (e-mails, « pfcng suivre »)."
        return failure(
            error, data, headline="Le renouvellement est refusé.", advice=advice if maybe_received(error) else ""
        )
    command = ["pfcng", "retirer", "--profil", str(target.profil), "--indice", reply.indice_retrait or "", "--sortie"]
    return Outcome(
        status=Status.DONE,
        headline="Le renouvellement est accepté.",
        lines=(("Indice de retrait", reply.indice_retrait or ""),),
        advice=f"Pour retirer le certificat : {shlex.join(command)} FICHIER",
        data={**data, "code": "OK", "indice_retrait": reply.indice_retrait},
    )


def _confirm(serial: str) -> bool:
    return sys.stdin.isatty() and is_agreed(_ASK.format(serie=serial), err=True)


def _resolve(target: Target) -> _Resolved:
    """Raises: ClientError."""
    if target.is_ambiguous:
        raise TargetFault("Donnez soit un dossier, soit --certificat, soit --aki et --serie.")
    dossier = Dossier.load(target.dossier) if target.dossier else None
    profile = target.profil or (dossier.profil if dossier else None)
    demande = dossier.demande if dossier else None
    mails = (
        target.mail_demandeur or (demande.mail_demandeur if demande else None),
        target.mail_informer or (demande.mail_personne_a_informer if demande else None),
    )
    if profile is None or mails[0] is None or mails[1] is None:
        raise TargetFault("Sans dossier, donnez --profil, --mail-demandeur et --mail-informer.")
    return _Resolved(
        reference=_reference(target, dossier),
        profile=load_profile(profile),
        mails=(mails[0], mails[1]),
        tiers=target.tiers or (demande.id_nat_tiers if demande else None),
        dossier=dossier,
    )


def _reference(target: Target, dossier: Dossier | None) -> Reference:
    if dossier is not None:
        acte = dossier.en_service
        if acte is None or acte.aki is None or acte.numero_serie is None:
            raise TargetFault(f"{dossier.chemin} n’a pas de certificat en service.")
        return Reference(aki=acte.aki, numero_serie=acte.numero_serie)
    if target.certificat is not None:
        try:
            return Reference.of(_read(target.certificat))
        except OSError as error:
            raise TargetFault(f"Le fichier {target.certificat} ne peut pas être lu : {file_fault(error)}.") from error
        except ValueError as error:
            raise TargetFault(
                f"Le fichier {target.certificat} n’est pas un certificat qui convienne : {error}"
            ) from error
    if target.aki and target.serie:
        return Reference(aki=target.aki, numero_serie=target.serie)
    raise TargetFault("Donnez un dossier, --certificat, ou --aki et --serie.")


def _read(file: Path) -> x509.Certificate:
    content = file.read_bytes()
    with suppress(ValueError):
        return read_certificates(content)[0]
    raise ValueError("ni PEM ni DER.")
