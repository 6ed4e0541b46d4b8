"""The work of ``pfcng obtenir``, ``reprendre`` and ``renouveler``: a folder led to its end, and its outcome."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import fasteners
import typer
from cryptography.x509.oid import NameOID

from pfcng.cli.output import Outcome, Status
from pfcng.cli.work import session
from pfcng.cli.work.failure import failure, usage
from pfcng.client import Client, ClientError, Profile, RefusedError, TransportError, forms
from pfcng.client.deployment import DeploymentError
from pfcng.client.dossier import FILE_NAME, Dossier, DossierError, Etape, Nature, new_acte, radical
from pfcng.client.files import PRIVATE, clean_drafts, file_fault
from pfcng.client.lost import is_revocation_due, replace_lost, revoke_lost
from pfcng.client.obtention import LostCertificate, Means, Obtention
from pfcng.client.parc import Parc
from pfcng.client.vault import Vault
from pfcng.contract.catalogue import GAMME, Environment
from pfcng.contract.messages import DemandeCertificat
from pfcng.contract.paris import PARIS
from pfcng.pki import authorities, names

KEYS: Final = (
    *("dossier", "etape", "indice_lot", "indice_demande", "indice_retrait"),
    *("numero_serie", "aki", "sujet", "debut_validite", "fin_validite", "fichiers"),
)
"""The keys of the JSON object beside the common ones."""
_LOCK: Final = ".verrou"
_OURS: Final = (_LOCK, f".{FILE_NAME}.")
"""What a kill before the first step leaves in a folder."""
_MARKERS: Final = {Environment.TEST: "TEST", Environment.PRODUCTION: "PROD"}


def obtenir(
    profil: Path,
    demande: DemandeCertificat,
    sortie: Path,
    *,
    p12_ancien: bool,
    parc: Path | None,
    phrase_file: Path | None,
    shown: bool,
) -> Outcome:
    """Order a certificate into a new folder, and lead it to its end."""
    data = _data("obtenir", sortie)
    try:
        profile = session.load_profile(profil)
        before = _reusable(sortie)
        vault = session.open_vault(parc, phrase_file)
        folder = _made(sortie)
        with locked(folder):
            dossier = Dossier(
                chemin=folder,
                identifiant=(before.identifiant if before else new_acte(Nature.DEMANDE, "").identifiant),
                profil=profil.resolve(),
                demande=demande,
                p12_ancien=p12_ancien,
                actes=before.actes if before else (),
            )
            dossier = begin(dossier, Nature.DEMANDE, profile)
            inventory = Parc(session.home(parc))
            inventory.add(folder)
            return led(dossier, profile, vault, inventory, data=data, shown=shown)
    except ClientError as error:
        return _failed(error, data)


def reprendre(folder: Path, *, remplacer: bool, parc: Path | None, phrase_file: Path | None, shown: bool) -> Outcome:
    """Go on with what was interrupted."""
    data = _data("reprendre", folder)
    try:
        with locked(folder):
            dossier = Dossier.load(folder)
            if dossier.dernier.ended and not remplacer and not is_revocation_due(dossier):
                return _done(dossier, data, headline="Rien à reprendre : tout est fait.")
            profile = session.load_profile(dossier.profil)
            vault = session.open_vault(parc, phrase_file)
            inventory = Parc(session.home(parc))
            inventory.add(dossier.chemin)
            if remplacer:
                with Client(profile) as client:
                    dossier = replace_lost(dossier, client, profile, _chains(inventory), begin)
            return led(dossier, profile, vault, inventory, data=data, shown=shown)
    except ClientError as error:
        return _failed(error, data)


def renouveler(folder: Path, *, parc: Path | None, phrase_file: Path | None, shown: bool) -> Outcome:
    """Renew the certificate of a folder now."""
    data = _data("renouveler", folder)
    try:
        with locked(folder):
            dossier = Dossier.load(folder)
            profile = session.load_profile(dossier.profil)
            vault = session.open_vault(parc, phrase_file)
            dossier = renewed(dossier, profile)
            return led(dossier, profile, vault, Parc(session.home(parc)), data=data, shown=shown)
    except ClientError as error:
        return _failed(error, data)


def renewed(dossier: Dossier, profile: Profile) -> Dossier:
    """The folder with a renouvellement that begins.

    Raises:
        DossierError: Something else is under way, or there is nothing to renew.
    """
    if not dossier.dernier.ended:
        raise DossierError(f"{dossier.chemin} n’est pas terminé.", conseil=f"Reprenez : {_resume(dossier.chemin)}")
    acte = dossier.en_service
    if acte is None or acte.aki is None or acte.numero_serie is None:
        raise DossierError(f"{dossier.chemin} n’a pas de certificat à renouveler.")
    return begin(dossier, Nature.RENOUVELLEMENT, profile, remplace=(acte.aki, acte.numero_serie))


def begin(dossier: Dossier, nature: Nature, profile: Profile, *, remplace: tuple[str, str] | None = None) -> Dossier:
    """Step O1: write what is wanted, and the name its files will have."""
    at = datetime.now(PARIS)
    taken = {acte.radical for acte in dossier.actes}
    while (name := radical(dossier.product, GAMME, _marker(profile), at)) in taken:
        at += timedelta(seconds=1)
    dossier = replace(dossier, actes=(*dossier.actes, new_acte(nature, name, remplace)))
    dossier.save()
    return dossier


def led(
    dossier: Dossier, profile: Profile, vault: Vault, parc: Parc, *, data: dict[str, object], shown: bool
) -> Outcome:
    """Take every step that is left, and tell what became of it."""
    with Client(profile) as client, session.progress(shown=shown) as tell:
        known = parc.known_numbers(but=dossier.chemin)
        means = Means(profile=profile, client=client, vault=vault, known=known, progress=tell)
        obtention = Obtention(dossier, means)
        try:
            dossier = revoke_lost(obtention.run(), client)
        except ClientError as error:
            return _failed(error, _described(obtention.dossier, data), obtention.dossier)
        except KeyboardInterrupt:
            typer.echo(f"Interrompu ; rien n’est perdu. Pour continuer : {_resume(dossier.chemin)}", err=True)
            raise
    return _done(dossier, data, headline="Le certificat est en service.")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder for this command alone.

    Raises:
        DossierError: Another command has it, or it does not exist.
    """
    file = folder / _LOCK
    lock = fasteners.InterProcessLock(file)
    try:
        file.touch(mode=PRIVATE)
        acquired = lock.acquire(blocking=False)
    except OSError as error:
        raise DossierError(f"{folder} n’est pas un dossier de « pfcng obtenir » : {file_fault(error)}.") from error
    if not acquired:
        raise DossierError(f"Une autre commande travaille dans {folder}.")
    try:
        clean_drafts(folder)
        yield
    finally:
        lock.release()


def _reusable(folder: Path) -> Dossier | None:
    """The folder that is there, when nothing in it can be lost.

    Raises:
        DossierError: Something in it could.
    """
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise DossierError(f"{folder} existe et n’est pas un dossier.")
    if (folder / FILE_NAME).exists():
        dossier = Dossier.load(folder)
        if all(acte.etape is Etape.REFUSEE for acte in dossier.actes):
            return dossier
        if dossier.dernier.ended:
            advice = f"Pour le renouveler : {shlex.join(['pfcng', 'renouveler', str(folder)])}"
            raise DossierError(f"{folder} contient déjà un certificat.", conseil=advice)
        raise DossierError(f"{folder} contient une demande inachevée.", conseil=f"Reprenez : {_resume(folder)}")
    if any(not entry.name.startswith(_OURS) for entry in folder.iterdir()):
        raise DossierError(f"{folder} n’est pas vide : donnez un nouveau dossier à --sortie.")
    return None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DossierError(f"Le dossier {folder} ne peut pas être fait : {file_fault(error)}.") from error
    return folder.resolve()


def _marker(profile: Profile) -> str:
    """The environment follows from the authority of the signer (guide §13)."""
    issuer = names.first(profile.signature.certificate.issuer, NameOID.COMMON_NAME) or ""
    try:
        return _MARKERS[authorities.by_common_name(issuer).environment]
    except KeyError:
        return ""


def _chains(parc: Parc) -> list[Path]:
    return [folder / forms.CHAINE.stable for folder in parc.folders()]


def _data(operation: str, folder: Path) -> dict[str, object]:
    return {"operation": operation, **dict.fromkeys(KEYS), "dossier": str(folder)}


def _described(dossier: Dossier, data: dict[str, object]) -> dict[str, object]:
    acte = dossier.dernier
    facts = {key: getattr(acte, key) for key in KEYS if hasattr(acte, key)}
    return {**data, **facts, "dossier": str(dossier.chemin), "fichiers": _files(dossier)}


def _files(dossier: Dossier) -> dict[str, str]:
    """The stable names that lead somewhere."""
    found = [form.stable for form in forms.FORMS if (dossier.chemin / form.stable).exists()]
    return {name: str(dossier.chemin / name) for name in found}


def _done(dossier: Dossier, data: dict[str, object], *, headline: str) -> Outcome:
    acte = dossier.en_service or dossier.dernier
    end = f"{acte.fin.astimezone(PARIS):%d/%m/%Y %H:%M} (heure de Paris)" if acte.fin else ""
    lines = (
        ("Produit", dossier.product.label),
        ("Sujet", acte.sujet or ""),
        ("Numéro de série", acte.numero_serie or ""),
        ("Fin de validité", end),
        ("Dossier", str(dossier.chemin)),
        ("Fichiers", ", ".join(_files(dossier))),
    )
    command = shlex.join(["pfcng", "coffre", "montrer", str(dossier.chemin)])
    return Outcome(
        status=Status.DONE,
        headline=headline,
        lines=tuple(line for line in lines if line[1]),
        advice=f"Mot de passe des PKCS#12 et code de révocation : {command}",
        data=_described(dossier, {**data, "code": "OK"}),
    )


def _failed(error: ClientError, data: dict[str, object], dossier: Dossier | None = None) -> Outcome:
    advice = ""
    if dossier is not None and not dossier.dernier.ended and not isinstance(error, LostCertificate):
        advice = f"Rien n’est perdu. Pour continuer : {_resume(dossier.chemin)}"
    match error:
        case RefusedError() | TransportError():
            return failure(error, data, headline="La plateforme a refusé.", advice=advice)
        case DeploymentError():
            outcome = usage(error.message, data, advice=advice)
            return replace(outcome, status=Status.DEPLOYMENT)
        case LostCertificate():
            outcome = usage(error.message, data, advice=error.conseil)
            return replace(outcome, status=Status.REFUSED)
    return failure(error, data, headline="", advice=advice)


def _resume(folder: Path) -> str:
    return shlex.join(["pfcng", "reprendre", str(folder)])
